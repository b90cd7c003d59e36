package workspace

import (
	"log/slog"
	"sync"
	"time"

	"github.com/codexhost/codexhost/skillswatch"
)

// Options make a Service; the zero value is usable.
type Options struct {
	Log *slog.Logger
	// Home is where the user's own rules for git lie; empty takes none into account.
	Home string
}

// A Service serves the files of every client. It starts nothing before it is needed.
type Service struct {
	watcher *skillswatch.Watcher
	home    string

	mu      sync.Mutex // guards the fields below
	clients map[*Client]bool
	closed  bool
}

// Changes are gathered for a moment, as a client wants to hear once of one save.
const (
	quiet   = 100 * time.Millisecond
	longest = 200 * time.Millisecond
)

// New makes a service.
func New(o Options) *Service {
	return &Service{
		watcher: skillswatch.New(skillswatch.Options{
			Debounce: quiet, MaxDebounce: longest, Logger: o.Log,
			Ignore: []string{}, // a client that watches a file wants to hear of it, whatever it is called
		}),
		home:    o.Home,
		clients: make(map[*Client]bool),
	}
}

// Close ends the watches and searches of every client and waits for them. It may
// be called again.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	clients := make([]*Client, 0, len(s.clients))
	for c := range s.clients {
		clients = append(clients, c)
	}
	s.mu.Unlock()
	for _, c := range clients {
		c.Close()
	}
	s.watcher.Close()
}

// A Client is one user of the service: the names of its watches and sessions are
// its own.
type Client struct {
	service *Service
	tell    func(method string, params any)
	running sync.WaitGroup // searches
	ended   chan struct{}  // closed when Close is over

	mu       sync.Mutex // guards the fields below
	watches  map[string]*watch
	sessions map[string]*session
	searches map[*search]bool
	tokens   map[string]*search // the last search with each
	closed   bool               // nothing new is accepted
	closing  bool               // Close was called
}

// Client makes a client; close it. It is told of what it watches and searches by
// calls of tell with a notification of the protocol, from several goroutines and
// never after Close returned; tell must not block.
func (s *Service) Client(tell func(method string, params any)) *Client {
	c := &Client{
		service: s, tell: tell, ended: make(chan struct{}),
		watches:  make(map[string]*watch),
		sessions: make(map[string]*session),
		searches: make(map[*search]bool),
		tokens:   make(map[string]*search),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed = s.closed; !c.closed {
		s.clients[c] = true
	}
	return c
}

var errClosed = refuse("the host is shutting down")

// Close ends the client's watches and searches and waits for them. It may be
// called again.
func (c *Client) Close() {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		<-c.ended
		return
	}
	c.closing, c.closed = true, true
	defer close(c.ended)
	watches, sessions := c.watches, c.sessions
	c.watches, c.sessions = nil, nil
	for s := range c.searches {
		s.cancel()
	}
	c.mu.Unlock()
	for _, w := range watches {
		w.registration.Close()
	}
	for _, s := range sessions {
		s.close()
	}
	c.running.Wait()
	c.service.mu.Lock()
	delete(c.service.clients, c)
	c.service.mu.Unlock()
}
