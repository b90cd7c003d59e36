package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// skillsConfigWrite turns skills on or off, by name or by path.
func skillsConfigWrite(ctx context.Context, c *Connection, p *protocol.SkillsConfigWriteParams) (reply, error) {
	if (value(p.Name) == "") == (value(p.Path) == "") {
		return reply{}, invalidParams(nil, "send one of them", "skills/config/write requires exactly one of path or name")
	}
	if err := c.manager.EnableSkill(ctx, value(p.Name), value(p.Path), p.Enabled); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.SkillsConfigWriteResponse{EffectiveEnabled: p.Enabled}}, nil
}
