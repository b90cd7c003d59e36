package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Options are how the user logs in, to whatever server.
type Options struct {
	Store *Store
	// CallbackPort is where the callback listens on this machine; 0 is any port.
	CallbackPort int
	// CallbackURL is what the browser reaches the callback by; empty is its address.
	CallbackURL string
	// Timeout bounds the wait for the user; 0 means five minutes.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Minute

// Why a login failed; other reasons are in the words of whoever refused.
var (
	ErrTimeout   = errors.New("timed out waiting for OAuth callback")
	ErrCancelled = errors.New("OAuth callback was cancelled")
)

// Refused is what an authorization server said instead of giving a code.
type Refused struct{ Code, Description string }

func (r *Refused) Error() string {
	text := fmt.Sprintf("OAuth provider returned `%s`", clean(r.Code))
	return text + describedAs(r.Description)
}

// Login is one login under way: it waits for the user to agree in a browser.
// Close it, unless Wait has returned.
type Login struct {
	// URL is what the user's browser must open.
	URL string

	server   Server
	store    *Store
	who      *authority
	client   *http.Client
	config   *oauth2.Config
	state    string
	verifier string
	listener *callback

	claim   sync.Once     // taken by the one answer that counts
	settled chan struct{} // closed when err is set
	err     error
	done    chan struct{} // closed when nothing of the login is left
	cancel  context.CancelFunc
}

// Begin asks the server how to log in, makes a client known and opens the
// callback, within ctx. The login then waits for the user by itself.
func Begin(ctx context.Context, s Server, o Options) (*Login, error) {
	client := newHTTP(ctx, &s)
	l, err := begin(ctx, client, s, o)
	if err != nil {
		client.CloseIdleConnections()
	}
	return l, err
}

func begin(ctx context.Context, client *http.Client, s Server, o Options) (*Login, error) {
	who, err := discover(ctx, client, &s)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, errors.New("the server offers no OAuth login: it has no authorization server that could be found")
	}
	l := &Login{server: s, store: o.Store, who: who, client: client, state: rand.Text(), verifier: oauth2.GenerateVerifier(),
		settled: make(chan struct{}), done: make(chan struct{})}
	if l.listener, err = listen(&s, o); err != nil {
		return nil, err
	}
	known, err := register(ctx, client, &s, who, l.listener)
	if err != nil {
		l.listener.close(ctx)
		return nil, err
	}
	l.config = known.config(who, l.listener.redirect, l.scopes())
	l.URL = l.config.AuthCodeURL(l.state, oauth2.S256ChallengeOption(l.verifier), oauth2.SetAuthURLParam("resource", who.resource))
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	run, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Timeout)
	l.cancel = cancel
	l.listener.serve(l)
	go l.run(run) // done says when it has ended
	return l, nil
}

// scopes are those to ask for: given, or the server's and a way to renew them.
func (l *Login) scopes() []string {
	if l.server.Scopes != nil {
		return l.server.Scopes
	}
	scopes := slices.Clone(l.who.scopes)
	if slices.Contains(l.who.meta.ScopesSupported, "offline_access") && !slices.Contains(scopes, "offline_access") {
		scopes = append(scopes, "offline_access")
	}
	return scopes
}

// run waits for the end of the login and takes the callback down.
func (l *Login) run(ctx context.Context) {
	select {
	case <-l.settled:
	case <-ctx.Done():
		err := ErrCancelled
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = ErrTimeout
		}
		l.claim.Do(func() { l.settle(err) })
		<-l.settled // who else has the claim is about to; its requests have a bound
	}
	l.cancel()
	l.listener.close(ctx)
	l.client.CloseIdleConnections()
	close(l.done)
}

func (l *Login) settle(err error) {
	l.err = err
	close(l.settled)
}

// Done is closed when the login has succeeded or failed, and nothing of it is left.
func (l *Login) Done() <-chan struct{} { return l.done }

// Wait waits for the end of the login and says why it failed.
func (l *Login) Wait() error {
	<-l.done
	return l.err
}

// Close cancels the login, unless it has ended, and waits until nothing of it is left.
func (l *Login) Close() {
	l.cancel()
	<-l.done
}

// Answer takes the address that the browser was sent to at the end, for a
// browser on another machine that cannot reach the callback. The error is
// ErrStray, or that of Wait.
func (l *Login) Answer(ctx context.Context, address string) error {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return errors.New("that is no URL")
	}
	return l.answer(ctx, u.Query())
}

// ErrStray is the answer to what does not belong to this login, which goes on.
var ErrStray = errors.New("this address belongs to no login that is under way here")

// answer takes the parameters of the callback. An answer with another state is
// not for this login: anybody on the machine can send one.
func (l *Login) answer(ctx context.Context, q url.Values) error {
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) != 1 || q.Get("code") == "" && q.Get("error") == "" {
		return ErrStray
	}
	err := ErrStray // the address was used before
	l.claim.Do(func() {
		err = l.conclude(context.WithoutCancel(ctx), q)
		l.settle(err)
	})
	return err
}

// conclude makes credentials of the answer.
func (l *Login) conclude(ctx context.Context, q url.Values) error {
	if err := l.checkIssuer(q); err != nil {
		return err
	}
	if code := q.Get("error"); code != "" {
		return &Refused{code, q.Get("error_description")}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, l.client), renewalLimit)
	defer cancel()
	token, err := l.config.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(l.verifier), oauth2.SetAuthURLParam("resource", l.who.resource))
	if err != nil {
		return fmt.Errorf("%s gave no token: %w", l.who.meta.Issuer, tokenFailure(err))
	}
	c := &Credentials{Name: l.server.Name, URL: l.server.URL, Issuer: l.who.meta.Issuer, ClientID: l.config.ClientID, Scopes: l.config.Scopes}
	if l.server.ClientID == "" {
		c.ClientSecret = l.config.ClientSecret
	}
	c.take(token)
	return l.store.Put(ctx, c)
}

// checkIssuer holds the answer to the server that was asked (RFC 9207).
func (l *Login) checkIssuer(q url.Values) error {
	said := q.Get("iss")
	if said == l.who.meta.Issuer || said == "" && !l.who.meta.AuthorizationResponseIssParameterSupported {
		return nil
	}
	return errors.New("OAuth callback issuer does not match this login")
}

// take notes what an authorization server gave.
func (c *Credentials) take(t *oauth2.Token) {
	c.AccessToken, c.Expires = t.AccessToken, t.Expiry
	if t.RefreshToken != "" {
		c.RefreshToken = t.RefreshToken
	}
	if scope, ok := t.Extra("scope").(string); ok && scope != "" {
		c.Scopes = strings.Fields(scope)
	}
}

// mark is the end of the callback's path for a client that was registered by
// hand, for which the user registers the redirect URI, too: with one for each
// server, no authorization server can pass its answer off as another's.
func mark(server string) string {
	sum := sha256.Sum256([]byte(server))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
