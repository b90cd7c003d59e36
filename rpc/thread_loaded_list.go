package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadLoadedList names the threads that are loaded.
func threadLoadedList(ctx context.Context, c *Connection, p *protocol.ThreadLoadedListParams) (reply, error) {
	ids := c.manager.ThreadIDs()
	page, next, err := pageOf(ids, p.Cursor, p.Limit)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadLoadedListResponse{Data: page, NextCursor: next}}, nil
}
