package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/mcp/oauth"
	"github.com/codexhost/codexhost/manager/thread"
)

// A ServerLogin is a login to an MCP server that a client wants to begin.
type ServerLogin struct {
	Server   string
	ThreadID string // whose server it is; empty: one that the configuration names now
	Scopes   []string
	Timeout  time.Duration // 0 for the default
	// Done is told of the end, once begin was called.
	Done func(id string, err error)
}

// loginsChanged is told that somebody has logged in or out, as far as the file
// shows it. While a login is under way here, its end is told first.
func (m *Manager) loginsChanged() {
	if m.logins.Load() == 0 {
		m.mcp.LoginChanged()
	}
}

// LoginServer begins a login. url is what the user's browser must open; the login
// has a name and waits for the user once begin was called. There is one login to
// a server at a time: who begins another has given up on the first.
func (m *Manager) LoginServer(ctx context.Context, c *Client, r ServerLogin) (url, id string, begin func(), err error) {
	server, options, err := m.loginTarget(ctx, r)
	if err != nil {
		return "", "", nil, err
	}
	options.Timeout = r.Timeout
	if len(r.Scopes) == 0 {
		r.Scopes = nil
	}
	c.logins.end(server.Name, server.URL)
	l, err := m.mcp.Login(ctx, server, r.Scopes, options)
	switch {
	case errors.Is(err, mcp.ErrNotHTTP):
		return "", "", nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: err.Error(), Remedy: "log in to servers that have a url"}
	case errors.Is(err, mcp.ErrKeyring):
		return "", "", nil, &thread.Refusal{Kind: thread.KindConfigInvalid, Message: err.Error(), Remedy: `set mcp_oauth_credentials_store = "file"`}
	case err != nil:
		return "", "", nil, &thread.Failure{Kind: thread.KindServerFailed, Remedy: "see what the error says about the server or the authorization server",
			Err: fmt.Errorf("failed to login to MCP server '%s': %w", r.Server, err)}
	}
	unique, err := uuid.NewV7()
	entry := &serverLogin{login: l, key: [2]string{server.Name, server.URL}, told: make(chan struct{})}
	if err != nil || !c.logins.add(entry) {
		l.Close()
		return "", "", nil, errors.Join(err, errClosed)
	}
	id = unique.String()
	return l.URL, id, func() {
		m.logins.Add(1)
		c.logins.watch(entry, func(err error) {
			r.Done(id, err)
			m.logins.Add(-1)
			m.mcp.LoginChanged()
		})
	}, nil
}

// loginTarget finds the server, and how the user logs in.
func (m *Manager) loginTarget(ctx context.Context, r ServerLogin) (mcp.Server, oauth.Options, error) {
	var cfg *config.Config
	var servers []mcp.Server
	if r.ThreadID != "" {
		l, err := m.get(r.ThreadID)
		if err != nil {
			return mcp.Server{}, oauth.Options{}, err
		}
		cfg = l.config
		if set := l.set(); set != nil {
			servers = set.Servers()
		}
	} else {
		var err error
		if cfg, err = m.neededConfig(ctx, "failed to reload config"); err != nil {
			return mcp.Server{}, oauth.Options{}, err
		}
		servers = ConfiguredServers(cfg)
	}
	for _, s := range servers {
		if s.Name == r.Server {
			return s, LoginOptions(cfg), nil
		}
	}
	return mcp.Server{}, oauth.Options{}, &thread.Refusal{Kind: thread.KindServerNotFound, Message: "No MCP server named '" + r.Server + "' found.",
		Remedy: "configure it in [mcp_servers." + r.Server + "]"}
}

// ConfiguredServers is the servers that a configuration names, sorted by name.
func ConfiguredServers(cfg *config.Config) []mcp.Server { return mcpServers(cfg) }

// LoginOptions is how the user logs in to servers, as a configuration has it.
func LoginOptions(cfg *config.Config) oauth.Options {
	return oauth.Options{CallbackPort: cfg.OAuth.CallbackPort, CallbackURL: cfg.OAuth.CallbackURL}
}

// loginOf is how the user logs in to one server.
func loginOf(cfg *config.Config, s config.McpServer) *mcp.Login {
	if s.Stdio() {
		return nil
	}
	return &mcp.Login{Home: cfg.Home, Keyring: cfg.OAuth.Store == "keyring", Scopes: s.Scopes, Resource: s.OAuthResource,
		ClientID: s.OAuthClientID, Secret: s.OAuthClientSecret}
}

// serverLogins is the logins that a client has begun, one to a server.
type serverLogins struct {
	work sync.WaitGroup // who waits for one

	mu     sync.Mutex // guards what follows
	closed bool
	all    map[[2]string]*serverLogin // by the server's name and URL
}

type serverLogin struct {
	login *oauth.Login
	key   [2]string
	told  chan struct{} // closed when the end was told
}

// add notes a login, in the place of another to the same server.
func (s *serverLogins) add(l *serverLogin) bool {
	s.mu.Lock()
	before, closed := s.all[l.key], s.closed
	if !closed {
		if s.all == nil {
			s.all = map[[2]string]*serverLogin{}
		}
		s.all[l.key] = l
	}
	s.mu.Unlock()
	if before != nil && !closed {
		before.login.Close()
	}
	return !closed
}

// watch waits for the end of a login in the background, and tells it.
func (s *serverLogins) watch(l *serverLogin, tell func(error)) {
	s.work.Go(func() {
		err := l.login.Wait()
		s.mu.Lock()
		if s.all[l.key] == l {
			delete(s.all, l.key)
		}
		s.mu.Unlock()
		tell(err)
		close(l.told)
	})
}

// end cancels the login to a server, if one is under way, and waits until that was told.
func (s *serverLogins) end(name, url string) {
	s.mu.Lock()
	l := s.all[[2]string{name, url}]
	s.mu.Unlock()
	if l != nil {
		l.login.Close()
		<-l.told // soon also where its answer is still on its way
	}
}

// close cancels all logins and waits until their ends were told. No more can begin.
func (s *serverLogins) close() {
	s.mu.Lock()
	s.closed = true
	open := slices.Collect(maps.Values(s.all))
	s.mu.Unlock()
	for _, l := range open {
		l.login.Close()
	}
	s.work.Wait()
}
