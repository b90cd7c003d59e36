package oauth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Where servers say how to log in; %[1]s is the server's own origin.
func TestDiscovery(t *testing.T) {
	const (
		own    = `{"resource":"%[1]s/mcp","authorization_servers":["%[1]s/as"],"scopes_supported":["a","b"]}`
		meta   = `{"issuer":"%[1]s/as","authorization_endpoint":"%[1]s/as/auth","token_endpoint":"%[1]s/as/token","code_challenge_methods_supported":["S256"]}`
		asMeta = "/.well-known/oauth-authorization-server/as"
	)
	for name, c := range map[string]struct {
		challenge string
		pages     map[string]string
		issuer    string // "" is none
		resource  string
		scopes    string
		err       string
	}{
		"below the well-known path": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, asMeta: meta}, issuer: "/as", resource: "/mcp", scopes: "a b"},
		"at the root": {pages: map[string]string{"/.well-known/oauth-protected-resource": strings.ReplaceAll(own, "/mcp", ""), asMeta: meta},
			issuer: "/as", resource: "", scopes: "a b"},
		"where the challenge says": {challenge: `Bearer resource_metadata="%[1]s/here", scope="c d"`,
			pages: map[string]string{"/here": own, asMeta: meta}, issuer: "/as", resource: "/mcp", scopes: "c d"},
		"a challenge that leads nowhere": {challenge: `Bearer resource_metadata="%[1]s/nowhere"`,
			pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, asMeta: meta}, issuer: "/as", resource: "/mcp", scopes: "a b"},
		"a challenge that cannot be read": {challenge: `Bearer =,"`,
			pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, asMeta: meta}, issuer: "/as", resource: "/mcp", scopes: "a b"},
		"OpenID, path after": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, "/as/.well-known/openid-configuration": meta},
			issuer: "/as", resource: "/mcp", scopes: "a b"},
		"OpenID, path inserted": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, "/.well-known/openid-configuration/as": meta},
			issuer: "/as", resource: "/mcp", scopes: "a b"},
		"no description: the server's own origin": {pages: map[string]string{"/.well-known/oauth-authorization-server": strings.ReplaceAll(meta, "%[1]s/as\"", "%[1]s\"")},
			issuer: "", resource: "/mcp"},
		"nothing": {err: "none"},
		"another server's description": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": strings.ReplaceAll(own, "/mcp", "/other"), asMeta: meta},
			err: "which is not the server at"},
		"no authorization server": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": `{"resource":"%[1]s/mcp"}`}, err: "names no authorization server"},
		"one that is not safe": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": `{"resource":"%[1]s/mcp","authorization_servers":["http://as.example"]}`},
			err: "neither https nor on this machine"},
		"one without metadata":          {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own}, err: "does not say how to log in"},
		"metadata of another":           {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, asMeta: strings.ReplaceAll(meta, `"issuer":"%[1]s/as"`, `"issuer":"%[1]s/else"`)}, err: "does not match issuer"},
		"an authority without PKCE":     {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": own, asMeta: strings.ReplaceAll(meta, `["S256"]`, `[]`)}, err: "PKCE"},
		"a description that is no JSON": {pages: map[string]string{"/.well-known/oauth-protected-resource/mcp": "<html>"}, err: "reading http"},
	} {
		t.Run(name, func(t *testing.T) {
			var at string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page, ok := c.pages[r.URL.Path]
				if r.URL.Path == "/mcp" {
					if c.challenge != "" {
						w.Header().Set("WWW-Authenticate", fmt.Sprintf(strings.ReplaceAll(c.challenge, "%[1]s", "%s"), at))
					}
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				if !ok {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(strings.ReplaceAll(page, "%[1]s", at)))
			}))
			defer server.Close()
			at = server.URL
			s := Server{Name: "s", URL: at + "/mcp"}
			a, err := discover(t.Context(), newHTTP(t.Context(), &s), &s)
			switch {
			case c.err == "none":
				if a != nil || err != nil {
					t.Errorf("got %+v, %v", a, err)
				}
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %q", err, c.err)
				}
			case err != nil:
				t.Error(err)
			case a.meta.Issuer != at+c.issuer || a.resource != at+c.resource || strings.Join(a.scopes, " ") != c.scopes:
				t.Errorf("got issuer %s, resource %s, scopes %q", a.meta.Issuer, a.resource, a.scopes)
			}
		})
	}
}

