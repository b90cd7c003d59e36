package model

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const testKey = "sk-very-secret-0123456789"

func withKey(p *Provider) { p.BearerToken = testKey }

// TestKeyStaysAtItsOrigin: a redirect elsewhere is not followed, whatever its kind.
func TestKeyStaysAtItsOrigin(t *testing.T) {
	var foreign atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { foreign.Add(1) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+"/steal?x=1")
			w.WriteHeader(code)
		}, withKey)
		_, err := collect(t, c, &Request{})
		var e *Error
		if !errors.As(err, &e) || e.Status != code || e.Retryable || !strings.Contains(e.Message, "redirect to "+other.URL+" not followed") {
			t.Errorf("%d: %v", code, err)
		}
	}
	if n := foreign.Load(); n > 0 {
		t.Errorf("%d requests reached another origin", n)
	}
}

func TestRedirectAtTheSameOriginIsFollowed(t *testing.T) {
	var body string
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/responses" {
			w.Header().Set("Location", "/v2/responses")
			w.WriteHeader(307)
			return
		}
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		if r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Error("the key was lost")
		}
		sse(w, sseWhole)
	}, withKey)
	evs, err := collect(t, c, &Request{Model: "m", Input: []json.RawMessage{userItem("hi")}})
	if err != nil || allText(evs) != "hello" || !json.Valid([]byte(body)) {
		t.Errorf("%v %q %q", err, allText(evs), body)
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	var n atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(308)
	}, nil)
	if _, err := collect(t, c, &Request{}); err == nil || n.Load() > 10 {
		t.Errorf("%d requests, %v", n.Load(), err)
	}
}

// TestEchoedKeyIsHidden: a server that repeats what it got does not put a key into our errors.
func TestEchoedKeyIsHidden(t *testing.T) {
	const second = "another-secret-value"
	for _, code := range []int{400, 401, 429, 500, 503} {
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "your key is "+r.Header.Get("Authorization")+" and "+r.Header.Get("X-Own"))
		}, func(p *Provider) {
			withKey(p)
			p.EnvHTTPHeaders = map[string]string{"X-Own": "OWN"}
			p.QueryParams = map[string]string{"code": testKey}
		})
		c.auth.LookupEnv = func(string) (string, bool) { return second, true }
		_, err := collect(t, c, &Request{})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if all := e.Message + e.Details + e.URL; strings.Contains(all, testKey) || strings.Contains(all, second) {
			t.Errorf("%d: %s", code, all)
		}
	}
}

func TestKeysAndHeaders(t *testing.T) {
	env := map[string]string{"KEY": " sk-env ", "EMPTY": "", "ORG": "org-1"}
	lookup := func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	for _, c := range []struct {
		name    string
		p       Provider
		auth    string // the Authorization header
		message string
	}{
		{"env", Provider{EnvKey: "KEY", BearerToken: "ignored"}, "Bearer sk-env", ""},
		{"env not set", Provider{EnvKey: "NOPE", EnvKeyInstructions: "Get one at example.com."}, "", "Missing environment variable: `NOPE`. Get one at example.com."},
		{"env empty", Provider{EnvKey: "EMPTY"}, "", "Missing environment variable: `EMPTY`."},
		{"literal", Provider{BearerToken: "sk-lit"}, "Bearer sk-lit", ""},
		{"none", Provider{}, "", ""},
	} {
		var got http.Header
		var query string
		cl, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got, query = r.Header, r.URL.RawQuery
			sse(w, sseWhole)
		}, func(p *Provider) {
			p.EnvKey, p.EnvKeyInstructions, p.BearerToken = c.p.EnvKey, c.p.EnvKeyInstructions, c.p.BearerToken
			p.HTTPHeaders = map[string]string{"x-one": "1\r\nEvil: yes"}
			p.EnvHTTPHeaders = map[string]string{"OpenAI-Organization": "ORG", "x-missing": "NOPE", "x-empty": "EMPTY"}
			p.QueryParams = map[string]string{"b": "2 3", "api-version": "v1"}
		})
		cl.auth.LookupEnv = lookup
		_, err := collect(t, cl, &Request{})
		if c.message != "" {
			if err == nil || err.Error() != c.message {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || got.Get("Authorization") != c.auth || got.Get("X-One") != "1__Evil: yes" || got.Get("Openai-Organization") != "org-1" ||
			got.Values("X-Missing") != nil || got.Values("X-Empty") != nil || query != "api-version=v1&b=2+3" {
			t.Errorf("%s: %v %v %q", c.name, err, got, query)
		}
	}
}

// TestConnectionsAreReused: one connection for streams one after another, failures included, and
// a crowd does not dial again.
func TestConnectionsAreReused(t *testing.T) {
	var conns, n atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 5 {
		case 0:
			w.WriteHeader(500)
			_, _ = io.WriteString(w, boom)
		case 1:
			sse(w, sseCreated+sseEvent("response.failed", `,"response":{"error":{"code":"x","message":"y"}}`))
		default:
			sse(w, sseWhole+"data: [DONE]\n\n")
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	tr := NewTransport()
	defer tr.Close()
	none := 0
	c := NewResponses(tr, Provider{BaseURL: srv.URL, RequestMaxRetries: &none}, Auth{})
	c.drain = 0x7fffffff // this test's machine may be slow
	for range 100 {
		_, _ = collect(t, c, &Request{})
	}
	if got := conns.Load(); got != 1 {
		t.Errorf("%d connections for 100 streams", got)
	}
	together := func() {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 5 {
					_, _ = collect(t, c, &Request{})
				}
			})
		}
		wg.Wait()
	}
	together()
	// net/http dials even when another connection is handed over meanwhile, so the first
	// crowd may have more than 64; a second one finds them all.
	before := conns.Load()
	together()
	if got := conns.Load() - before; got > 8 {
		t.Errorf("%d new connections for a second crowd of 64", got)
	}
}

// TestStaleConnectionIsReplaced: a server that closed an idle connection costs no failure, even
// with no retries.
func TestStaleConnectionIsReplaced(t *testing.T) {
	c, srv := serve(t, streamOf(sseWhole), nil)
	for range 5 {
		if _, err := collect(t, c, &Request{}); err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
		srv.CloseClientConnections()
	}
}

// TestServerThatNeverEnds: a stream left open after its completion delays nobody for long.
func TestServerThatNeverEnds(t *testing.T) {
	c, _ := serve(t, thenHang(sseWhole), nil)
	if evs, err := collect(t, c, &Request{}); err != nil || evs[len(evs)-1].Kind != Completed {
		t.Error(err)
	}
}
