package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadRead reads a loaded or stored thread, with its turns if they are asked for.
func threadRead(ctx context.Context, c *Connection, p *protocol.ThreadReadParams) (reply, error) {
	v, err := c.manager.Read(ctx, p.ThreadID, p.IncludeTurns)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadReadResponse{Thread: v}}, nil
}
