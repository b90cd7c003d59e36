package mcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Readiness is what became of one server's start.
type Readiness struct {
	Name string
	// State is Starting when the wait ended first, and empty for a server that is
	// not enabled.
	State State
	Error string // set when Failed
	// Diagnosis is set when Failed.
	Diagnosis *Diagnosis
	Tools     int // offered by it, after the filters
}

// An UnknownServer is one that the settings do not name.
type UnknownServer struct{ Name string }

func (e *UnknownServer) Error() string { return fmt.Sprintf("unknown MCP server '%s'", e.Name) }

// StillStarting says that a wait was over before these servers came up or
// failed.
type StillStarting struct {
	Names []string
	After time.Duration
}

func (e *StillStarting) Error() string {
	return fmt.Sprintf("MCP servers are still starting after %s: %s", seconds(e.After), strings.Join(e.Names, ", "))
}

// WaitFor waits until the named servers of the thread, or all that are enabled
// when none is named, are up or have failed, but no longer than limit. One that
// has died is started again. The error is an *UnknownServer, a *StillStarting or
// the context's; beside the second, the list is what is known by then.
func (t *Set) WaitFor(ctx context.Context, limit time.Duration, names ...string) ([]Readiness, error) {
	return waitFor(ctx, limit, t.list(), names, func(ctx context.Context, m *member) error {
		if m.instance == nil {
			return m.err
		}
		_, err := m.instance.serving(ctx)
		return err
	})
}

// WaitFor is Set.WaitFor outside of any thread. Servers that are not running are
// started for it and stopped after the linger.
func (s *Service) WaitFor(ctx context.Context, limit time.Duration, servers []Server, names ...string) ([]Readiness, error) {
	members := make([]*member, 0, len(servers))
	for _, server := range servers {
		members = append(members, &member{server: server})
	}
	var held sync.Map
	defer held.Range(func(_, i any) bool {
		i.(*instance).release()
		return true
	})
	return waitFor(ctx, limit, members, names, func(ctx context.Context, m *member) error {
		l, err := m.server.launch(s.opts.Home, s.opts.Client, s.opts.Env)
		if err != nil {
			return err
		}
		if m.instance = s.anywhere(l, m.server.startupTimeout()); m.instance == nil {
			return errors.New("the host is shutting down")
		}
		held.Store(m, m.instance)
		m.instance.begin()
		_, err = m.instance.serving(ctx)
		return err
	})
}

// waitFor waits side by side with up, which brings a member's server up.
func waitFor(ctx context.Context, limit time.Duration, members []*member, names []string, up func(context.Context, *member) error) ([]Readiness, error) {
	for _, name := range names {
		if !slices.ContainsFunc(members, func(m *member) bool { return m.server.Name == name }) {
			return nil, &UnknownServer{name}
		}
	}
	if len(names) > 0 {
		members = slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return !slices.Contains(names, m.server.Name) })
	} else {
		members = slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return !m.server.Enabled })
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := make([]Readiness, len(members))
	var wg sync.WaitGroup
	for n, m := range members {
		wg.Go(func() { out[n] = m.readiness(bounded, up) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	late := &StillStarting{After: limit}
	for _, r := range out {
		if r.State == Starting {
			late.Names = append(late.Names, r.Name)
		}
	}
	if len(late.Names) > 0 {
		return out, late
	}
	return out, nil
}

// readiness waits for one server.
func (m *member) readiness(ctx context.Context, up func(context.Context, *member) error) Readiness {
	r := Readiness{Name: m.server.Name}
	m.mu.Lock()
	cancelled := m.told == Cancelled
	m.mu.Unlock()
	switch {
	case !m.server.Enabled:
		return r
	case cancelled:
		r.State = Cancelled
		return r
	}
	switch err := up(ctx, m); {
	case err == nil:
		r.State, r.Tools = Ready, m.instance.offers(&m.server)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		r.State = Starting
	default:
		err = m.reason(err)
		r.State, r.Error = Failed, startFailure(&m.server, err, m.server.startupTimeout())
		r.Diagnosis = diagnose(&m.server, err)
	}
	return r
}

// reason is why the server of the member is not up, as the start said it.
func (m *member) reason(err error) error {
	if m.instance == nil {
		return err
	}
	m.instance.mu.Lock()
	defer m.instance.mu.Unlock()
	if m.instance.phase == failed && m.instance.err != nil {
		return m.instance.err
	}
	return err
}

// offers counts the tools that the settings let through.
func (i *instance) offers(s *Server) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 0
	for k := range i.tools {
		if s.allows(i.tools[k].Name) {
			n++
		}
	}
	return n
}
