package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

func TestThreadsShareOneProcess(t *testing.T) {
	t.Parallel()
	s := service(t)
	cwd := t.TempDir()
	servers := []mcp.Server{testServer("lab")}
	la, lb := &listener{}, &listener{}
	a := s.Join("a", cwd, servers, la)
	b := s.Join("b", cwd, servers, lb)
	defer b.Close()
	for _, set := range []*mcp.Set{a, b} {
		if missing := set.WaitReady(within(t, patience)); len(missing) > 0 {
			t.Fatal(missing)
		}
	}
	pa, pb := direct(t, a, "lab", "pid", `{}`), direct(t, b, "lab", "pid", `{}`)
	if pa != pb {
		t.Errorf("two processes, %s and %s", pa, pb)
	}
	for _, l := range []*listener{la, lb} {
		if got := l.states("lab"); got != "starting ready" {
			t.Errorf("told %q", got)
		}
	}
	if len(a.Offer().Specs()) != 1 || &a.Offer().Specs()[0][0] != &b.Offer().Specs()[0][0] {
		t.Error("the same servers make two copies of the same offer")
	}

	elsewhere := join(t, s, &listener{}, servers...)
	if direct(t, elsewhere, "lab", "pid", `{}`) == pa {
		t.Error("a thread in another folder shares the process")
	}
	a.Close()
	if direct(t, b, "lab", "pid", `{}`) != pb {
		t.Error("the process changed when one thread left")
	}
	b.Close()
	pid := number(t, pb)
	waitFor(t, "the end of an unused server", func() bool { return !mcptest.Alive(pid) })
}

func TestStartups(t *testing.T) {
	t.Parallel()
	s := service(t)
	join(t, s, &listener{}, testServer("first")) // the time for a start is the server's alone then, not the provider's
	l := &listener{}
	slow := testServer("slow", "slow=60s")
	slow.StartupTimeout = time.Second
	begun := time.Now()
	set := s.Join("t", t.TempDir(), []mcp.Server{
		testServer("dies", "exit=4"), testServer("refuses", "refuse"), slow, testServer("works", "banner"),
		{Name: "missing", Enabled: true, Command: "/no/such/program"},
		{Name: "token", Enabled: true, URL: "http://127.0.0.1:1/", BearerTokenEnvVar: "NO_SUCH_TOKEN_VAR"},
		{Name: "off", Command: "/no/such/program"},
	}, l)
	t.Cleanup(set.Close)
	if took := time.Since(begun); took > 10*time.Second { // the slow one takes a minute
		t.Errorf("Join took %v", took)
	}
	missing := set.WaitReady(within(t, patience))
	if got := strings.Join(missing, " "); got != "dies missing refuses slow token" {
		t.Errorf("not up: %s", got)
	}
	for name, want := range map[string]string{
		"dies": "MCP client for `dies` failed to start: MCP startup failed: handshaking with MCP server failed: connection closed: initialize response: connection closed: initialize response\n" +
			"It ended with exit code 4.\nIts stderr ends with:\n    cannot find my settings\nTry this: run it by hand to see what it says: " + exe() + " " + mcptest.Arg + " exit=4",
		"refuses": "MCP client for `refuses` failed to start: MCP startup failed: handshaking with MCP server failed: JSON-RPC error: -32603: not today: JSON-RPC error: -32603: not today",
		"missing": "MCP client for `missing` failed to start: MCP startup failed: No such file or directory (os error 2)",
		"slow":    "MCP client for `slow` timed out after 1 seconds. Add or adjust `startup_timeout_sec` in your config.toml:\n[mcp_servers.slow]\nstartup_timeout_sec = XX",
		"token":   "MCP client for `token` failed to start: Environment variable NO_SUCH_TOKEN_VAR for MCP server 'token' is not set",
	} {
		if got := l.states(name); got != "starting failed" {
			t.Errorf("%s: told %q", name, got)
		}
		if got := l.failure(name).Error; got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if l.states("works") != "starting ready" || l.states("off") != "" {
		t.Errorf("works %q, off %q", l.states("works"), l.states("off"))
	}
	if direct(t, set, "works", "echo", `{"text":"fine"}`) != "fine" {
		t.Error("the healthy one does not work")
	}
}

// Each of these comes up only when all have been started.
func TestSlowServersStartSideBySide(t *testing.T) {
	t.Parallel()
	s := service(t)
	meet := "meet=" + t.TempDir() + ":5"
	var servers []mcp.Server
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		servers = append(servers, testServer(name, meet))
	}
	join(t, s, &listener{}, servers...)
}

