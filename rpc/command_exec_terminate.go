package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// commandExecTerminate ends a command; what asked for it is answered then.
func commandExecTerminate(_ context.Context, c *Connection, p *protocol.CommandExecTerminateParams) (reply, error) {
	running, err := execFamily.running(c.client.Command(p.ProcessID), p.ProcessID)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.CommandExecTerminateResponse{}, after: running.Kill}, nil
}
