package rpc

import (
	"context"
	"testing"

	"github.com/codexhost/codexhost/manager/skills"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// What was encoded before is what encoding now would give.
func TestSkillEntries(t *testing.T) {
	some := skillSnapshot(t, skill.Listing{
		Skills: []skill.Skill{{Path: "/a/SKILL.md", Name: "a", Description: "\"quoted\" \u2028"}, {Path: "/b/SKILL.md", Name: "b", Description: "d"}},
		Errors: []skill.Problem{{Path: "/c", Message: "m"}},
	})
	none := skillSnapshot(t, skill.Listing{})
	for _, entries := range []skillEntries{
		nil, {{Cwd: "/x", Snapshot: some}}, {{Cwd: "/x", Snapshot: none}, {Cwd: "with \"quotes\"", Problem: "broken"}, {Cwd: "/y", Snapshot: some}},
	} {
		want := protocol.SkillsListResponse{Data: []protocol.SkillsListEntry{}}
		for i := range entries {
			if s := entries[i].Snapshot; s != nil && s.Wire() == nil {
				t.Error("nothing was encoded")
			}
			want.Data = append(want.Data, entries[i].Entry())
		}
		got, err := appendMessage([]byte("before"), entries)
		plain, err2 := protocol.Append([]byte("before"), &want)
		if err != nil || err2 != nil || string(got) != string(plain) {
			t.Errorf("got  %s, %v\nwant %s, %v", got, err, plain, err2)
		}
	}
}

// skillSnapshot is a snapshot of what one provider says.
func skillSnapshot(t *testing.T, l skill.Listing) *skills.Snapshot {
	c := skills.New(skills.Options{Providers: &oneProvider{l}})
	t.Cleanup(c.Close)
	sn, err := c.List(t.Context(), skills.Settings{Cwd: "/x"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return sn
}

// oneProvider always says the same.
type oneProvider struct{ listing skill.Listing }

func (*oneProvider) Names() []string { return []string{"one"} }

func (p *oneProvider) Use(ctx context.Context, _ string, f func(context.Context, skill.Provider) error) error {
	return f(ctx, p)
}

func (p *oneProvider) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return p.listing, nil
}

func (*oneProvider) Read(context.Context, skill.ReadRequest) (skill.Content, error) {
	return skill.Content{}, skill.ErrNotFound
}
