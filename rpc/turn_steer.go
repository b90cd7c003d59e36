package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// turnSteer adds input to the turn that runs.
func turnSteer(ctx context.Context, c *Connection, p *protocol.TurnSteerParams) (reply, error) {
	if err := checkInput(p.Input); err != nil {
		return reply{}, err
	}
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.Steer{ExpectedTurnID: p.ExpectedTurnID, Input: p.Input, ClientMessageID: value(p.ClientUserMessageID)})
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.TurnSteerResponse{TurnID: receipt.TurnID}, after: receipt.Release}, nil
}
