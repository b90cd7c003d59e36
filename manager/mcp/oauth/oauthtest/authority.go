// Package oauthtest is the other side of a login, for tests: an authorization
// server that nobody here wrote (node-oidc-provider, in a process of its own), an
// MCP server that lets nobody in without one of its tokens, and a browser that
// agrees or refuses.
//
// It must not know what it tests: it speaks HTTP only. What it starts ends with
// the test, or with the test's process. Where node or the authorization server is
// missing, tests skip.
package oauthtest

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed authority.mjs
var program string

// Settings are what an authorization server is started with.
type Settings struct {
	Online       bool   `json:"online,omitempty"`       // knows no scope offline_access
	TTL          int    `json:"ttl,omitempty"`          // of access tokens, in seconds; 0 is an hour
	Registration *bool  `json:"registration,omitempty"` // clients may register themselves; nil is true
	Modules      string `json:"modules"`                // set by Start
}

// Authority is an authorization server.
type Authority struct{ Issuer string }

// Start starts an authorization server, which ends with the test.
func Start(t testing.TB, s Settings) *Authority {
	t.Helper()
	s.Modules = modules(t)
	a, end, err := run(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return a
}

// Shared is an authorization server for all tests of a process, which ends with that.
func Shared(t testing.TB) *Authority {
	t.Helper()
	at := modules(t)
	shared.once.Do(func() { shared.authority, shared.end, shared.err = run(Settings{Modules: at}) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.authority
}

var shared struct {
	once      sync.Once
	authority *Authority
	end       func() // holds its stdin open
	err       error
}

// run starts the program and waits for its issuer. It ends with its stdin, if it is not ended.
func run(s Settings) (a *Authority, end func(), err error) {
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	node := exec.Command("node", "--input-type=module", "--eval", program, "--", string(settings))
	stdin, err := node.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := node.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := node.Start(); err != nil {
		return nil, nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http") {
		_ = node.Wait()
		return nil, nil, fmt.Errorf("the authorization server did not start: %q, %v", line, err)
	}
	return &Authority{Issuer: strings.TrimSpace(line)}, func() {
		_ = stdin.Close()
		_ = node.Process.Kill()
		_ = node.Wait()
	}, nil
}

// modules is where npm has put the authorization server.
func modules(t testing.TB) string {
	t.Helper()
	version, err := exec.Command("node", "--version").Output()
	var major int
	if _, scan := fmt.Sscanf(string(version), "v%d.", &major); err != nil || scan != nil || major < 20 {
		t.Skip("no node of version 20 or later to run an authorization server with")
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	dir = filepath.Join(dir, "out", "mcp-servers")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "oidc-provider")); err != nil {
		t.Skip("node-oidc-provider is not here: .ci/mcp-servers out/mcp-servers installs it, with npm")
	}
	return dir
}

// introspection is what the authorization server says of a token.
type introspection struct {
	Active bool
	Scope  string
	Exp    int64
	Aud    any
}

// introspect asks about an access token.
func (a *Authority) introspect(ctx context.Context, token string) (i introspection, err error) {
	r, err := a.post(ctx, "/token/introspection", url.Values{"token": {token}})
	if err != nil {
		return i, err
	}
	defer r.Body.Close()
	return i, json.NewDecoder(r.Body).Decode(&i)
}

// Revoke ends a refresh token, and with it the grant.
func (a *Authority) Revoke(t testing.TB, client, token string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Issuer+"/token/revocation", strings.NewReader(url.Values{"token": {token}, "client_id": {client}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Fatalf("revoking a token: %s", r.Status)
	}
}

// post asks as the client that may inspect tokens.
func (a *Authority) post(ctx context.Context, path string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("inspector", "inspector-secret")
	return http.DefaultClient.Do(r)
}
