package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadBackgroundTerminalsList lists the commands that outlived their calls.
func threadBackgroundTerminalsList(_ context.Context, c *Connection, p *protocol.ThreadBackgroundTerminalsListParams) (reply, error) {
	all, err := c.manager.Terminals(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	page, next, err := pageOf(all, p.Cursor, p.Limit)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadBackgroundTerminalsListResponse{Data: page, NextCursor: next}}, nil
}
