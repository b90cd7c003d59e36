package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadTurnsList pages through the turns of a thread, newest first unless asked
// otherwise.
func threadTurnsList(ctx context.Context, c *Connection, p *protocol.ThreadTurnsListParams) (reply, error) {
	page, err := c.manager.Turns(ctx, p)
	if err != nil {
		return reply{}, err
	}
	return reply{result: page}, nil
}
