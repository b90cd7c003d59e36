package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadList lists stored threads, a page at a time.
func threadList(ctx context.Context, c *Connection, p *protocol.ThreadListParams) (reply, error) {
	page, err := c.manager.List(ctx, p)
	if err != nil {
		return reply{}, err
	}
	return reply{result: page}, nil
}
