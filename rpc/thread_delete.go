package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadDelete removes a thread and its agents for good.
func threadDelete(ctx context.Context, c *Connection, p *protocol.ThreadDeleteParams) (reply, error) {
	gone, err := c.manager.Delete(ctx, p.ThreadID)
	for _, id := range gone {
		c.heads.drop(id)
	}
	if err != nil {
		c.manager.Deleted(ctx, gone...)
		return reply{}, err
	}
	return reply{result: &protocol.ThreadDeleteResponse{}, after: func() { c.manager.Deleted(ctx, gone...) }}, nil
}
