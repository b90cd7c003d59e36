package mcp

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Set is the servers of one thread. Its methods may be called concurrently.
// Close it.
type Set struct {
	svc      *Service
	thread   string
	listener Listener

	mu         sync.Mutex // guards what follows
	cwd        string
	members    map[string]*member
	remembered map[rawName]bool
	closed     bool
}

// member is one server of a Set. It does not change; a change of the settings
// makes a new one.
type member struct {
	set      *Set
	server   Server
	instance *instance // nil when err is set or the server is not enabled
	err      error     // why it cannot be started at all

	mu   sync.Mutex
	told State
	off  bool // has left the Set or was cancelled: nothing more is told
}

// Join gives a thread its servers and starts what is missing in the background.
// cwd is the thread's.
func (s *Service) Join(thread, cwd string, servers []Server, l Listener) *Set {
	t := &Set{svc: s, thread: thread, listener: l, cwd: cwd, members: map[string]*member{}, remembered: map[rawName]bool{}}
	t.replace(cwd, servers, false)
	return t
}

// Update replaces the settings. Servers whose launch is unchanged keep their
// process and are announced as ready again; failed ones are tried again.
func (t *Set) Update(cwd string, servers []Server) { t.replace(cwd, servers, true) }

// Reconcile replaces the settings where they differ: of the other servers
// nothing is told, and none is tried again.
func (t *Set) Reconcile(cwd string, servers []Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	old, moved := t.members, t.cwd != cwd
	t.cwd = cwd
	t.members = make(map[string]*member, len(servers))
	for _, s := range servers {
		prior := old[s.Name]
		switch {
		case prior == nil:
			t.members[s.Name] = t.enlist(s, false)
		case !moved && reflect.DeepEqual(prior.server, s):
			t.members[s.Name] = prior
			delete(old, s.Name)
		default:
			t.members[s.Name] = t.succeed(prior, s)
		}
	}
	for _, m := range old {
		m.leave()
	}
}

// succeed makes the member that follows prior with other settings. If they need
// no other process, what prior was told holds for it.
func (t *Set) succeed(prior *member, s Server) *member {
	if prior.instance == nil || !s.Enabled {
		return t.enlist(s, false)
	}
	l, err := t.launch(&s)
	if err != nil || l.server.Key != prior.instance.launch.server.Key {
		return t.enlist(s, false)
	}
	m := &member{set: t, server: s, instance: t.svc.acquire(l, s.startupTimeout())}
	if m.instance == nil {
		return t.enlist(s, false) // it says why
	}
	prior.leave()
	prior.mu.Lock()
	m.told = prior.told
	prior.mu.Unlock()
	m.instance.adopt(m)
	return m
}

// launch is that of a server in this thread.
func (t *Set) launch(s *Server) (launch, error) {
	l, err := s.launch(t.cwd, t.svc.opts.Client, t.svc.opts.Env)
	if err == nil && s.PerThread {
		l.alone(t.thread)
	}
	return l, err
}

func (t *Set) replace(cwd string, servers []Server, reload bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.cwd = cwd
	old := t.members
	t.members = make(map[string]*member, len(servers))
	for _, s := range servers {
		t.members[s.Name] = t.enlist(s, reload)
	}
	for _, m := range old {
		m.leave()
	}
}

// enlist makes a member and starts its server.
func (t *Set) enlist(s Server, reload bool) *member {
	m := &member{set: t, server: s}
	if !s.Enabled {
		return m
	}
	l, err := t.launch(&s)
	if err != nil {
		m.err = err
		m.announce(Startup{State: Starting})
		m.announce(failedStartup(&s, err, s.startupTimeout()))
		return m
	}
	if m.instance = t.svc.acquire(l, s.startupTimeout()); m.instance == nil {
		m.err = fmt.Errorf("the host is shutting down")
		return m
	}
	m.instance.join(m, reload)
	return m
}

// leave takes the member out of its instance.
func (m *member) leave() {
	m.mu.Lock()
	off := m.off
	m.off = true
	m.mu.Unlock()
	if m.instance != nil && !off {
		m.instance.leave(m)
	}
}

