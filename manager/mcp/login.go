package mcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Login is how the user logs in to an HTTP server.
type Login struct {
	// Home is the folder with the file of logins.
	Home string
	// Keyring: the settings want logins in a keyring, which is not within reach.
	Keyring  bool
	Scopes   []string // nil asks for those that the server names
	Resource string
	ClientID string // of a client registered by hand
	Secret   string // of that client
}

// Why a server cannot be logged in to.
var (
	ErrNotHTTP = errors.New("OAuth login is only supported for streamable HTTP servers.") //lint:ignore ST1005 clients know the text
	ErrKeyring = errors.New("mcp_oauth_credentials_store = \"keyring\" needs the system's keyring, which codexhost does not reach: set it to \"file\" (or \"auto\") in config.toml")
)

// Login begins a login of the user's to a server. scopes nil are those of the
// settings. The caller closes it; when it has succeeded, LoginChanged lets the
// server start.
func (s *Service) Login(ctx context.Context, server Server, scopes []string, o oauth.Options) (*oauth.Login, error) {
	account, store, err := s.account(&server)
	if err != nil {
		return nil, err
	}
	if scopes != nil {
		account.Scopes = scopes
	}
	o.Store = store
	return oauth.Begin(ctx, account, o)
}

// Logout forgets the user's login to a server, and says whether there was one.
func (s *Service) Logout(ctx context.Context, server Server) (had bool, err error) {
	account, store, err := s.account(&server)
	if err != nil {
		return false, err
	}
	return store.Delete(ctx, account.Name, account.URL)
}

// account is a server as logins see it.
func (s *Service) account(server *Server) (oauth.Server, *oauth.Store, error) {
	switch {
	case server.Command != "" || server.URL == "" || server.Login == nil:
		return oauth.Server{}, nil, ErrNotHTTP
	case server.Login.Keyring:
		return oauth.Server{}, nil, ErrKeyring
	}
	return server.account(s.opts.Env), oauth.NewStore(server.Login.Home), nil
}

// account leaves out what brings an authorization along: a login is not asked
// for with another one.
func (s *Server) account(env func(string) (string, bool)) oauth.Server {
	open := *s
	open.BearerTokenEnvVar = ""
	headers, _ := httpHeaders(&open, env) // only a missing token is an error
	for name := range headers {
		if strings.EqualFold(name, "Authorization") {
			delete(headers, name)
		}
	}
	return oauth.Server{Name: s.Name, URL: s.URL, Headers: headers, Scopes: s.Login.Scopes, Resource: s.Login.Resource,
		ClientID: s.Login.ClientID, ClientSecret: s.Login.Secret}
}

// login is what the provider needs of it; nil where there is none to look for.
func (s *Server) login(headers map[string]string) *provider.Login {
	if s.Login == nil || s.Login.Keyring || authorized(headers) {
		return nil
	}
	return &provider.Login{Home: s.Login.Home, Name: s.Name, Resource: s.Login.Resource, ClientID: s.Login.ClientID, ClientSecret: s.Login.Secret}
}

// authorized says whether headers bring an authorization along.
func authorized(headers map[string]string) bool {
	for name := range headers {
		if http.CanonicalHeaderKey(name) == "Authorization" {
			return true
		}
	}
	return false
}

// A deniedError is the failed start of a server that lets nobody in without a login.
type deniedError struct {
	*provider.StartError
	token   string // of a login that there is, and that it does not accept any more
	settled bool   // the settings bring an authorization along
}

func (e *deniedError) Unwrap() error { return e.StartError }

// text says what the user has to do.
func (e *deniedError) text(name string) string {
	switch {
	case e.settled:
		return fmt.Sprintf("The %s MCP server refuses the authorization that its settings give. Check `bearer_token_env_var` and `http_headers` of [mcp_servers.%s].", name, name)
	case e.token != "":
		return fmt.Sprintf("The %s MCP server requires OAuth reauthentication. Run `codexhost mcp login %s`.", name, name)
	}
	return fmt.Sprintf("The %s MCP server is not logged in. Run `codexhost mcp login %s`.", name, name)
}

