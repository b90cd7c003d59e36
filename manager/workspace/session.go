package workspace

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// progress is how long a client waits to hear what was found so far, while
	// folders are still being read.
	progress = 100 * time.Millisecond
	// mostEntries is how many names a session remembers; about 30 bytes each.
	mostEntries = 2_000_000
)

var errNoRoots = errors.New("failed to start fuzzy file search session: at least one search directory is required")

// A session remembers the names below some roots and answers one query after
// another from them. A new query takes the place of the one before.
type session struct {
	id     string
	roots  []string
	tell   func(method string, params any)
	cancel context.CancelFunc
	wake   chan struct{} // holds one; a query, new folders, or the end of the walk
	ended  sync.WaitGroup

	turn atomic.Uint64 // counts queries, so that work on an old one can stop

	mu      sync.Mutex // guards the fields below; told under it, so that nothing old is told
	text    string
	held    bool // the query is not released yet
	closed  bool
	folders []*folder
	entries int
	walked  bool
}

// StartSession begins to remember the names below roots. The client is told what
// an empty query finds, which is nothing, when that is done. A session with the
// same name is replaced. Nothing is told before release is called.
func (c *Client) StartSession(id string, roots []string) (release func(), err error) {
	if id == "" {
		return nil, refuse("sessionId must not be empty")
	}
	if len(roots) == 0 {
		return nil, &Failure{Err: errNoRoots}
	}
	ctx, cancel := context.WithCancel(context.Background()) // lives as long as the session: close ends it
	s := &session{id: id, roots: slices.Clone(roots), tell: c.tell, cancel: cancel, wake: make(chan struct{}, 1), held: true}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		cancel()
		return nil, errClosed
	}
	old := c.sessions[id]
	c.sessions[id] = s
	s.ended.Go(func() { s.walk(ctx, c.service.home) })
	s.ended.Go(func() { s.serve(ctx) })
	c.mu.Unlock()
	if old != nil {
		old.close()
	}
	return func() { s.release(0) }, nil
}

// Query makes a session look for something else. Nothing is told of it before
// release is called, and nothing more of the query before it.
func (c *Client) Query(id, text string) (release func(), err error) {
	c.mu.Lock()
	s := c.sessions[id]
	c.mu.Unlock()
	if s == nil {
		return nil, refuse("fuzzy file search session not found: %s", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.held = text, true
	turn := s.turn.Add(1)
	return func() { s.release(turn) }, nil
}

// EndSession ends a session; one that does not exist has ended already.
func (c *Client) EndSession(id string) {
	c.mu.Lock()
	s := c.sessions[id]
	delete(c.sessions, id)
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// close ends the session and waits for it.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.turn.Add(1)
	s.cancel()
	s.ended.Wait()
}

func (s *session) release(turn uint64) {
	s.mu.Lock()
	if s.turn.Load() == turn {
		s.held = false
	}
	s.mu.Unlock()
	s.call()
}

func (s *session) call() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// walk gathers the folders.
func (s *session) walk(ctx context.Context, home string) {
	ctx, full := context.WithCancel(ctx)
	defer full()
	_ = newWalk(s.roots, home, func(_ int, f *folder) {
		s.mu.Lock()
		s.folders = append(s.folders, f)
		s.entries += len(f.ends)
		enough := s.entries >= mostEntries
		s.mu.Unlock()
		if enough {
			full()
		}
	}).run(ctx) // what was found until it was ended is what there is
	s.mu.Lock()
	s.walked = true
	s.mu.Unlock()
	s.call()
}

// serve answers queries until the session is closed.
func (s *session) serve(ctx context.Context) {
	tick := time.NewTicker(progress)
	defer tick.Stop()
	var a answer
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
		if s.answer(&a) {
			tick.Stop() // from now on only queries make news
		}
	}
}
