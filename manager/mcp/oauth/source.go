package oauth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// ErrLogin says that the user has to log in, again.
var ErrLogin = errors.New("the user has to log in to the MCP server")

// renewalLimit bounds one exchange with an authorization server.
const renewalLimit = 30 * time.Second

// Source gives tokens to whoever sends requests to a server, and renews them.
// Its methods may be called concurrently. Close it.
type Source struct {
	store  *Store
	server Server
	now    func() time.Time

	mu      sync.Mutex // guards what follows; never held while waiting
	info    fs.FileInfo
	have    *Credentials // what the file had when it was as info says
	renewal *renewal     // under way
	closed  bool
	work    sync.WaitGroup
}

// renewal is one renewal under way, which many may wait for.
type renewal struct {
	done  chan struct{}
	token string
	err   error
}

// NewSource returns a source. It reads nothing before it is asked.
func NewSource(store *Store, s Server) *Source {
	return &Source{store: store, server: s, now: time.Now}
}

// Close waits for a renewal that is under way. It is idempotent.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.work.Wait()
}

// Token returns the access token to send, after renewing it if it is about to
// expire. It is empty if there is none: then the server must be asked without,
// and will say so if it wants a login. The error is that of a renewal that may
// go better another time.
func (s *Source) Token(ctx context.Context) (string, error) {
	c, written, err := s.current()
	if err != nil || c == nil {
		return "", err
	}
	now := s.now()
	switch {
	case c.fresh(now, written):
		return c.AccessToken, nil
	case c.RefreshToken == "" && c.expired(now):
		return "", nil
	case c.RefreshToken == "":
		return c.AccessToken, nil
	}
	token, err := s.renew(ctx, c.AccessToken)
	switch {
	case err == nil:
		return token, nil
	case !c.expired(now) && ctx.Err() == nil:
		return c.AccessToken, nil // it is good for some time yet
	case errors.Is(err, ErrLogin):
		return "", nil
	}
	return "", err
}

// Renew returns another access token than the one that the server has refused.
// The error is ErrLogin if there is none to be had without the user.
func (s *Source) Renew(ctx context.Context, refused string) (string, error) {
	c, _, err := s.current()
	switch {
	case err != nil:
		return "", err
	case c == nil:
		return "", ErrLogin
	case c.AccessToken != refused && !c.expired(s.now()):
		return c.AccessToken, nil
	}
	return s.renew(ctx, refused)
}

// current is what the file has, read anew only if the file has changed.
func (s *Source) current() (c *Credentials, written time.Time, err error) {
	info, err := os.Stat(s.store.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, time.Time{}, nil
	case err != nil:
		return nil, time.Time{}, fmt.Errorf("reading the logins to MCP servers: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.info != nil && os.SameFile(s.info, info) && s.info.ModTime().Equal(info.ModTime()) && s.info.Size() == info.Size() {
		return s.have, info.ModTime(), nil
	}
	c, err = s.store.Get(s.server.Name, s.server.URL)
	if err != nil {
		return nil, time.Time{}, err
	}
	s.info, s.have = info, c
	return c, info.ModTime(), nil
}

// renew joins the renewal that is under way, or begins one. It goes on when ctx
// ends, for a refresh token can be used once: what it brings must be kept.
func (s *Source) renew(ctx context.Context, old string) (string, error) {
	s.mu.Lock()
	r := s.renewal
	if r == nil {
		if s.closed {
			s.mu.Unlock()
			return "", errors.New("the connection to the MCP server is closed")
		}
		r = &renewal{done: make(chan struct{})}
		s.renewal = r
		own := context.WithoutCancel(ctx)
		s.work.Go(func() {
			r.token, r.err = s.transact(own, old)
			s.mu.Lock()
			s.renewal = nil
			s.mu.Unlock()
			close(r.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// transact renews the credentials under the lock, unless somebody else has done so.
func (s *Source) transact(ctx context.Context, old string) (string, error) {
	unlock, err := s.store.lockRenewal(ctx, s.server.Name, s.server.URL)
	if err != nil {
		return "", err
	}
	defer unlock()
	c, err := s.store.Get(s.server.Name, s.server.URL)
	switch {
	case err != nil:
		return "", err
	case c == nil:
		return "", ErrLogin
	case c.AccessToken != old && !c.expired(s.now()):
		return c.AccessToken, nil
	case c.RefreshToken == "":
		return "", ErrLogin
	}
	asking, cancel := context.WithTimeout(ctx, renewalLimit)
	defer cancel()
	renewed, err := s.ask(asking, c)
	if err != nil {
		if errors.Is(err, ErrLogin) { // nobody need try again
			spent := *c
			spent.RefreshToken = ""
			err = errors.Join(err, s.store.replace(ctx, c, &spent))
		}
		return "", fmt.Errorf("renewing the login to MCP server %s: %w", s.server.Name, err)
	}
	if err := s.store.replace(ctx, c, renewed); err != nil {
		return "", err
	}
	return renewed.AccessToken, nil
}

// ask has the authorization server renew c. ErrLogin is its refusal.
func (s *Source) ask(ctx context.Context, c *Credentials) (*Credentials, error) {
	client := newHTTP(ctx, &s.server)
	defer client.CloseIdleConnections()
	who, err := discover(ctx, client, &s.server)
	switch {
	case err != nil:
		return nil, err
	case who == nil:
		return nil, errors.New("the server names no authorization server any more")
	case c.Issuer != "" && c.Issuer != who.meta.Issuer:
		return nil, fmt.Errorf("%w: it was logged in by %s and now names %s", ErrLogin, c.Issuer, who.meta.Issuer)
	}
	known := registered{c.ClientID, c.ClientSecret}
	if s.server.ClientID != "" {
		if s.server.ClientID != c.ClientID {
			return nil, fmt.Errorf("%w: the client_id of the settings is not the one it was logged in with", ErrLogin)
		}
		known.secret = s.server.ClientSecret
	}
	// A refresh with a resource is what the library has no call for; an empty code counts as none (RFC 6749 section 3.2).
	token, err := known.config(who, "", nil).Exchange(context.WithValue(ctx, oauth2.HTTPClient, client), "",
		oauth2.SetAuthURLParam("grant_type", "refresh_token"), oauth2.SetAuthURLParam("refresh_token", c.RefreshToken),
		oauth2.SetAuthURLParam("resource", who.resource))
	if err != nil {
		if refused(err) {
			return nil, fmt.Errorf("%w: %w", ErrLogin, tokenFailure(err))
		}
		return nil, tokenFailure(err)
	}
	renewed := *c
	renewed.Issuer = who.meta.Issuer
	renewed.take(token)
	return &renewed, nil
}

// refused says whether an authorization server does not know the client or its
// refresh token, so that asking again is of no use.
func refused(err error) bool {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) {
		return false
	}
	switch said.ErrorCode {
	case "invalid_grant", "invalid_client", "unauthorized_client":
		return true
	}
	return said.ErrorCode == "" && said.Response != nil && said.Response.StatusCode == http.StatusUnauthorized
}