// A header of the settings may hold a key: it goes to the server, and not with a
// redirect to another.
func TestHeadersStayAtTheServer(t *testing.T) {
	var leaked, seen string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked += r.Header.Get("X-Key")
		http.NotFound(w, r)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen += r.Header.Get("X-Key")
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	s := Server{Name: "s", URL: server.URL + "/mcp", Headers: map[string]string{"X-Key": "k"}}
	if a, err := discover(t.Context(), newHTTP(t.Context(), &s), &s); a != nil || err != nil {
		t.Errorf("got %+v, %v", a, err)
	}
	if seen != "kkk" || leaked != "" {
		t.Errorf("the server saw %q, the other %q", seen, leaked)
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		resource, server string
		want             bool
	}{
		{"https://a.example/mcp", "https://a.example/mcp", true},
		{"https://a.example/mcp/", "https://a.example/mcp", true},
		{"https://a.example", "https://a.example/mcp", true},
		{"https://a.example/", "https://a.example/mcp/x", true},
		{"HTTPS://A.example", "https://a.example/mcp", true},
		{"https://a.example/mc", "https://a.example/mcp", false},
		{"https://a.example/mcp/x", "https://a.example/mcp", false},
		{"http://a.example/mcp", "https://a.example/mcp", false},
		{"https://a.example:444/mcp", "https://a.example/mcp", false},
		{"https://b.example/mcp", "https://a.example/mcp", false},
		{"", "https://a.example/mcp", false},
		{"::", "https://a.example/mcp", false},
	} {
		base, err := url.Parse(c.server)
		if err != nil {
			t.Fatal(err)
		}
		if got := covers(c.resource, base); got != c.want {
			t.Errorf("%q describes %q: %v", c.resource, c.server, got)
		}
	}
}

// A server out there must not send the host to what only this machine can reach.
func TestRefuseInside(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:80": true, "10.1.2.3:443": true, "192.168.0.1:443": true, "169.254.169.254:80": true, "100.64.0.1:1": true, "0.0.0.0:1": true,
		"[::1]:80": true, "[fe80::1]:80": true, "[fd00::1]:80": true, "[::ffff:10.0.0.1]:80": true,
		"93.184.216.34:443": false, "[2606:2800:220:1::1]:443": false, "100.128.0.1:1": false,
	} {
		if err := refuseInside("tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
	if !local(netip.MustParseAddr("127.8.8.8")) {
		t.Error("all of 127/8 is this machine")
	}
}

func TestFresh(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name         string
		left, passed time.Duration // until it expires, since it was written
		want         bool
	}{
		{"an hour", time.Hour, 0, true},
		{"half a minute of an hour", 30 * time.Second, time.Hour, false},
		{"more than that", 31 * time.Second, time.Hour, true},
		{"a short life", 5 * time.Second, 0, true},
		{"its last quarter", time.Second, 4 * time.Second, false},
		{"its third quarter", 2 * time.Second, 3 * time.Second, true},
		{"over", 0, time.Second, false},
		{"written after it was over", -time.Second, 0, false},
	} {
		k := &Credentials{AccessToken: "t", Expires: now.Add(c.left)}
		if got := k.fresh(now, now.Add(-c.passed)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !(&Credentials{AccessToken: "t"}).fresh(now, now) || (&Credentials{}).fresh(now, now) {
		t.Error("without a time it does not expire; without a token there is none")
	}
}

// The reference has users register the same redirect URI: this is one of its.
func TestMarkIsTheReferences(t *testing.T) {
	if got := mark("http://127.0.0.1:8712/mcp"); got != "--o2Yp7LEbMv" {
		t.Errorf("got %s", got)
	}
}