// reserve makes the file in which a login would be kept, for sandboxes to hide.
func (l *launch) reserve() {
	if l.login != nil {
		oauth.NewStore(l.login.Home).Reserve()
	}
}

// denied says whether a start failed for want of a login.
func denied(err error) bool {
	e, ok := errors.AsType[*provider.StartError](err)
	return ok && e.Stage == provider.StageAuth
}

// denied adds to such a failure what is known of it.
func (l *launch) denied(err error) error {
	if !denied(err) {
		return err
	}
	e, _ := errors.AsType[*provider.StartError](err)
	return &deniedError{StartError: e, settled: l.settled, token: l.token()}
}

// token is that of the login that there is now; empty without one.
func (l *launch) token() string {
	if kept, err := l.kept(); err == nil && kept != nil {
		return kept.AccessToken
	}
	return ""
}

// kept is the login that the server is started with; nil without one.
func (l *launch) kept() (*oauth.Credentials, error) {
	if l.login == nil {
		return nil, nil
	}
	return oauth.NewStore(l.login.Home).Get(l.login.Name, l.url)
}

// denied is how the last start failed, if it did so for want of a login. The
// caller holds the lock.
func (i *instance) denied() *deniedError {
	if i.phase != failed && i.phase != down {
		return nil
	}
	d, _ := errors.AsType[*deniedError](i.err)
	return d
}

// LoginChanged starts the servers again that wanted a login, where there is one now.
func (s *Service) LoginChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		i.loginChanged()
	}
}

func (i *instance) loginChanged() {
	i.mu.Lock()
	defer i.mu.Unlock()
	d := i.denied()
	if d == nil || i.shutAt {
		return
	}
	kept, err := i.launch.kept()
	if err != nil || !kept.Usable(time.Now()) || kept.AccessToken == d.token {
		return
	}
	i.breaker.reset()
	i.start(0)
}

// offerAge is how long it is believed that a server offers a login, or none.
const offerAge = time.Minute

// offer is what a server has said about logins.
type offer struct {
	at time.Time
	is bool
}

// offered says whether a server offers a login. It may ask the server.
func (s *Service) offered(ctx context.Context, server *Server) (bool, error) {
	s.mu.Lock()
	o, ok := s.offers[server.URL]
	s.mu.Unlock()
	if ok && time.Since(o.at) < offerAge {
		return o.is, nil
	}
	is, err := oauth.Offered(ctx, server.account(s.opts.Env))
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offers[server.URL] = offer{time.Now(), is}
	return is, nil
}

// Auth is how the user is logged in to a server. It may ask the server, within ctx.
func (s *Service) Auth(ctx context.Context, server Server) protocol.McpAuthStatus {
	return s.auth(ctx, &server, nil)
}

// auth is how the user is logged in to a server, of which i is the instance or
// nil. It may ask a server whether there is something to log in to, but none
// that is still starting.
func (s *Service) auth(ctx context.Context, server *Server, i *instance) protocol.McpAuthStatus {
	headers, err := httpHeaders(server, s.opts.Env)
	switch {
	case server.Command != "" || server.URL == "":
		return protocol.McpAuthStatusUnsupported
	case err != nil || server.BearerTokenEnvVar != "" || authorized(headers):
		return protocol.McpAuthStatusBearerToken
	case !server.Enabled || server.Login == nil:
		return protocol.McpAuthStatusUnsupported
	}
	denied, starts := false, false
	if i != nil {
		i.mu.Lock()
		denied, starts = i.denied() != nil, i.phase == starting
		i.mu.Unlock()
	}
	if kept, err := oauth.NewStore(server.Login.Home).Get(server.Name, server.URL); err == nil && !server.Login.Keyring && !denied && kept.Usable(time.Now()) {
		return protocol.McpAuthStatusOAuth
	}
	if starts {
		return protocol.McpAuthStatusUnknown
	}
	switch offered, err := s.offered(ctx, server); {
	case err != nil:
		return protocol.McpAuthStatusUnknown
	case offered:
		return protocol.McpAuthStatusNotLoggedIn
	}
	return protocol.McpAuthStatusUnsupported
}
