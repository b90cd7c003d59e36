package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/plugins"
	builtin "github.com/codexhost/codexhost/plugins/builtin/mcp"
	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The test binary is the plugin, the servers, and a host to be killed.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if mcptest.Main(args) || mcpGoMain(args) {
		return
	}
	if role, ok := plugins.Role(args); ok {
		if role == "host" {
			victim()
			return
		}
		servePlugin(role)
		builtin.Serve()
	}
	os.Exit(m.Run())
}

// victim is a host with two servers; it prints what runs and waits to be killed.
func victim() {
	s := newService(os.Getenv("VICTIM_RUN_DIR"))
	set := s.Join("t", os.TempDir(), []mcp.Server{
		testServer("polite"),
		{Name: "wrapped", Enabled: true, Command: "/bin/sh", Args: []string{"-c", fmt.Sprintf("'%s' %s deaf; true", exe(), mcptest.Arg)}},
	}, &listener{})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if missing := set.WaitReady(ctx); len(missing) > 0 {
		fmt.Println("missing", missing)
		return
	}
	for _, server := range []string{"polite", "wrapped"} {
		for _, c := range []struct{ tool, arguments string }{{"pid", `{}`}, {"spawn", `{}`}, {"spawn", `{"session":true}`}} {
			raw, err := set.CallTool(ctx, server, c.tool, json.RawMessage(c.arguments), nil)
			fmt.Println(textOf(raw), err)
		}
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte() // for ever
}

func exe() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// newService is a Service on the built-in provider in a process of its own.
func newService(runDir string) *mcp.Service {
	spec := plugins.Builtin("mcp", provider.Kind, "mcp")
	spec.OwnsProcesses, spec.Set = true, atOnce()
	h, err := plugins.New(plugins.Options{Kinds: []plugins.Kind{provider.Contract(nil)}, Specs: []plugins.Spec{spec}, RunDir: runDir})
	if err != nil {
		panic(err)
	}
	s := mcp.New(mcp.Options{
		Provider: func(ctx context.Context) (provider.Provider, error) {
			return plugins.Get[provider.Provider](ctx, h, "mcp")
		},
		Env: os.LookupEnv, Home: os.TempDir(), Linger: 50 * time.Millisecond,
		Client: provider.ClientInfo{Name: "codexhost", Version: "0"},
	})
	hosts.Store(s, h)
	return s
}

// hosts finds the plugin host of a Service.
var hosts sync.Map

func service(t testing.TB) *mcp.Service {
	s := newService(shortDir(t))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := hostOf(s).Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// shortDir is a folder whose path leaves room for that of a socket.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func hostOf(s *mcp.Service) *plugins.Host {
	h, _ := hosts.Load(s)
	return h.(*plugins.Host)
}

// testServer runs the test binary as a server that behaves as the words say.
func testServer(name string, words ...string) mcp.Server {
	return mcp.Server{Name: name, Enabled: true, Command: exe(), Args: append([]string{mcptest.Arg}, words...), Env: atOnce()}
}

// atOnce is for processes that are this binary: built with the race
// detector, it would sleep for a second before it ends.
func atOnce() map[string]string { return map[string]string{"GORACE": "atexit_sleep_ms=0"} }

// listener records what a thread is told.
type listener struct {
	mu        sync.Mutex
	response  string
	told      []mcp.Startup
	asked     []mcp.Elicitation
	changes   []string
	resources []string
}

func (l *listener) ServerStatus(s mcp.Startup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, s)
}

func (l *listener) ToolsChanged(c mcp.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes = append(l.changes, fmt.Sprintf("%s %s +%v -%v ~%v", c.ThreadID, c.Server, c.Added, c.Removed, c.Altered))
}

func (l *listener) ResourcesChanged(thread, server string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resources = append(l.resources, thread+" "+server)
}

func (l *listener) Elicit(ctx context.Context, e mcp.Elicitation) ([]byte, error) {
	l.mu.Lock()
	l.asked = append(l.asked, e)
	response := l.response
	l.mu.Unlock()
	if response == "" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(response), nil
}

// answer is what questions get from now on.
func (l *listener) answer(response string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.response = response
}

// last is the question that was asked last.
func (l *listener) last() mcp.Elicitation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.asked) == 0 {
		return mcp.Elicitation{}
	}
	return l.asked[len(l.asked)-1]
}

// validQuestion holds the params of a question against the protocol, as clients do.
func validQuestion(params json.RawMessage) error {
	var q protocol.McpServerElicitationRequestParams
	return protocol.Decode(params, &q)
}

// states is the story of one server.
func (l *listener) states(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, s := range l.told {
		if s.Name == name {
			out = append(out, string(s.State))
		}
	}
	return strings.Join(out, " ")
}

func (l *listener) failure(name string) mcp.Startup {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.told {
		if s.Name == name && s.State == mcp.Failed {
			return s
		}
	}
	return mcp.Startup{}
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// join gives a thread servers that must all come up.
func join(t testing.TB, s *mcp.Service, l *listener, servers ...mcp.Server) *mcp.Set {
	t.Helper()
	set := s.Join("thread-1", t.TempDir(), servers, l)
	t.Cleanup(set.Close)
	if missing := set.WaitReady(within(t, patience)); len(missing) > 0 {
		t.Fatalf("not up: %v: %s", missing, l.failure(missing[0]).Error)
	}
	return set
}

func textOf(raw json.RawMessage) string {
	var r struct{ Content []struct{ Text string } }
	if json.Unmarshal(raw, &r) != nil || len(r.Content) == 0 {
		return string(raw)
	}
	return r.Content[0].Text
}

// direct calls a tool as a client would and returns the text.
func direct(t testing.TB, set *mcp.Set, server, tool, arguments string) string {
	t.Helper()
	raw, err := set.CallTool(within(t, patience), server, tool, json.RawMessage(arguments), nil)
	if err != nil {
		t.Fatalf("%s/%s: %v", server, tool, err)
	}
	return textOf(raw)
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// patience bounds what is waited for, which takes milliseconds on a machine that
// does nothing else. It fails a test that would hang.
const patience = time.Minute

// waitFor waits until ok, in real time: what is waited for is another process.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// tool finds an offered tool by its raw names.
func tool(t testing.TB, set *mcp.Set, server, name string) *mcp.Tool {
	t.Helper()
	for _, x := range set.Offer().Tools() {
		if x.Server == server && x.Name == name {
			return x
		}
	}
	t.Fatalf("%s/%s is not offered", server, name)
	return nil
}
