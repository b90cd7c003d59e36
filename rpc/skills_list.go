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
	return reply{result: skillEntries(listings), after: c.followSkills(listings)}, nil
}

// skillEntries is the answer to skills/list, most of which was encoded before.
type skillEntries []manager.SkillListing

func (entries skillEntries) appendTo(b []byte) ([]byte, error) {
	b = append(b, `{"data":[`...)
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		e := &entries[i]
		if e.Snapshot != nil {
			if rest := e.Snapshot.Wire(); rest != nil {
				b = append(member(append(b, `{"cwd":`...), e.Cwd), ',')
				b = append(b, rest...)
				continue
			}
		}
		var err error
		if b, err = protocol.Append(b, e.Entry()); err != nil {
			return nil, err
		}
	}
	return append(b, "]}"...), nil
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
