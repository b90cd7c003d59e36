package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// turnInterrupt aborts the turn that runs. The answer comes when the abort is on
// disk, the end of the turn after the answer.
func turnInterrupt(ctx context.Context, c *Connection, p *protocol.TurnInterruptParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.Interrupt{TurnID: p.TurnID})
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.TurnInterruptResponse{}, after: receipt.Release}, nil
}
