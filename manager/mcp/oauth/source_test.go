package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
)

func (w *world) source(t *testing.T) *oauth.Source {
	s := oauth.NewSource(w.store, w.server)
	t.Cleanup(s.Close)
	return s
}

func TestRenewalRotates(t *testing.T) {
	w := newWorld(t)
	first := w.login(t)
	s := w.source(t)
	if got, err := s.Token(t.Context()); got != first.AccessToken || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	last := first
	for range 3 {
		token, err := s.Renew(t.Context(), last.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		now := w.kept(t)
		if token != now.AccessToken || token == last.AccessToken || now.RefreshToken == last.RefreshToken || now.RefreshToken == "" || now.ClientID != first.ClientID {
			t.Fatalf("kept %+v after %+v", now, last)
		}
		if got := w.knock(t, token); got != http.StatusOK {
			t.Fatalf("the server answers the new token with %d", got)
		}
		last = now
	}
	if token, err := s.Renew(t.Context(), first.AccessToken); token != last.AccessToken || err != nil {
		t.Errorf("a token that was renewed long ago: %q, %v", token, err)
	}
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	w := newWorld(t)
	first := w.login(t)
	s := w.source(t)
	s.SetNow(func() time.Time { return first.Expires.Add(-31 * time.Second) })
	if got, err := s.Token(t.Context()); got != first.AccessToken || err != nil {
		t.Errorf("half a minute before: %q, %v", got, err)
	}
	s.SetNow(func() time.Time { return first.Expires.Add(-29 * time.Second) })
	if got, err := s.Token(t.Context()); got == first.AccessToken || got == "" || err != nil {
		t.Errorf("just before: %q, %v", got, err)
	}
}

// The authorization server takes a refresh token that comes twice for a theft,
// and ends the grant. So it must not come twice, however many ask at once.
func TestManyRenewAtOnce(t *testing.T) {
	w := newWorld(t)
	last := w.login(t).AccessToken
	for range 3 {
		const many = 6
		var all sync.WaitGroup
		got := make([]string, many)
		for i := range many {
			s := w.source(t) // a process of its own has one of its own
			all.Go(func() {
				var err error
				if got[i], err = s.Renew(t.Context(), last); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, token := range got {
			if token != got[0] || token == last {
				t.Fatalf("after %s there are %q", last, got)
			}
		}
		last = got[0]
	}
	if got := w.knock(t, last); got != http.StatusOK {
		t.Errorf("the server answers the last token with %d", got)
	}
}

func TestRevokedLogin(t *testing.T) {
	w := newWorld(t)
	c := w.login(t)
	w.authority.Revoke(t, c.ClientID, c.RefreshToken)
	s := w.source(t)
	for range 2 {
		if _, err := s.Renew(t.Context(), c.AccessToken); !errors.Is(err, oauth.ErrLogin) {
			t.Fatalf("got %v", err)
		}
	}
	now := w.kept(t)
	if now.RefreshToken != "" || now.AccessToken != c.AccessToken {
		t.Errorf("kept %+v", now)
	}
	if now.Usable(c.Expires) || !now.Usable(c.Expires.Add(-time.Second)) {
		t.Error("an access token alone is of use until it expires")
	}
	s.SetNow(func() time.Time { return c.Expires })
	if got, err := s.Token(t.Context()); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// Who has logged out while a renewal was under way stays logged out.
func TestLogoutWins(t *testing.T) {
	w := newWorld(t)
	c := w.login(t)
	s := w.source(t)
	if had, err := w.store.Delete(t.Context(), c.Name, c.URL); !had || err != nil {
		t.Fatal(had, err)
	}
	if _, err := s.Renew(t.Context(), c.AccessToken); !errors.Is(err, oauth.ErrLogin) {
		t.Errorf("got %v", err)
	}
	if w.kept(t) != nil {
		t.Error("logged in again")
	}
	if had, err := w.store.Delete(t.Context(), c.Name, c.URL); had || err != nil {
		t.Error(had, err)
	}
}

// A network that is down is no reason to log in again.
func TestUnreachableAuthority(t *testing.T) {
	w := newWorld(t)
	c := w.login(t)
	moved := *c
	moved.URL = "http://127.0.0.1:1/mcp" // nobody listens there
	if err := w.store.Put(t.Context(), &moved); err != nil {
		t.Fatal(err)
	}
	w.server.URL = moved.URL
	s := w.source(t)
	s.SetNow(func() time.Time { return c.Expires.Add(-time.Second) })
	if got, err := s.Token(t.Context()); got != c.AccessToken || err != nil {
		t.Errorf("while it is good: %q, %v", got, err)
	}
	s.SetNow(func() time.Time { return c.Expires })
	if got, err := s.Token(t.Context()); got != "" || err == nil || errors.Is(err, oauth.ErrLogin) {
		t.Errorf("when it has expired: %q, %v", got, err)
	}
	if now := w.kept(t); now.RefreshToken != c.RefreshToken {
		t.Errorf("kept %+v", now)
	}
}

// A renewal is finished although whoever wanted it has given up: the refresh
// token is used up.
func TestAbandonedRenewal(t *testing.T) {
	w := newWorld(t)
	c := w.login(t)
	s := oauth.NewSource(w.store, w.server)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Renew(ctx, c.AccessToken); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.Close()
	if now := w.kept(t); now.AccessToken == c.AccessToken || now.RefreshToken == c.RefreshToken {
		t.Errorf("kept %+v", now)
	}
}

// Without a file nobody is logged in; that is no error.
func TestNoFile(t *testing.T) {
	s := oauth.NewSource(oauth.NewStore(t.TempDir()), oauth.Server{Name: "a", URL: "http://127.0.0.1:1/"})
	if got, err := s.Token(t.Context()); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Renew(t.Context(), "x"); !errors.Is(err, oauth.ErrLogin) {
		t.Errorf("got %v", err)
	}
}

// What another program writes is seen with the next request.
func TestLoginElsewhereIsSeen(t *testing.T) {
	store := oauth.NewStore(t.TempDir())
	s := oauth.NewSource(store, oauth.Server{Name: "a", URL: "http://127.0.0.1:1/"})
	for _, token := range []string{"one", "two", "six"} { // of one length
		if err := store.Put(t.Context(), &oauth.Credentials{Name: "a", URL: "http://127.0.0.1:1/", AccessToken: token}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Token(t.Context()); got != token || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := os.WriteFile(store.Path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context()); err == nil {
		t.Error("a broken file is no error")
	}
}

// Every request to a server asks for its token.
func BenchmarkToken(b *testing.B) {
	store := oauth.NewStore(b.TempDir())
	if err := store.Put(b.Context(), &oauth.Credentials{Name: "a", URL: "http://127.0.0.1:1/", AccessToken: "t", Expires: time.Now().Add(time.Hour)}); err != nil {
		b.Fatal(err)
	}
	s := oauth.NewSource(store, oauth.Server{Name: "a", URL: "http://127.0.0.1:1/"})
	b.ReportAllocs()
	for b.Loop() {
		if token, err := s.Token(b.Context()); token != "t" || err != nil {
			b.Fatal(token, err)
		}
	}
}
