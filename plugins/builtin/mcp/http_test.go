package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

func startHTTP(t *testing.T, url string, headers map[string]string, h *host) (provider.Session, error) {
	t.Helper()
	c := provider.Config{URL: url, Headers: headers, Client: provider.ClientInfo{Name: "tester", Version: "9"}}
	return newProvider(t).Start(within(t, 10*time.Second), server(t, c), h)
}

// plainServer answers in plain JSON and has no stream of its own.
type plainServer struct {
	mu       sync.Mutex
	requests []string // method and the headers that matter
	result   string   // of a tool call
}

func (p *plainServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var m struct {
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(body, &m)
	p.mu.Lock()
	p.requests = append(p.requests, fmt.Sprint(m.Method, " ", r.Header.Get("Authorization"), " ", r.Header.Get("User-Agent"), " ", r.Header.Get("Mcp-Protocol-Version")))
	p.mu.Unlock()
	if m.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result := `{}`
	switch m.Method {
	case "initialize":
		result = `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"plain","version":"1"}}`
	case "tools/list":
		result = `{"tools":[{"name":"t","inputSchema":{"type":"object"},"x-own":1}]}`
	case "tools/call":
		result = p.result
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,%s}`, m.ID, map[bool]string{true: `"error":{"code":-32000,"message":"boom","data":{"x":1}}`, false: `"result":` + result}[m.Method == "tools/call" && p.result == ""])
}

func TestHTTP(t *testing.T) {
	p := &plainServer{result: `{"x-top":[1,2.50],"content":[{"type":"hologram","x":"<&>"}]}`}
	web := httptest.NewServer(p)
	defer web.Close()
	s, err := startHTTP(t, web.URL, map[string]string{"Authorization": "Bearer t"}, &host{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(s.Info().Tools[0]), "x-own") {
		t.Errorf("tool %s", s.Info().Tools[0])
	}
	if got, err := call(t, s, "t", `{"a":1}`); err != nil || got != p.result {
		t.Errorf("got %s, %v", got, err)
	}
	p.result = ""
	_, err = call(t, s, "t", `{}`)
	if e, ok := errors.AsType[*provider.CallError](err); !ok || e.Cause != provider.CauseServer || e.Code != -32000 || e.Message != "boom" || string(e.Data) != `{"x":1}` {
		t.Errorf("got %#v", err)
	}
	if err := s.Close(within(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := "initialize Bearer t tester/9 |notifications/initialized Bearer t tester/9 2025-06-18|tools/list Bearer t tester/9 2025-06-18|tools/call Bearer t tester/9 2025-06-18|tools/call Bearer t tester/9 2025-06-18"
	if got := strings.Join(p.requests, "|"); got != want {
		t.Errorf("requests\n%s\nwant\n%s", got, want)
	}
}

func TestHTTPFailures(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/away") {
			http.Redirect(w, r, "http://localhost:1/", http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer web.Close()
	_, err := startHTTP(t, web.URL, nil, &host{})
	if e, ok := errors.AsType[*provider.StartError](err); !ok || e.Stage != provider.StageAuth {
		t.Errorf("401: %#v", err)
	}
	for _, url := range []string{web.URL + "/away", "http://127.0.0.1:1/"} {
		_, err = startHTTP(t, url, nil, &host{})
		if e, ok := errors.AsType[*provider.StartError](err); !ok || e.Stage != provider.StageHandshake {
			t.Errorf("%s: %#v", url, err)
		}
	}
}

// The official SDK's server, with its streams.
func TestHTTPStreams(t *testing.T) {
	s := sdk.NewServer(&sdk.Implementation{Name: "sdk", Version: "1"}, nil)
	started := make(chan struct{})
	cancelled := make(chan struct{})
	type in struct{}
	sdk.AddTool(s, &sdk.Tool{Name: "ask"}, func(ctx context.Context, r *sdk.CallToolRequest, _ in) (*sdk.CallToolResult, any, error) {
		a, err := r.Session.Elicit(ctx, &sdk.ElicitParams{Message: "sure?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{}}})
		if err != nil {
			return nil, nil, err
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: a.Action}}}, nil, nil
	})
	sdk.AddTool(s, &sdk.Tool{Name: "hang"}, func(ctx context.Context, _ *sdk.CallToolRequest, _ in) (*sdk.CallToolResult, any, error) {
		close(started)
		<-ctx.Done()
		close(cancelled)
		return nil, nil, ctx.Err()
	})
	web := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, nil))
	defer web.Close()
	h := &host{answer: `{"action":"decline"}`}
	session, err := startHTTP(t, web.URL, nil, h)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, session, "ask", `{}`); got != "decline" || len(h.asked) != 1 || !strings.Contains(h.asked[0], "sure?") {
		t.Errorf("got %s, asked %s", got, h.asked)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = session.CallTool(ctx, provider.ToolCall{Name: "hang", Arguments: json.RawMessage(`{}`)})
	})
	<-started
	cancel()
	<-cancelled
	wg.Wait()
	if err := session.Close(within(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
}

func TestHTTPBigResults(t *testing.T) {
	p := &plainServer{}
	web := httptest.NewServer(p)
	defer web.Close()
	s, err := startHTTP(t, web.URL, nil, &host{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1 << 20, 17 << 20} {
		p.result = `{"content":[{"type":"text","text":"` + strings.Repeat("b", n) + `"}]}`
		got, err := call(t, s, "t", `{}`)
		e, refused := errors.AsType[*provider.CallError](err)
		switch {
		case n < 16<<20 && got != p.result:
			t.Errorf("%d bytes: got %d, %v", n, len(got), err)
		case n > 16<<20 && (!refused || e.Cause != provider.CauseTooLarge):
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
	}
	p.result = `{"content":[]}`
	if got, err := call(t, s, "t", `{}`); err != nil || got != p.result {
		t.Errorf("after it: %s, %v", got, err)
	}
}
