package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// accountRead says who is logged in, as far as the configured provider cares.
func accountRead(ctx context.Context, c *Connection, _ *protocol.GetAccountParams) (reply, error) {
	a, err := c.manager.Account(ctx)
	if err != nil {
		return reply{}, err
	}
	return reply{result: a}, nil
}
