package mcp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/mcp/oauth"
)

// wall is a server that lets in who has the token "good". It offers a login if
// it is said to. It counts the questions about that.
type wall struct {
	*httptest.Server
	offers   bool
	asked    atomic.Int64
	refusing func() // is called before it lets somebody stand outside
}

func newWall(t *testing.T, offers bool) *wall {
	t.Helper()
	w := &wall{offers: offers}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

func (w *wall) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/.well-known/oauth-authorization-server" && w.offers:
		w.asked.Add(1)
		fmt.Fprintf(out, `{"issuer":%q,"authorization_endpoint":"%s/a","token_endpoint":"%[2]s/t","code_challenge_methods_supported":["S256"]}`, w.URL, w.URL)
	case strings.Contains(r.URL.Path, "well-known"):
		http.NotFound(out, r)
	case r.Header.Get("Authorization") != "Bearer good":
		if w.refusing != nil {
			w.refusing()
		}
		out.WriteHeader(http.StatusUnauthorized)
	case r.Method != http.MethodPost:
		out.WriteHeader(http.StatusMethodNotAllowed)
	default:
		var m struct {
			ID json.RawMessage
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		if m.ID == nil {
			out.WriteHeader(http.StatusAccepted)
			return
		}
		fmt.Fprintf(out, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"wall","version":"1"}}}`, m.ID)
	}
}

func TestAuthStatus(t *testing.T) {
	t.Parallel()
	s := service(t)
	offering, closed := newWall(t, true), newWall(t, false)
	home := t.TempDir()
	for name, token := range map[string]string{"in": "good", "over": "good"} {
		c := &oauth.Credentials{Name: name, URL: offering.URL, AccessToken: token}
		if name == "over" {
			c.Expires = time.Now().Add(-time.Second)
		}
		if err := oauth.NewStore(home).Put(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	login := &mcp.Login{Home: home}
	for want, servers := range map[string][]mcp.Server{
		"unsupported": {
			{Name: "program", Command: "x"},
			{Name: "closed", URL: closed.URL, Login: login},
			{Name: "in", URL: offering.URL, Login: login}, // not enabled
			{Name: "plugin", Plugin: "p", Enabled: true},
		},
		"bearerToken": {
			{Name: "in", URL: offering.URL, Login: login, Enabled: true, BearerTokenEnvVar: "TOKEN"},
			{Name: "missing", URL: offering.URL, Login: login, Enabled: true, BearerTokenEnvVar: "NO_SUCH_TOKEN"},
			{Name: "header", URL: offering.URL, Login: login, Enabled: true, HTTPHeaders: map[string]string{"authorization": "x"}},
		},
		"oAuth": {{Name: "in", URL: offering.URL, Login: login, Enabled: true}},
		"notLoggedIn": {
			{Name: "out", URL: offering.URL, Login: login, Enabled: true},
			{Name: "over", URL: offering.URL, Login: login, Enabled: true},
			{Name: "in", URL: offering.URL, Login: &mcp.Login{Home: home, Keyring: true}, Enabled: true},
		},
		"unknown": {{Name: "dead", URL: "http://127.0.0.1:1/", Login: login, Enabled: true}},
	} {
		for _, server := range servers {
			if server.Name == "closed" {
				server.Enabled = true
			}
			if got := s.Auth(within(t, 20*time.Second), server); string(got) != want {
				t.Errorf("%s: %s, want %s", server.Name, got, want)
			}
		}
	}
	if got := offering.asked.Load(); got != 1 {
		t.Errorf("the server was asked %d times about its logins", got)
	}
}

// Who is let in by settings is not told to log in.
func TestDeniedSettings(t *testing.T) {
	t.Parallel()
	w := newWall(t, true)
	s, l := service(t), &listener{}
	set := s.Join("thread-1", t.TempDir(), []mcp.Server{{Name: "web", URL: w.URL, Enabled: true, HTTPHeaders: map[string]string{"Authorization": "Bearer bad"}, Login: &mcp.Login{Home: t.TempDir()}}}, l)
	t.Cleanup(set.Close)
	set.WaitReady(within(t, 20*time.Second))
	if got := l.failure("web"); !strings.Contains(got.Error, "refuses the authorization that its settings give") || !got.NeedsLogin || got.LoginAgain {
		t.Errorf("told %+v", got)
	}
}

// A server that wanted a login starts when there is another one than it refused.
func TestLoginChanged(t *testing.T) {
	t.Parallel()
	w := newWall(t, true)
	s, l := service(t), &listener{}
	home := t.TempDir()
	put := func(token string) {
		t.Helper()
		if err := oauth.NewStore(home).Put(t.Context(), &oauth.Credentials{Name: "web", URL: w.URL, AccessToken: token}); err != nil {
			t.Fatal(err)
		}
	}
	put("bad")
	set := s.Join("thread-1", t.TempDir(), []mcp.Server{{Name: "web", URL: w.URL, Enabled: true, Login: &mcp.Login{Home: home}}}, l)
	t.Cleanup(set.Close)
	if missing := set.WaitReady(within(t, 20*time.Second)); len(missing) != 1 {
		t.Fatalf("not up: %q", missing)
	}
	if got := l.failure("web"); got.Error != "The web MCP server requires OAuth reauthentication. Run `codexhost mcp login web`." || !got.LoginAgain {
		t.Errorf("told %+v", got)
	}
	s.LoginChanged() // to nothing that would help
	if got := l.states("web"); got != "starting failed" {
		t.Errorf("told %s", got)
	}
	put("good")
	s.LoginChanged()
	if missing := set.WaitReady(within(t, 20*time.Second)); len(missing) != 0 {
		t.Fatalf("not up: %+v", l.told)
	}
	if got := l.states("web"); got != "starting failed starting ready" {
		t.Errorf("told %s", got)
	}
}

func TestNothingToLogInTo(t *testing.T) {
	t.Parallel()
	s := service(t)
	for _, c := range []struct {
		server mcp.Server
		want   error
	}{
		{mcp.Server{Name: "program", Command: "x"}, mcp.ErrNotHTTP},
		{mcp.Server{Name: "plugin", Plugin: "p"}, mcp.ErrNotHTTP},
		{mcp.Server{Name: "web", URL: "https://x.example", Login: &mcp.Login{Keyring: true}}, mcp.ErrKeyring},
	} {
		if _, err := s.Login(t.Context(), c.server, nil, oauth.Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.server.Name, err)
		}
		if _, err := s.Logout(t.Context(), c.server); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.server.Name, err)
		}
	}
}

// A login that is made while a server is starting without one is not missed.
func TestLoginDuringAStart(t *testing.T) {
	t.Parallel()
	w := newWall(t, true)
	s, l := service(t), &listener{}
	home := t.TempDir()
	w.refusing = func() {
		if err := oauth.NewStore(home).Put(t.Context(), &oauth.Credentials{Name: "web", URL: w.URL, AccessToken: "good"}); err != nil {
			t.Error(err)
		}
	}
	set := s.Join("thread-1", t.TempDir(), []mcp.Server{{Name: "web", URL: w.URL, Enabled: true, Login: &mcp.Login{Home: home}}}, l)
	t.Cleanup(set.Close)
	if missing := set.WaitReady(within(t, 20*time.Second)); len(missing) != 0 {
		t.Fatalf("not up: %+v", l.told)
	}
	if got := l.states("web"); got != "starting ready" {
		t.Errorf("told %s", got)
	}
}
