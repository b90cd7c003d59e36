package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// scripted is a server whose lists are written down: the n-th answer is lists[n],
// the last one for ever.
type scripted struct {
	provider.Session
	lists []string
	asked int
	done  chan struct{}
}

func (s *scripted) Info() provider.Info {
	var page struct{ Tools []json.RawMessage }
	_ = json.Unmarshal([]byte(s.lists[0]), &page)
	return provider.Info{Tools: page.Tools}
}

func (s *scripted) End() provider.End { return provider.End{Asked: true} }

func (s *scripted) Done() <-chan struct{} { return s.done }

func (s *scripted) List(context.Context, provider.Listing, string) (json.RawMessage, error) {
	s.asked++
	return json.RawMessage(s.lists[min(s.asked, len(s.lists)-1)]), nil
}

func (s *scripted) Close(context.Context) error { close(s.done); return nil }

func (s *scripted) Start(context.Context, provider.Server, provider.Host) (provider.Session, error) {
	return s, nil
}

type deafListener struct{ told []string }

func (*deafListener) ServerStatus(Startup) {}
func (l *deafListener) ToolsChanged(c Change) {
	l.told = append(l.told, fmt.Sprint(c.Added, c.Removed, c.Altered))
}
func (l *deafListener) ResourcesChanged(thread, server string) {
	l.told = append(l.told, thread+" "+server)
}
func (*deafListener) Elicit(context.Context, Elicitation) ([]byte, error) { return nil, nil }

// However often a server says that its tools change, it is asked once they are
// left alone, and only what is different makes a new offer.
func TestChangesSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := `{"tools":[{"name":"a"},{"name":"b"}]}`
		two := `{"tools":[{"name":"b","description":"better"},{"name":"c"}]}`
		server := &scripted{lists: []string{one, one, two}, done: make(chan struct{})}
		s := New(Options{Provider: func(context.Context) (provider.Provider, error) { return server, nil }})
		l := &deafListener{}
		set := s.Join("t", "/", []Server{{Name: "x", Enabled: true, Command: "x"}}, l)
		set.WaitReady(t.Context())
		first := set.Offer().catalog
		h := host{set.member("x").instance}
		for range 20 {
			h.ToolsChanged()
			time.Sleep(4 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if server.asked != 1 || set.Offer().catalog != first || len(l.told) != 0 {
			t.Errorf("asked %d times, same offer: %v, told %q", server.asked, set.Offer().catalog == first, l.told)
		}
		h.ToolsChanged()
		time.Sleep(time.Second)
		synctest.Wait()
		if server.asked != 2 || set.Offer().catalog == first || len(l.told) != 1 || l.told[0] != "[c] [a] [b]" {
			t.Errorf("asked %d times, same offer: %v, told %q", server.asked, set.Offer().catalog == first, l.told)
		}
		for range 20 {
			h.ResourcesChanged()
			time.Sleep(4 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(l.told) != 2 || l.told[1] != "t x" {
			t.Errorf("told %q", l.told)
		}
		set.Close()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// endless is a server with another page for ever.
type endless struct {
	provider.Session
	entry string
	pages int
}

func (e *endless) List(context.Context, provider.Listing, string) (json.RawMessage, error) {
	e.pages++
	return json.RawMessage(`{"resources":["` + e.entry + `"],"nextCursor":"` + strconv.Itoa(e.pages) + `"}`), nil
}

func TestEndlessListIsCut(t *testing.T) {
	for _, c := range []struct{ entry, want int }{{10, maxPages}, {maxList / 4, 4}} {
		s := &endless{entry: strings.Repeat("x", c.entry)}
		list, err := resourcePages.all(t.Context(), s)
		if !errors.Is(err, errEndless) || len(list) > c.want || len(list) < c.want-1 || s.pages > c.want+1 {
			t.Errorf("entries of %d bytes: %d of %d pages, %v", c.entry, len(list), s.pages, err)
		}
	}
}
