package mcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// However a URL hangs, the start of its server ends at its limit, and the provider
// is there for others.
func TestHangingURL(t *testing.T) {
	hang := func(r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is noticed
		<-r.Context().Done()
	}
	handlers := map[string]http.HandlerFunc{
		"before its headers": func(_ http.ResponseWriter, r *http.Request) { hang(r) },
		"in a body of JSON": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"jsonrpc":`))
			_ = http.NewResponseController(w).Flush()
			hang(r)
		},
		"in a stream of events": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte(": wait\n\n"))
			_ = http.NewResponseController(w).Flush()
			hang(r)
		},
	}
	urls := map[string]string{"as nobody accepts": unheard(t)}
	for name, h := range handlers {
		web := httptest.NewServer(h)
		t.Cleanup(web.Close)
		urls[name] = web.URL
	}
	p := newProvider(t)
	var all sync.WaitGroup
	for name, url := range urls {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			_, err := p.Start(ctx, server(t, provider.Config{URL: url}), &host{})
			if e, ok := errors.AsType[*provider.StartError](err); !ok || e.Stage != provider.StageTimeout {
				t.Errorf("it hangs %s: %#v", name, err)
			}
		})
	}
	all.Wait()
	web := httptest.NewServer(&plainServer{result: `{"content":[]}`})
	defer web.Close()
	s, err := p.Start(within(t, 20*time.Second), server(t, provider.Config{URL: web.URL}), &host{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := call(t, s, "t", `{}`); err != nil || got != `{"content":[]}` {
		t.Errorf("the healthy one: %s, %v", got, err)
	}
}

// unheard is an address where connections wait for ever.
func unheard(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}
