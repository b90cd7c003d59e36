package mcp_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	builtin "github.com/codexhost/codexhost/plugins/builtin/mcp"
	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

// The test binary is also the servers.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if mcptest.Main(args) || sdkServer(args) {
		return
	}
	goleak.VerifyTestMain(m)
}

const sdkArg = "__sdk_server"

// sdkServer is a server on the official SDK.
func sdkServer(args []string) bool {
	if len(args) == 0 || args[0] != sdkArg {
		return false
	}
	s := sdk.NewServer(&sdk.Implementation{Name: "sdk", Version: "1"}, nil)
	type in struct {
		Text string `json:"text"`
	}
	sdk.AddTool(s, &sdk.Tool{Name: "echo"}, func(_ context.Context, _ *sdk.CallToolRequest, a in) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: a.Text}}}, nil, nil
	})
	sdk.AddTool(s, &sdk.Tool{Name: "ask"}, func(ctx context.Context, r *sdk.CallToolRequest, _ in) (*sdk.CallToolResult, any, error) {
		a, err := r.Session.Elicit(ctx, &sdk.ElicitParams{Message: "sure?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{}}})
		if err != nil {
			return nil, nil, err
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: a.Action}}}, nil, nil
	})
	if err := s.Run(context.Background(), &sdk.StdioTransport{}); err != nil {
		os.Exit(1)
	}
	return true
}

// host records what a session tells it.
type host struct {
	answer    string
	mu        sync.Mutex
	asked     []string
	progress  []string
	changed   int
	resources int
	said      []string
	ended     chan struct{} // gets a token when a question was withdrawn
}

func (h *host) Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	h.mu.Lock()
	h.asked = append(h.asked, string(params))
	h.mu.Unlock()
	if h.answer == "" {
		<-ctx.Done()
		h.ended <- struct{}{}
		return nil, ctx.Err()
	}
	return json.RawMessage(h.answer), nil
}

func (h *host) Progress(p json.RawMessage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.progress = append(h.progress, string(p))
}

func (h *host) ResourcesChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resources++
}

func (h *host) ToolsChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed++
}

func (h *host) Log(level, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, level+": "+text)
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// config runs the test binary as a server that behaves as the words say.
func config(t testing.TB, words ...string) provider.Config {
	return provider.Config{
		Command: self(t), Args: append([]string{mcptest.Arg}, words...),
		Env: map[string]string{"PATH": os.Getenv("PATH"), "OWN": "1"}, Cwd: t.TempDir(),
		Client: provider.ClientInfo{Name: "tester", Title: "Tester", Version: "9"},
	}
}

func server(t testing.TB, c provider.Config) provider.Server {
	t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return provider.Server{Key: "k", Name: "n", Config: raw}
}

func newProvider(t testing.TB) *builtin.Provider {
	p := builtin.New()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		p.Shutdown(ctx)
		if ctx.Err() != nil {
			t.Error("Shutdown did not end in time")
		}
	})
	return p
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// start starts a server that must come up.
func start(t testing.TB, h *host, words ...string) provider.Session {
	t.Helper()
	s, err := newProvider(t).Start(within(t, 10*time.Second), server(t, config(t, words...)), h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func call(t testing.TB, s provider.Session, tool, arguments string) (string, error) {
	t.Helper()
	raw, err := s.CallTool(within(t, 20*time.Second), provider.ToolCall{Name: tool, Arguments: json.RawMessage(arguments)})
	return string(raw), err
}

// text is the text of the first part of a result.
func text(t testing.TB, s provider.Session, tool, arguments string) string {
	t.Helper()
	raw, err := call(t, s, tool, arguments)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	var r struct{ Content []struct{ Text string } }
	if err := json.Unmarshal([]byte(raw), &r); err != nil || len(r.Content) == 0 {
		t.Fatalf("%s: %s: %v", tool, raw, err)
	}
	return r.Content[0].Text
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// waitFor waits until ok, in real time: what is waited for is another process.
func waitFor(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// logFile is a file for a server's log and a way to look into it.
func logFile(t testing.TB) (word string, read func() string) {
	path := filepath.Join(t.TempDir(), "log")
	return "log=" + path, func() string {
		b, _ := os.ReadFile(path)
		return string(b)
	}
}

func contains(read func() string, s string) func() bool {
	return func() bool { return strings.Contains(read(), s) }
}
