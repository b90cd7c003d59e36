package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func hooksList(ctx context.Context, c *Connection, p *protocol.HooksListParams) (reply, error) {
	return reply{result: &protocol.HooksListResponse{Data: c.manager.Hooks(ctx, p.Cwds)}}, nil
}
