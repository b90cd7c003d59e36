package manager

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/thread"
)

// An Observer is a client's end: it hears events and answers questions. Event
// obeys the rules of thread.Observer.
type Observer interface {
	thread.Observer
	thread.Asker
}

// A Client is one program that uses the manager.
type Client struct {
	hub      *hub
	observer Observer
	skills   *skillFollower

	commands  *command.Table // what Manager.Exec started for it
	processes *command.Table // and Manager.Spawn
	logins    serverLogins   // and Manager.LoginServer
}

// Connect adds a client. It hears announcements from now on.
func (m *Manager) Connect(o Observer) *Client {
	c := &Client{hub: &m.hub, observer: o, commands: command.NewTable(), processes: command.NewTable(), skills: newSkillFollower(m, o)}
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.hub.clients = append(m.hub.clients, c)
	return c
}

// Subscribe lets the client hear a thread. It reports whether that is new.
func (c *Client) Subscribe(threadID string) bool {
	defer c.hub.moved(threadID)
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	for _, x := range c.hub.subscribers[threadID] {
		if x == c {
			return false
		}
	}
	// A fresh slice: events being delivered still range over the old one.
	old := c.hub.subscribers[threadID]
	c.hub.subscribers[threadID] = append(old[:len(old):len(old)], c)
	return true
}

// Unsubscribe ends a subscription. It reports whether there was one.
func (c *Client) Unsubscribe(threadID string) bool {
	defer c.hub.moved(threadID)
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	kept := without(c.hub.subscribers[threadID], c)
	had := len(kept) != len(c.hub.subscribers[threadID])
	if len(kept) == 0 {
		delete(c.hub.subscribers, threadID)
	} else {
		c.hub.subscribers[threadID] = kept
	}
	return had
}

// Close removes the client and all its subscriptions, ends its commands and waits
// for their end.
func (c *Client) Close() {
	c.StopCommands()
	c.skills.close()
	var left []string
	defer func() { c.hub.moved(left...) }()
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.hub.clients = without(c.hub.clients, c)
	for id, list := range c.hub.subscribers {
		kept := without(list, c)
		if len(kept) < len(list) {
			left = append(left, id)
		}
		if len(kept) == 0 {
			delete(c.hub.subscribers, id)
		} else {
			c.hub.subscribers[id] = kept
		}
	}
}

// without is a copy of list less one client.
func without(list []*Client, c *Client) []*Client {
	var kept []*Client
	for _, x := range list {
		if x != c {
			kept = append(kept, x)
		}
	}
	return kept
}

// A hub delivers events to clients. It keeps no queue: delivery happens on the
// goroutine of the thread that tells, in its order.
type hub struct {
	mu          sync.RWMutex
	clients     []*Client
	subscribers map[string][]*Client // by thread id
	open        map[string][]*question
	told        atomic.Uint64 // events so far; whoever waits sees whether anything moves
	onMove      func(threadID string)
	onEvent     func(thread.Event)
}

// Event delivers what a thread tells to those it is for.
func (h *hub) Event(ctx context.Context, e thread.Event) {
	h.told.Add(1)
	h.mu.RLock()
	to := h.subscribers[e.Thread]
	if e.Kind == thread.Announced {
		to = h.clients
	}
	h.mu.RUnlock()
	for _, c := range to {
		c.observer.Event(ctx, e)
	}
	if h.onEvent != nil {
		h.onEvent(e)
	}
}

// announce tells every client something that is no thread's own event.
func (h *hub) announce(ctx context.Context, method string, params any) {
	h.Event(ctx, thread.Event{Kind: thread.Announced, Method: method, Params: params})
}

// skillsMoved has those looked up who follow the skills of folders.
func (h *hub) skillsMoved() {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, c := range h.clients {
		c.skills.moved()
	}
}

// follow lets whoever hears a thread hear another one, too.
func (h *hub) follow(threadID, other string) {
	h.mu.RLock()
	to := h.subscribers[threadID]
	h.mu.RUnlock()
	for _, c := range to {
		c.Subscribe(other)
	}
}
