package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadNameSet names a thread.
func threadNameSet(ctx context.Context, c *Connection, p *protocol.ThreadSetNameParams) (reply, error) {
	name, err := c.manager.SetName(ctx, p.ThreadID, p.Name)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadSetNameResponse{}, after: func() { c.manager.Named(ctx, p.ThreadID, name) }}, nil
}
