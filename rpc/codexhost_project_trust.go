package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// codexhostProjectTrust shows what a project's files have run, and accepts it.
func codexhostProjectTrust(ctx context.Context, c *Connection, p *protocol.ProjectTrustParams) (reply, error) {
	r, err := c.manager.ProjectTrust(ctx, value(p.Cwd), p.Accept)
	if err != nil {
		return reply{}, err
	}
	return reply{result: r}, nil
}
