package manager

import (
	"context"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A thread that nobody is subscribed to and that does nothing is unloaded after
// idleLimit. Whatever changes one of the two restarts the clock.
const (
	idleLimit  = 30 * time.Minute
	unloadWait = 10 * time.Second
)

// restless restarts the clock of a thread, or stops it as long as somebody hears
// the thread or a turn runs. It never blocks.
func (m *Manager) restless(l *live) {
	idle := !m.needed(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clock != nil {
		l.clock.Stop()
		l.clock = nil
	}
	if idle && !l.closed {
		l.clock = time.AfterFunc(idleLimit, func() { m.unloadIdle(l) })
	}
}

// needed reports whether somebody hears a thread, or it works, or agents of it do:
// they would end with it.
func (m *Manager) needed(l *live) bool {
	if m.hub.heard(l.id) || l.thread.Snapshot().ActiveTurn != "" {
		return true
	}
	for _, id := range l.tree.of(l.id) {
		if agent := m.loaded(id); agent != nil && m.needed(agent) {
			return true
		}
	}
	return false
}

// unloadIdle ends a thread whose clock has run out, unless that is no longer so.
// It runs on the clock's goroutine, for which [Manager.Close] waits.
func (m *Manager) unloadIdle(l *live) {
	if !m.begin() {
		return
	}
	defer m.work.Done()
	ctx, cancel := context.WithTimeout(context.Background(), unloadWait)
	defer cancel()
	unlock, err := m.loading.lock(ctx, l.id)
	if err != nil {
		m.restless(l)
		return
	}
	defer unlock()
	l.mu.Lock()
	restarted := l.clock == nil
	l.mu.Unlock()
	if restarted || m.needed(l) {
		return
	}
	if err := m.unload(ctx, l.id); err != nil {
		m.log.Warn("unloading an idle thread", "thread", l.id, "error", err)
		m.restless(l)
		return
	}
	m.hub.announce(ctx, "thread/closed", &protocol.ThreadClosedNotification{ThreadID: l.id})
}

// begin counts work that Close waits for; false when the manager is closed.
func (m *Manager) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.work.Add(1)
	return true
}

// stopClock ends the watch over an idle thread for good.
func (l *live) stopClock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.clock != nil {
		l.clock.Stop()
		l.clock = nil
	}
}

// heard reports whether a client is subscribed to a thread.
func (h *hub) heard(threadID string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.subscribers[threadID]) > 0
}

// moved says of which threads the subscribers have changed.
func (h *hub) moved(threadIDs ...string) {
	if h.onMove == nil {
		return
	}
	for _, id := range threadIDs {
		h.onMove(id)
	}
}

// moved restarts the clock of a thread that gained or lost a subscriber.
func (m *Manager) moved(threadID string) {
	m.stir(threadID)
}

// stir restarts the clock of a thread, and those of the threads it works for.
func (m *Manager) stir(threadID string) {
	for l := m.loaded(threadID); l != nil; {
		m.restless(l)
		seat := l.tree.get(l.id)
		if seat == nil {
			return
		}
		l = m.loaded(seat.parentID)
	}
}

// settled restarts the clock when a thread's status changes: a turn has begun or
// ended. It is called with what the thread tells.
func (m *Manager) settled(e thread.Event) {
	if e.Kind != thread.Announced || e.Method != "thread/status/changed" {
		return
	}
	m.stir(e.Thread)
}
