package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadBackgroundTerminalsTerminate ends one command and everything it started.
func threadBackgroundTerminalsTerminate(_ context.Context, c *Connection, p *protocol.ThreadBackgroundTerminalsTerminateParams) (reply, error) {
	ended, err := c.manager.TerminateTerminal(p.ThreadID, p.ProcessID)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadBackgroundTerminalsTerminateResponse{Terminated: ended}}, nil
}
