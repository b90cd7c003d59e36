package mcp

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Options are what a Service needs from outside. Provider is required.
type Options struct {
	// Provider returns the provider that runs the servers, launching it if need
	// be, within ctx. A new one may be returned after the last has gone.
	Provider func(ctx context.Context) (provider.Provider, error)
	// Plugin does the same for a plugin that brings a server of its own. Nil means
	// that there are none.
	Plugin func(ctx context.Context, name string) (provider.Provider, error)
	// Env looks a variable of the host's environment up; nil means that none is set.
	Env func(name string) (string, bool)
	// Home is where a server runs that is asked about outside of any thread.
	Home string
	// Client is how the host introduces itself to servers.
	Client provider.ClientInfo
	// Linger is how long a server outlives its last thread; zero means 10 s.
	Linger time.Duration
	// Log may be nil.
	Log *slog.Logger
}

// Listener is told what happens to a thread's servers. Its methods may be
// called concurrently.
type Listener interface {
	// ServerStatus tells of one transition. Those of one server come in order, the
	// first possibly before Join returns. It must not block and must not call
	// back into the Set.
	ServerStatus(Startup)
	// ToolsChanged tells what a server that is up changed, or came back with after
	// it had died. It must not block and must not call back into the Set.
	ToolsChanged(Change)
	// ResourcesChanged tells that a server that is up has other resources, or
	// templates of them, now. It must not block and must not call back into the Set.
	ResourcesChanged(threadID, server string)
	// Elicit puts a server's question to the client and returns its response, an
	// McpServerElicitationRequestResponse. It may block until ctx ends, which it
	// does with the call that the question belongs to.
	Elicit(ctx context.Context, e Elicitation) (response []byte, err error)
}

// State is the state of a server's start.
type State string

// The states, in the words of the wire.
const (
	Starting  State = "starting"
	Ready     State = "ready"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Startup tells of a server's start.
type Startup struct {
	ThreadID string
	Name     string
	State    State
	Error    string // set when Failed
	// NeedsLogin: it failed for want of a login. LoginAgain: there is one, which the
	// server does not accept any more.
	NeedsLogin, LoginAgain bool
}

// Service owns the servers of all threads. Close it.
type Service struct {
	opts   Options
	ctx    context.Context // the servers' life; ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex // guards what follows; taken before an instance's, never after
	closed    bool
	instances map[string]*instance
	catalogs  map[[sha256.Size]byte]*catalog
	offers    map[string]offer // by the URL of the server
}

// New returns a Service. It starts nothing.
func New(o Options) *Service {
	if o.Linger == 0 {
		o.Linger = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Service{
		opts: o, ctx: ctx, cancel: cancel,
		instances: map[string]*instance{}, catalogs: map[[sha256.Size]byte]*catalog{}, offers: map[string]offer{},
	}
}

// Close stops every server and waits for the goroutines of the Service, within
// ctx. It is idempotent.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	instances := s.instances
	s.instances = map[string]*instance{}
	s.mu.Unlock()
	for _, i := range instances {
		i.shut()
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquire returns the instance for l, a new one unless there is one. The caller
// releases it. It is nil when the Service is closed.
func (s *Service) acquire(l launch, startup time.Duration) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	i := s.instances[l.server.Key]
	if i == nil {
		i = newInstance(s, l, startup)
		s.instances[l.server.Key] = i
	}
	i.allow(startup)
	i.hold()
	return i
}

// anywhere is acquire for what does not depend on the working directory: it
// prefers a server that runs already.
func (s *Service) anywhere(l launch, startup time.Duration) *instance {
	s.mu.Lock()
	for _, i := range s.instances {
		if i.launch.place == l.place && i.running() {
			i.hold()
			s.mu.Unlock()
			return i
		}
	}
	s.mu.Unlock()
	return s.acquire(l, startup)
}

// drop forgets an instance that nobody has held for the linger.
func (s *Service) drop(i *instance) {
	s.mu.Lock()
	unused := i.unused()
	if unused && s.instances[i.launch.server.Key] == i {
		delete(s.instances, i.launch.server.Key)
	}
	s.mu.Unlock()
	if unused {
		i.shut()
	}
}

// maxCatalogs bounds the cache of catalogs: threads with the same servers share
// one, and there are few different sets at a time.
const maxCatalogs = 32

// catalog returns the catalog of parts.
func (s *Service) catalog(parts []part) *catalog {
	stamp := stampOf(parts)
	s.mu.Lock()
	c := s.catalogs[stamp]
	s.mu.Unlock()
	if c != nil {
		return c
	}
	c = newCatalog(parts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.catalogs) >= maxCatalogs {
		clear(s.catalogs)
	}
	s.catalogs[stamp] = c
	return c
}
