package mcp

import (
	"io"
	"slices"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// placed is a session with the provider that runs it.
type placed struct {
	provider.Session
	by provider.Provider
}

// Renew moves the server of a plugin to the process that the plugin is now,
// after it was replaced. Calls under way end where they began; not one is cut
// off. A server that had not come up is tried again. It does not wait.
func (s *Service) Renew(plugin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, i := range s.instances {
		if i.launch.plugin == plugin {
			s.wg.Go(i.renew)
		}
	}
}

// renew starts the server anew beside the running one, which it then replaces.
// When that fails the old one goes on, as long as its process does.
func (i *instance) renew() {
	i.renewing.Lock() // one after the other: each may be for another process
	defer i.renewing.Unlock()
	limit, ok := i.renewable()
	if !ok {
		return
	}
	session, err := i.open(i.svc.ctx, 0, limit)
	i.mu.Lock()
	switch {
	case err != nil:
		i.mu.Unlock()
		i.svc.opts.Log.Warn("an MCP server was not moved to its plugin's new process", "server", i.launch.server.Name, "error", err)
		return
	case i.shutAt || i.phase != up:
		i.mu.Unlock()
		i.svc.closeSession(session)
		return
	}
	old := i.session
	i.serve(session)
	drained := i.drained(old)
	i.mu.Unlock()
	i.svc.wg.Go(func() { i.svc.retire(old, drained) })
}

// renewable waits until no start is running, and begins one if the server never
// came up. ok says that there is a session to replace.
func (i *instance) renewable() (limit time.Duration, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.phase == starting && !i.shutAt {
		changed := i.changed
		i.mu.Unlock()
		select {
		case <-changed: // a start has a bound
		case <-i.svc.ctx.Done():
		}
		i.mu.Lock()
		if i.svc.ctx.Err() != nil {
			return 0, false
		}
	}
	if i.phase == failed && !i.shutAt {
		i.start(0)
	}
	return i.startup, i.phase == up && !i.shutAt && i.session != nil
}

// drained returns a channel that is closed when no call is under way on a
// session that gets no more. The caller holds the lock.
func (i *instance) drained(session provider.Session) <-chan struct{} {
	d := draining{session: session, done: make(chan struct{})}
	i.draining = append(i.draining, d)
	i.drain()
	return d.done
}

// draining is a session that was replaced.
type draining struct {
	session provider.Session
	done    chan struct{}
}

// drain notices sessions whose calls have ended. The caller holds the lock.
func (i *instance) drain() {
	i.draining = slices.DeleteFunc(i.draining, func(d draining) bool {
		busy := slices.ContainsFunc(i.flights, func(f *flight) bool { return f.session == d.session })
		if !busy {
			close(d.done)
		}
		return !busy
	})
}

// retire ends a session that was replaced when its calls have ended, and lets go
// of its process.
func (s *Service) retire(old provider.Session, drained <-chan struct{}) {
	select {
	case <-drained:
	case <-old.Done():
	case <-s.ctx.Done():
	}
	s.closeSession(old)
	if p, ok := old.(*placed); ok {
		if c, ok := p.by.(io.Closer); ok {
			_ = c.Close() // its process ends when nothing is left to do
		}
	}
}
