package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// skillsList lists the skills that hold for each of the folders.
func skillsList(ctx context.Context, c *Connection, p *protocol.SkillsListParams) (reply, error) {
	listings, err := c.manager.Skills(ctx, p.Cwds, p.ForceReload)
	if err != nil {
		return reply{}, err
	}
	r := &protocol.SkillsListResponse{Data: make([]protocol.SkillsListEntry, len(listings))}
	for i := range listings {
		r.Data[i] = listings[i].Entry()
	}
	return reply{result: r, after: c.followSkills(listings)}, nil
}

// codexhostSkillsList is skillsList with a generation for each folder.
func codexhostSkillsList(ctx context.Context, c *Connection, p *protocol.SkillListingsParams) (reply, error) {
	listings, err := c.manager.Skills(ctx, p.Cwds, p.ForceReload)
	if err != nil {
		return reply{}, err
	}
	r := &protocol.SkillListingsResponse{Data: make([]protocol.SkillListing, len(listings)), Watching: c.manager.Watching()}
	for i := range listings {
		e := listings[i].Entry()
		r.Data[i] = protocol.SkillListing{Cwd: e.Cwd, Skills: e.Skills, Errors: e.Errors}
		if s := listings[i].Snapshot; s != nil {
			r.Data[i].Generation = int64(s.Generation)
		}
	}
	return reply{result: r, after: c.followSkills(listings)}, nil
}

// followSkills returns what has to be done once a client knows the listings: one
// that wants to hear what changes is told from then on. Nil for others.
func (c *Connection) followSkills(listings []manager.SkillListing) func() {
	if !c.initialized().wants("codexhost/skills/changed") {
		return nil
	}
	return func() { c.client.FollowSkills(listings) }
}
