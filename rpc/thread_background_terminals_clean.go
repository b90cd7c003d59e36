package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadBackgroundTerminalsClean ends all commands of a thread.
func threadBackgroundTerminalsClean(_ context.Context, c *Connection, p *protocol.ThreadBackgroundTerminalsCleanParams) (reply, error) {
	if err := c.manager.CleanTerminals(p.ThreadID); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadBackgroundTerminalsCleanResponse{}}, nil
}
