package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// configRead shows the configuration in force, where each value comes from, and
// its layers.
func configRead(ctx context.Context, c *Connection, p *protocol.ConfigReadParams) (reply, error) {
	r, err := c.manager.ReadConfig(ctx, value(p.Cwd), p.IncludeLayers)
	if err != nil {
		return reply{}, err
	}
	return reply{result: r}, nil
}
