package mcp_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
	"github.com/codexhost/codexhost/manager/mcp/oauth/oauthtest"
	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// loggedIn is a guarded server, the settings by which it is reached, and the store with a login to it.
func loggedIn(t *testing.T) (*oauthtest.Authority, *oauthtest.Guarded, provider.Config, *oauth.Store) {
	t.Helper()
	authority := oauthtest.Shared(t)
	guarded := oauthtest.Guard(t, authority)
	home := t.TempDir()
	store := oauth.NewStore(home)
	l, err := oauth.Begin(t.Context(), oauth.Server{Name: "guarded", URL: guarded.URL}, oauth.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	oauthtest.Browse(t, l.URL, oauthtest.Accept)
	if err := l.Wait(); err != nil {
		t.Fatal(err)
	}
	return authority, guarded, provider.Config{URL: guarded.URL, Login: &provider.Login{Home: home, Name: "guarded"},
		Client: provider.ClientInfo{Name: "tester", Version: "9"}}, store
}

func TestTokenThatExpiresInASession(t *testing.T) {
	_, guarded, config, _ := loggedIn(t)
	s, err := newProvider(t).Start(within(t, 20*time.Second), server(t, config), &host{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"content":[{"type":"text","text":"a user with tools"}]}`
	for range 3 {
		if got, err := call(t, s, "whoami", `{}`); err != nil || got != want {
			t.Fatalf("got %s, %v", got, err)
		}
		guarded.Expire()
	}
	before := len(guarded.Seen())
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got, err := call(t, s, "whoami", `{}`); err != nil || got != want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	all.Wait()
	if got := len(guarded.Seen()) - before; got != 1 {
		t.Errorf("ten calls at once took %d new tokens", got)
	}
	select {
	case <-s.Done():
		t.Errorf("the session has ended: %+v", s.End())
	default:
	}
}

func TestLoginThatIsRevokedInASession(t *testing.T) {
	authority, guarded, config, store := loggedIn(t)
	p := newProvider(t)
	s, err := p.Start(within(t, 20*time.Second), server(t, config), &host{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := store.Get("guarded", guarded.URL)
	if err != nil {
		t.Fatal(err)
	}
	authority.Revoke(t, c.ClientID, c.RefreshToken)
	guarded.Expire()
	_, err = call(t, s, "whoami", `{}`)
	if e, ok := errors.AsType[*provider.CallError](err); !ok || e.Cause != provider.CauseUnsent {
		t.Errorf("got %#v", err)
	}
	select {
	case <-s.Done():
	case <-within(t, 20*time.Second).Done():
		t.Fatal("the session goes on")
	}
	_, err = p.Start(within(t, 20*time.Second), server(t, config), &host{})
	if e, ok := errors.AsType[*provider.StartError](err); !ok || e.Stage != provider.StageAuth {
		t.Errorf("got %#v", err)
	}
}

func TestNoLogin(t *testing.T) {
	_, guarded, config, store := loggedIn(t)
	if _, err := store.Delete(t.Context(), "guarded", guarded.URL); err != nil {
		t.Fatal(err)
	}
	_, err := newProvider(t).Start(within(t, 20*time.Second), server(t, config), &host{})
	if e, ok := errors.AsType[*provider.StartError](err); !ok || e.Stage != provider.StageAuth {
		t.Errorf("got %#v", err)
	}
}

// A token that the authorization server cannot renew just now is no reason to
// log in again.
func TestAuthorityThatIsAway(t *testing.T) {
	_, guarded, config, store := loggedIn(t)
	c, err := store.Get("guarded", guarded.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.Expires = time.Now().Add(-time.Minute)
	c.URL, config.URL = "http://127.0.0.1:1/mcp", "http://127.0.0.1:1/mcp"
	if err := store.Put(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	_, err = newProvider(t).Start(within(t, 20*time.Second), server(t, config), &host{})
	if e, ok := errors.AsType[*provider.StartError](err); !ok || slices.Contains([]provider.Stage{provider.StageAuth, provider.StageTimeout}, e.Stage) {
		t.Errorf("got %#v", err)
	}
}
