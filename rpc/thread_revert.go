package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadRevert drops a turn of a thread and all that came after it.
func threadRevert(ctx context.Context, c *Connection, p *protocol.ThreadRevertParams) (reply, error) {
	reverted, err := c.manager.Revert(ctx, p.ThreadID, p.BeforeTurnID)
	if err != nil {
		return reply{}, err
	}
	c.client.Subscribe(p.ThreadID)
	return reply{
		result: &protocol.ThreadRevertResponse{Thread: reverted.View, TurnsBackwardsCursor: reverted.TurnsCursor, ItemsBackwardsCursor: reverted.ItemsCursor},
		after:  func() { c.manager.Reverted(ctx, reverted) },
	}, nil
}