func TestLateToolsJoinTheNextOffer(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := s.Join("t", t.TempDir(), []mcp.Server{testServer("late", "slow=300ms", "tools=echo")}, &listener{})
	t.Cleanup(set.Close)
	if n := len(set.Offer().Specs()); n != 0 {
		t.Fatalf("%d entries before it is up", n)
	}
	set.WaitReady(within(t, patience), "late")
	if n := len(set.Offer().Specs()); n != 1 {
		t.Fatalf("%d entries after", n)
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	s := service(t)
	bad, worse, good := testServer("bad", "exit=1"), testServer("aaa", "refuse"), testServer("good")
	bad.Required, worse.Required, good.Required = true, true, true
	set := s.Join("t", t.TempDir(), []mcp.Server{bad, worse, good, testServer("mute", "mute")}, &listener{})
	t.Cleanup(set.Close)
	err := set.WaitRequired(within(t, patience))
	if err == nil || !strings.HasPrefix(err.Error(), "required MCP servers failed to initialize: aaa: MCP client for `aaa` failed to start: ") ||
		!strings.Contains(err.Error(), "; bad: MCP client for `bad` failed") || strings.Contains(err.Error(), "good") {
		t.Errorf("got %v", err)
	}
}

func TestCrashedServerIsBackAtTheNextCall(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	set := join(t, s, l, testServer("lab"))
	ctx := within(t, patience)
	crash := func() { // the call in flight fails and is not repeated
		t.Helper()
		o := tool(t, set, "lab", "crash").Call(ctx, mcp.Call{ID: "c"})
		if !o.Failed || !strings.HasSuffix(o.Error, "Caused by:\n    Transport closed") {
			t.Fatalf("crash: %+v", o)
		}
	}
	crash()
	first := direct(t, set, "lab", "pid", `{}`)
	crash()
	if direct(t, set, "lab", "pid", `{}`) == first {
		t.Fatal("the process did not change")
	}
	if got := l.states("lab"); got != "starting ready starting ready starting ready" {
		t.Errorf("told %q", got)
	}
	crash()
	o := tool(t, set, "lab", "echo").Call(ctx, mcp.Call{ID: "c"})
	if !o.Failed || !strings.Contains(o.Error, "crashed 3 times in 5m0s") {
		t.Errorf("after three crashes: %+v", o)
	}
	set.Update(t.TempDir(), []mcp.Server{testServer("lab")})
	if missing := set.WaitReady(ctx); len(missing) > 0 {
		t.Errorf("a reload did not bring it back: %v", missing)
	}
}

func TestServerThatExitsAfterEachCall(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := join(t, s, &listener{}, testServer("lab"))
	for range 6 {
		if got := direct(t, set, "lab", "exit", `{}`); got != "bye" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestReloadKeepsWhatIsUnchanged(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	cwd := t.TempDir()
	flag := filepath.Join(cwd, "flag")
	// Fails until the flag is there.
	flaky := mcp.Server{Name: "flaky", Enabled: true, Command: "/bin/sh", Args: []string{"-c", "test -e '" + flag + "' && exec '" + exe() + "' " + mcptest.Arg}}
	set := s.Join("t", cwd, []mcp.Server{testServer("same"), testServer("gone"), testServer("other", "tools=echo"), flaky}, l)
	t.Cleanup(set.Close)
	set.WaitReady(within(t, patience))
	same, gone := direct(t, set, "same", "pid", `{}`), number(t, direct(t, set, "gone", "pid", `{}`))
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kept := testServer("same")
	kept.DisabledTools = []string{"env"}
	set.Update(cwd, []mcp.Server{kept, testServer("new"), testServer("other", "tools=pid"), flaky})
	if missing := set.WaitReady(within(t, patience)); len(missing) > 0 {
		t.Fatal(missing)
	}
	if direct(t, set, "same", "pid", `{}`) != same {
		t.Error("an unchanged server was started again")
	}
	if got := l.states("same"); got != "starting ready starting ready" {
		t.Errorf("same: told %q", got)
	}
	if _, err := set.CallTool(within(t, patience), "same", "env", nil, nil); err == nil || err.Error() != "tool 'env' is disabled for MCP server 'same'" {
		t.Errorf("the new filter: %v", err)
	}
	if _, err := set.CallTool(within(t, patience), "gone", "pid", nil, nil); err == nil || err.Error() != "unknown MCP server 'gone'" {
		t.Errorf("a server that is gone: %v", err)
	}
	direct(t, set, "other", "pid", `{}`)
	waitFor(t, "the end of the removed server", func() bool { return !mcptest.Alive(gone) })
}

func TestToolsChangeWhileRunning(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	server := testServer("lab", "tools=echo,grow,shrink")
	server.DisabledTools = []string{"echo"}
	set := join(t, s, l, server)
	direct(t, set, "lab", "grow", `{}`)
	waitFor(t, "the new tool", func() bool { return len(set.Offer().Tools()) == 3 })
	grown := tool(t, set, "lab", "grown")
	if o := grown.Call(within(t, patience), mcp.Call{ID: "c"}); o.Failed {
		t.Errorf("the new tool: %s", o.Output)
	}
	direct(t, set, "lab", "shrink", `{}`)
	waitFor(t, "the end of the tool", func() bool { return len(set.Offer().Tools()) == 2 })
	// A request that is under way still has it on offer.
	if o := grown.Call(within(t, patience), mcp.Call{ID: "c"}); !o.Failed || !strings.Contains(o.Error, "the server no longer has the tool 'grown'") {
		t.Errorf("the removed tool: %+v", o)
	}
	waitFor(t, "the news of the resources", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.resources) == 1 && l.resources[0] == "thread-1 lab"
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, want := strings.Join(l.changes, "; "), "thread-1 lab +[grown] -[] ~[]; thread-1 lab +[] -[grown] ~[]"; got != want {
		t.Errorf("told %s", got)
	}
}

func TestQuestionGoesToTheCallersThread(t *testing.T) {
	t.Parallel()
	s := service(t)
	cwd := t.TempDir()
	asks, other := &listener{response: `{"action":"accept","content":{"name":"Ada"},"_meta":null}`}, &listener{}
	set := s.Join("asks", cwd, []mcp.Server{testServer("lab")}, asks)
	t.Cleanup(set.Close)
	t.Cleanup(s.Join("other", cwd, []mcp.Server{testServer("lab")}, other).Close)
	set.WaitReady(within(t, patience))
	o := tool(t, set, "lab", "ask").Call(within(t, patience), mcp.Call{ID: "c", TurnID: "turn"})
	if !strings.Contains(string(o.Output), `{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}`) {
		t.Errorf("output %s", o.Output)
	}
	if len(asks.asked) != 1 || len(other.asked) != 0 {
		t.Fatalf("asked %d and %d", len(asks.asked), len(other.asked))
	}
	var got, want any
	_ = json.Unmarshal(asks.asked[0].Params, &got)
	_ = json.Unmarshal([]byte(`{"threadId":"asks","turnId":"turn","serverName":"lab","mode":"form","_meta":null,"message":"What is your name?",
		"requestedSchema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}}`), &want)
	if a, b := mustJSON(got), mustJSON(want); a != b {
		t.Errorf("params\n%s\nwant\n%s", a, b)
	}
	o = tool(t, set, "lab", "ask").Call(within(t, patience), mcp.Call{ID: "c", Policy: mcp.Policy{Never: true}})
	if !strings.Contains(string(o.Output), `{\"action\":\"decline\"}`) || len(asks.asked) != 1 {
		t.Errorf("under never: %s", o.Output)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestQuestionEndsWithTheCall(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	set := join(t, s, l, testServer("lab"))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { tool(t, set, "lab", "ask").Call(ctx, mcp.Call{ID: "c"}) })
	waitFor(t, "the question", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.asked) == 1
	})
	cancel()
	wg.Wait() // and Close of the service waits for the question
}

func TestTimeoutAndCancellation(t *testing.T) {
	t.Parallel()
	s := service(t)
	log := filepath.Join(t.TempDir(), "log")
	server := testServer("lab", "log="+log)
	server.ToolTimeout = 2 * time.Second
	set := join(t, s, &listener{}, server)
	o := tool(t, set, "lab", "hang").Call(within(t, patience), mcp.Call{ID: "c"})
	if want := "tool call error: tool call failed for `lab/hang`\n\nCaused by:\n    timed out awaiting tools/call after 2s"; o.Error != want {
		t.Errorf("got %q", o.Error)
	}
	waitFor(t, "notifications/cancelled", func() bool {
		b, _ := os.ReadFile(log)
		return strings.Contains(string(b), "cancelled ")
	})
	if direct(t, set, "lab", "echo", `{"text":"on"}`) != "on" {
		t.Error("the server is not usable after a timeout")
	}
}

func TestProviderIsReplaced(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := join(t, s, &listener{}, testServer("lab"))
	pid := number(t, direct(t, set, "lab", "pid", `{}`))
	killPlugin(t, hostOf(s))
	waitFor(t, "the next provider", func() bool { // a call may still meet the dying one
		raw, err := set.CallTool(within(t, 2*time.Second), "lab", "echo", json.RawMessage(`{"text":"back"}`), nil)
		return err == nil && textOf(raw) == "back"
	})
	waitFor(t, "the end of the old server", func() bool { return !mcptest.Alive(pid) })
}

func killPlugin(t testing.TB, h *plugins.Host) {
	t.Helper()
	for _, st := range h.Status() {
		if st.PID > 0 {
			p, err := os.FindProcess(st.PID)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no plugin runs")
}

// However the host dies, its servers and what they started die with it.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(exe(), plugins.RoleArg, "host")
	cmd.Env = append(os.Environ(), "VICTIM_RUN_DIR="+shortDir(t))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		pid, _, _ := strings.Cut(lines.Text(), " ")
		pids = append(pids, number(t, pid))
	}
	if len(pids) != 6 {
		t.Fatalf("%d processes", len(pids))
	}
	for _, pid := range pids {
		if !mcptest.Alive(pid) {
			t.Fatalf("%d does not run", pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	waitFor(t, "the end of everything", func() bool {
		for _, pid := range pids {
			if mcptest.Alive(pid) {
				return false
			}
		}
		return true
	})
	t.Logf("all gone after %v", time.Since(begun).Round(time.Millisecond))
	_ = cmd.Wait()
}

func TestProgressExtendsTheLimit(t *testing.T) {
	t.Parallel()
	server := testServer("lab")
	server.ToolTimeout = 2 * time.Second
	set := join(t, service(t), &listener{}, server)
	for _, c := range []struct {
		tool, arguments, want string
	}{
		{"progress", `{"seconds":2.4}`, "done"}, // a report each 0.8 s
		{"sleep", `{"seconds":60}`, "timed out awaiting tools/call after 2s"},
	} {
		o := tool(t, set, "lab", c.tool).Call(within(t, patience), mcp.Call{ID: "c", Arguments: json.RawMessage(c.arguments)})
		if !strings.Contains(string(o.Output), c.want) {
			t.Errorf("%s: the model reads %s", c.tool, o.Output)
		}
	}
}

func TestReconcile(t *testing.T) {
	t.Parallel()
	s := service(t)
	l := &listener{}
	dir := t.TempDir()
	gone, same, filtered, other := testServer("gone"), testServer("same"), testServer("filtered"), testServer("other")
	set := s.Join("t", dir, []mcp.Server{gone, same, filtered, other, {Name: "broken", Enabled: true, Command: "/no/such/program"}}, l)
	t.Cleanup(set.Close)
	set.WaitReady(within(t, patience))
	before := map[string]string{}
	for _, name := range []string{"same", "filtered", "other"} {
		before[name] = direct(t, set, name, "pid", `{}`)
	}
	filtered.DisabledTools = []string{"echo"}
	other.Env = map[string]string{"NEW": "1"}
	set.Reconcile(dir, []mcp.Server{same, filtered, other, testServer("new"), {Name: "broken", Enabled: true, Command: "/no/such/program"}})
	set.WaitReady(within(t, patience))
	for name, want := range map[string]string{
		"gone": "starting ready", "same": "starting ready", "filtered": "starting ready", "broken": "starting failed",
		"other": "starting ready starting ready", "new": "starting ready",
	} {
		if got := l.states(name); got != want {
			t.Errorf("%s: told %q, want %q", name, got, want)
		}
	}
	for name, pid := range before {
		if now := direct(t, set, name, "pid", `{}`); (now == pid) != (name != "other") {
			t.Errorf("%s: process %s, before %s", name, now, pid)
		}
	}
	if _, err := set.CallTool(within(t, patience), "filtered", "echo", nil, nil); err == nil {
		t.Error("the new filter does not hold")
	}
	if _, err := set.CallTool(within(t, patience), "gone", "pid", nil, nil); err == nil {
		t.Error("a server that is gone can be called")
	}
}

func TestPerThread(t *testing.T) {
	t.Parallel()
	s := service(t)
	server := testServer("own")
	server.PerThread = true
	dir := t.TempDir()
	pids := map[string]bool{}
	for _, thread := range []string{"a", "b"} {
		set := s.Join(thread, dir, []mcp.Server{server}, &listener{})
		t.Cleanup(set.Close)
		pids[direct(t, set, "own", "pid", `{}`)] = true
	}
	if len(pids) != 2 {
		t.Errorf("two threads share a server that is per thread: %v", pids)
	}
}
