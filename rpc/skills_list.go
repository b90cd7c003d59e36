package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// skillsList lists the skills that hold for each of the folders.
func skillsList(ctx context.Context, c *Connection, p *protocol.SkillsListParams) (reply, error) {
	entries, err := c.manager.Skills(ctx, p.Cwds, p.ForceReload)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.SkillsListResponse{Data: entries}}, nil
}
