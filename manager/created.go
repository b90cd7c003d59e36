package manager

import (
	"context"
	"fmt"
	"sync"
)

// createdDepth is how many created threads wait for a subscriber that is slow.
const createdDepth = 1024

// Lagged says that a subscriber was too slow, and how many of the oldest ids it
// has missed. It goes on with the next one.
type Lagged struct{ Missed uint64 }

func (e *Lagged) Error() string { return fmt.Sprintf("%d created threads were missed", e.Missed) }

// creations tells subscribers of threads that were made for others: sub-agents.
// Whoever starts, resumes or forks a thread holds it already.
type creations struct {
	mu   sync.Mutex
	ring [createdDepth]string
	sent uint64        // ids ever sent
	more chan struct{} // closed at the next id
}

// A Creation subscription hears the ids of created threads, from its making on.
type Creation struct {
	all  *creations
	next uint64
}

// Created subscribes to threads that are made on behalf of others.
func (m *Manager) Created() *Creation {
	c := &m.creations
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Creation{all: c, next: c.sent}
}

// NotifyCreated tells the subscribers of a thread. It never waits for them.
func (m *Manager) NotifyCreated(id string) {
	c := &m.creations
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring[c.sent%createdDepth] = id
	c.sent++
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
}

// Next waits for the next id, as long as ctx lives. A [*Lagged] error says what was
// missed; the call after it has the oldest id that is still there. One goroutine
// at a time may call it.
func (s *Creation) Next(ctx context.Context) (string, error) {
	for {
		id, more, err := s.poll()
		if more == nil {
			return id, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// poll returns what is there, or what is closed once there is something.
func (s *Creation) poll() (id string, more chan struct{}, err error) {
	c := s.all
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == s.next {
		if c.more == nil {
			c.more = make(chan struct{})
		}
		return "", c.more, nil
	}
	if behind := c.sent - s.next; behind > createdDepth {
		missed := behind - createdDepth
		s.next += missed
		return "", nil, &Lagged{missed}
	}
	id = c.ring[s.next%createdDepth]
	s.next++
	return id, nil, nil
}
