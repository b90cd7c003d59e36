package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// processKill ends a process; process/exited tells when it has.
func processKill(_ context.Context, c *Connection, p *protocol.ProcessKillParams) (reply, error) {
	running, err := spawnFamily.running(c.client.Process(p.ProcessHandle), p.ProcessHandle)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ProcessKillResponse{}, after: running.Kill}, nil
}
