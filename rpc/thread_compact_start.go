package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadCompactStart replaces what the model sees of a thread by a summary.
func threadCompactStart(ctx context.Context, c *Connection, p *protocol.ThreadCompactStartParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.Compact{})
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadCompactStartResponse{}, after: receipt.Release}, nil
}
