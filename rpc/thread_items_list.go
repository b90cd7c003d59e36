package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadItemsList pages through the finished items of a thread, oldest first
// unless asked otherwise.
func threadItemsList(ctx context.Context, c *Connection, p *protocol.ThreadItemsListParams) (reply, error) {
	page, err := c.manager.Items(ctx, p)
	if err != nil {
		return reply{}, err
	}
	return reply{result: page}, nil
}
