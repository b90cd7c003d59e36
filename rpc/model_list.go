package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// modelList lists the models of the catalogue.
func modelList(ctx context.Context, c *Connection, p *protocol.ModelListParams) (reply, error) {
	all, err := c.manager.Models(ctx, value(p.IncludeHidden), value(p.ModelProvider))
	if err != nil {
		return reply{}, err
	}
	page, next, err := pageOf(all, p.Cursor, p.Limit)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ModelListResponse{Data: page, NextCursor: next}}, nil
}
