package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadRead reads a loaded or stored thread, with its turns if they are asked for.
func threadRead(ctx context.Context, c *Connection, p *protocol.ThreadReadParams) (reply, error) {
	r, err := c.manager.Read(ctx, p.ThreadID, p.IncludeTurns)
	if err != nil {
		return reply{}, err
	}
	done := reply{result: &protocol.ThreadReadResponse{Thread: r.Thread}, size: sizeOf(r.Thread.Turns)}
	if r.Damage != nil {
		done.after = func() { c.Event(ctx, thread.Event{Kind: thread.Told, Method: "warning", Params: r.Damage}) }
	}
	return done, nil
}
