package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// skillsExtraRootsSet replaces the process's extra skill roots.
func skillsExtraRootsSet(ctx context.Context, c *Connection, p *protocol.SkillsExtraRootsSetParams) (reply, error) {
	c.manager.SetExtraSkillRoots(p.ExtraRoots)
	return reply{result: &protocol.SkillsExtraRootsSetResponse{}, after: func() { c.manager.SkillsChanged(ctx) }}, nil
}
