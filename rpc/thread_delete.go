package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadDelete removes a thread for good.
func threadDelete(ctx context.Context, c *Connection, p *protocol.ThreadDeleteParams) (reply, error) {
	if err := c.manager.Delete(ctx, p.ThreadID); err != nil {
		return reply{}, err
	}
	c.heads.drop(p.ThreadID)
	return reply{result: &protocol.ThreadDeleteResponse{}, after: func() { c.manager.Deleted(ctx, p.ThreadID) }}, nil
}
