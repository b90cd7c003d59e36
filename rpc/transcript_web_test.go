package rpc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// web is what $WEB stands for in a transcript: an MCP server that wants a login,
// and the authorization server that it names, which asks nobody. It is only as
// true as the order of messages needs; manager/mcp/oauth has the real thing.
func web(t *testing.T) string {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	answer := func(w http.ResponseWriter, status int, format string, args ...any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, format, args...)
	}
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"registration_endpoint":%q,"code_challenge_methods_supported":["S256"]}`,
			server.URL, server.URL+"/authorize", server.URL+"/token", server.URL+"/register")
	})
	mux.HandleFunc("/register", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusCreated, `{"client_id":"transcript","token_endpoint_auth_method":"none"}`)
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		back := url.Values{"state": {q.Get("state")}, "code": {"c"}}
		if q.Get("scope") == "too much" {
			back = url.Values{"state": {q.Get("state")}, "error": {"access_denied"}, "error_description": {"not for you"}}
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"access_token":"open sesame","token_type":"Bearer","expires_in":3600,"refresh_token":"again"}`)
	})
	mux.HandleFunc("/mcp", func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     json.RawMessage
			Method string
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &m)
		switch {
		case r.Header.Get("Authorization") != "Bearer open sesame":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		case m.ID == nil:
			w.WriteHeader(http.StatusAccepted)
		case m.Method == "initialize":
			answer(w, http.StatusOK, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"web","version":"1"}}}`, m.ID)
		default:
			answer(w, http.StatusOK, `{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID)
		}
	})
	return server.URL
}

// open is the user's browser.
func open(t *testing.T, address string) {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if !strings.HasSuffix(r.Request.URL.Path, "/callback") {
		t.Fatalf("the browser ends at %s", r.Request.URL)
	}
}