// tell announces the phase of the instance, whose lock the caller holds.
func (m *member) tell(i *instance) {
	switch i.phase {
	case starting:
		m.announce(Startup{State: Starting})
	case up:
		m.announce(Startup{State: Ready})
	case failed:
		m.announce(failedStartup(&m.server, i.err, i.startup))
	case down:
		if i.err != nil { // a restart failed; the death alone is not news of a start
			m.announce(failedStartup(&m.server, i.err, i.startup))
		}
	}
}

// announce tells the listener of a transition, once.
func (m *member) announce(s Startup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off || m.told == s.State {
		return
	}
	m.told = s.State
	s.ThreadID, s.Name = m.set.thread, m.server.Name
	m.set.listener.ServerStatus(s)
}

// CancelStartup gives up on the servers that are still starting.
func (t *Set) CancelStartup() {
	for _, m := range t.list() {
		m.mu.Lock()
		cancel := m.told == Starting && !m.off
		m.mu.Unlock()
		if cancel {
			m.announce(Startup{State: Cancelled})
			m.leave()
		}
	}
}

// Close lets the servers go. It does not wait for them.
func (t *Set) Close() {
	t.mu.Lock()
	members := t.members
	t.members, t.closed = nil, true
	t.mu.Unlock()
	for _, m := range members {
		m.leave()
	}
}

// list is the members, by name.
func (t *Set) list() []*member {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := slices.Collect(maps.Values(t.members))
	slices.SortFunc(out, func(a, b *member) int { return compare(a.server.Name, b.server.Name) })
	return out
}

// Servers lists the settings of all servers, by name.
func (t *Set) Servers() []Server {
	var out []Server
	for _, m := range t.list() {
		out = append(out, m.server)
	}
	return out
}

// Names lists the enabled servers, sorted.
func (t *Set) Names() []string {
	var out []string
	for _, m := range t.list() {
		if m.server.Enabled {
			out = append(out, m.server.Name)
		}
	}
	return out
}

// Offer is what the servers that are up now offer.
func (t *Set) Offer() *Offer {
	var parts []part
	for _, m := range t.list() {
		if m.instance == nil {
			continue
		}
		if p, ok := m.instance.part(&m.server); ok {
			parts = append(parts, p)
		}
	}
	return &Offer{set: t, catalog: t.svc.catalog(parts)}
}

// WaitReady waits until the named servers, or all when none is named, are up or
// have failed, within ctx. It returns the names of those that are not up.
func (t *Set) WaitReady(ctx context.Context, names ...string) (missing []string) {
	for _, m := range t.list() {
		if !m.server.Enabled || len(names) > 0 && !slices.Contains(names, m.server.Name) {
			continue
		}
		if m.wait(ctx) != nil {
			missing = append(missing, m.server.Name)
		}
	}
	return missing
}

// StillStarting lists the servers that neither are up nor have failed, sorted.
func (t *Set) StillStarting() []string {
	var names []string
	for _, m := range t.list() {
		m.mu.Lock()
		off := m.off // as one whose start was cancelled
		m.mu.Unlock()
		if m.server.Enabled && m.instance != nil && !off && m.instance.pending() {
			names = append(names, m.server.Name)
		}
	}
	return names
}

// WaitRequired waits until the required servers are up. The error names those
// that failed, and why.
func (t *Set) WaitRequired(ctx context.Context) error {
	var failures []string
	for _, m := range t.list() {
		if !m.server.Enabled || !m.server.Required {
			continue
		}
		if err := m.wait(ctx); err != nil {
			failures = append(failures, m.server.Name+": "+startFailure(&m.server, err, m.server.startupTimeout()))
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return fmt.Errorf("required MCP servers failed to initialize: %s", strings.Join(failures, "; "))
}

func (m *member) wait(ctx context.Context) error {
	if m.instance == nil {
		return m.err
	}
	return m.instance.wait(ctx)
}

// Remember approves a tool for the rest of the thread's life.
func (t *Set) Remember(server, tool string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remembered[rawName{server, tool}] = true
}

// member returns the server of that name.
func (t *Set) member(name string) *member {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members[name]
}
