package skills_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/manager/skills"
	"github.com/codexhost/codexhost/plugins/skill"
)

// slowProviders is one provider that answers when it is let.
type slowProviders struct {
	ready chan struct{} // closed when it has started
	asked chan struct{} // gets a token with each listing

	mu  sync.Mutex
	now skill.Listing
	err error
}

func (p *slowProviders) Names() []string { return []string{"slow"} }

func (p *slowProviders) Use(ctx context.Context, _ string, f func(context.Context, skill.Provider) error) error {
	select {
	case <-p.ready:
		return f(ctx, p)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *slowProviders) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked <- struct{}{}
	return p.now, p.err
}

func (p *slowProviders) Read(context.Context, skill.ReadRequest) (skill.Content, error) {
	return skill.Content{Text: []byte("text")}, nil
}

// memory remembers until it is told that the provider has started.
type memory struct {
	mu    sync.Mutex
	kept  map[string][]byte
	awake bool
}

func (m *memory) Recall(_ string, request []byte) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.kept[string(request)]
	return b, ok && !m.awake
}

func (m *memory) Remember(_ string, request, answer []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[string(request)] = answer
}

func listOf(names ...string) skill.Listing {
	l := skill.Listing{Generation: 1}
	for _, n := range names {
		l.Skills = append(l.Skills, skill.Skill{Path: "slow:/" + n, Name: n, Description: n + ".", Scope: skill.ScopeUser})
	}
	return l
}

// TestRecalledListings: what was listed last stands in for a provider that still
// has to start, and a change is told when it has.
func TestRecalledListings(t *testing.T) {
	kept := &memory{kept: make(map[string][]byte)}
	// run is one life of a host; it returns what it listed before the provider was
	// ready, and whether a change was told afterwards.
	run := func(now skill.Listing, err error, force bool) (first []string, changed bool) {
		t.Helper()
		p := &slowProviders{ready: make(chan struct{}), asked: make(chan struct{}, 10), now: now, err: err}
		told := make(chan struct{}, 10)
		r := skills.Recall(p, kept, nil)
		r.OnChange(func() { told <- struct{}{} })
		c := skills.New(skills.Options{Providers: r, Builtin: "other"})
		defer c.Close()
		listed := make(chan []string, 1)
		go func() {
			sn, err := c.List(t.Context(), skills.Settings{Cwd: "/w"}, force)
			if err != nil {
				t.Error(err)
			}
			var names []string
			if sn != nil {
				for _, s := range sn.Entry("/w").Skills {
					names = append(names, s.Name)
				}
			}
			listed <- names
		}()
		if len(kept.kept) > 0 && !force {
			first = <-listed // the provider is not ready
			close(p.ready)
		} else {
			close(p.ready)
			first = <-listed
		}
		<-p.asked
		r.Settled()
		r.Close()
		return first, len(told) > 0
	}
	check := func(step string, first []string, changed bool, want string, wantChanged bool) {
		t.Helper()
		if len(first) != 1 || first[0] != want || changed != wantChanged {
			t.Errorf("%s: listed %q, changed %v", step, first, changed)
		}
	}
	first, changed := run(listOf("one"), nil, false)
	check("nothing kept", first, changed, "one", false)
	first, changed = run(listOf("one"), nil, false)
	check("the same", first, changed, "one", false)
	_, _ = run(listOf("two"), nil, true)
	first, changed = run(listOf("two"), nil, false)
	check("after a forced listing", first, changed, "two", false)
}

func TestRecalledListingsThatChanged(t *testing.T) {
	for _, c := range []struct {
		name string
		now  skill.Listing
		err  error
	}{{"others", listOf("two"), nil}, {"an error", skill.Listing{}, errors.New("no luck")}} {
		t.Run(c.name, func(t *testing.T) {
			kept := &memory{kept: make(map[string][]byte)}
			p := &slowProviders{ready: make(chan struct{}), asked: make(chan struct{}, 10), now: listOf("one")}
			close(p.ready)
			told := make(chan struct{}, 10)
			r := skills.Recall(p, kept, nil)
			defer r.Close()
			cat := skills.New(skills.Options{Providers: r, Builtin: "other"})
			defer cat.Close()
			r.OnChange(func() {
				kept.mu.Lock()
				kept.awake = true
				kept.mu.Unlock()
				cat.Invalidate()
				told <- struct{}{}
			})
			list := func() string {
				sn, err := cat.List(t.Context(), skills.Settings{Cwd: "/w"}, false)
				if err != nil {
					t.Fatal(err)
				}
				e := sn.Entry("/w")
				if len(e.Skills) == 1 {
					return e.Skills[0].Name
				}
				return e.Errors[0].Message
			}
			if got := list(); got != "one" {
				t.Fatal(got)
			}
			p.mu.Lock()
			p.now, p.err = c.now, c.err
			p.mu.Unlock()
			cat.Invalidate()
			if got := list(); got != "one" {
				t.Fatal("not recalled: ", got)
			}
			<-told
			want := "two"
			if c.err != nil {
				want = "no luck"
			}
			if got := list(); got != want {
				t.Errorf("after the news: %q, want %q", got, want)
			}
		})
	}
}
