package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

func TestSession(t *testing.T) {
	word, log := logFile(t)
	s := start(t, &host{}, word)
	info := s.Info()
	if info.ProtocolVersion != "2025-06-18" || info.Instructions != "Use the test tools." {
		t.Errorf("info %+v", info)
	}
	for what, raw := range map[string]json.RawMessage{"server info": info.ServerInfo, "capabilities": info.Capabilities, "tool": info.Tools[0]} {
		if !strings.Contains(string(raw), "x-own") {
			t.Errorf("%s lost a member that is not of the protocol: %s", what, raw)
		}
	}
	if string(info.ToolsMeta) != `{"stamp":7}` {
		t.Errorf("meta of the tools: %s", info.ToolsMeta)
	}
	want := `initialize 2025-06-18 {"elicitation":{"form":{},"url":{}}} {"name":"tester","title":"Tester","version":"9"}`
	if !strings.Contains(log(), want) {
		t.Errorf("handshake:\n%s\nwant %s", log(), want)
	}
	if got := text(t, s, "echo", `{"text":"<&>"}`); got != "<&>" {
		t.Errorf("echo: %q", got)
	}
	if got := text(t, s, "echo", "{\n\t\"text\" :\r\n \"two\\nlines\"}"); got != "two\nlines" {
		t.Errorf("echo of arguments over several lines: %q", got)
	}
}

func TestVerbatim(t *testing.T) {
	s := start(t, &host{})
	got, err := call(t, s, "weird", `{}`)
	want := `{"x-top":[1,2.50],"content":[{"type":"hologram","x":"<&>"},{"type":"text","text":"t","x-own":{"b":1,"a":2}}]}`
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestPages(t *testing.T) {
	if n := len(start(t, &host{}, "pages", "tools=echo,pid,env").Info().Tools); n != 3 {
		t.Errorf("%d tools of three pages", n)
	}
}

// A list that never ends is cut off, and its server works.
func TestEndlessPages(t *testing.T) {
	for kind, want := range map[string]struct {
		tools int
		said  string
	}{
		"same":   {2, `it comes back to the cursor "again"`},
		"circle": {3, `it comes back to the cursor "a"`},
		"new":    {1000, "cut off at 1000 pages"},
	} {
		h := &host{}
		s := start(t, h, "tools=echo", "cursors="+kind)
		if n := len(s.Info().Tools); n != want.tools {
			t.Errorf("%s: %d tools", kind, n)
		}
		h.mu.Lock()
		if len(h.said) != 1 || !strings.Contains(h.said[0], want.said) {
			t.Errorf("%s: said %q", kind, h.said)
		}
		h.mu.Unlock()
		if got := text(t, s, "echo", `{"text":"on"}`); got != "on" {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

func TestResources(t *testing.T) {
	s := start(t, &host{})
	ctx := within(t, 5*time.Second)
	if raw, err := s.List(ctx, provider.Resources, ""); err != nil || !strings.Contains(string(raw), `"x-own":1`) {
		t.Errorf("resources %s, %v", raw, err)
	}
	if raw, err := s.List(ctx, provider.ResourceTemplates, ""); err != nil || !strings.Contains(string(raw), "test://item/{id}") {
		t.Errorf("templates %s, %v", raw, err)
	}
	if raw, err := s.ReadResource(ctx, "test://note"); err != nil || !strings.Contains(string(raw), "a note") {
		t.Errorf("read %s, %v", raw, err)
	}
	_, err := s.ReadResource(ctx, "test://other")
	if e, ok := errors.AsType[*provider.CallError](err); !ok || e.Cause != provider.CauseServer || e.Code != -32002 || !strings.Contains(string(e.Data), "why") {
		t.Errorf("reading what is not there: %v", err)
	}
}

func TestEnvironmentIsWhatTheConfigSays(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "secret")
	s := start(t, &host{})
	env := text(t, s, "env", `{}`)
	if strings.Contains(env, "secret") || !strings.Contains(env, "OWN=1") {
		t.Errorf("environment:\n%s", env)
	}
}

func TestStartFailures(t *testing.T) {
	missing := provider.Config{Command: "/no/such/program"}
	folder := provider.Config{Command: t.TempDir()}
	unknown := provider.Config{Command: "no-such-program", Env: map[string]string{"PATH": "/bin"}}
	noCwd := config(t)
	noCwd.Cwd = "/no/such/folder"
	for _, test := range []struct {
		name   string
		config provider.Config
		limit  time.Duration
		stage  provider.Stage
		reason string
		check  func(provider.Remains) bool
	}{
		{name: "missing", config: missing, stage: provider.StageSpawn, reason: "No such file or directory (os error 2)"},
		{name: "not on PATH", config: unknown, stage: provider.StageSpawn, reason: "No such file or directory (os error 2)"},
		{name: "a folder", config: folder, stage: provider.StageSpawn, reason: "Permission denied (os error 13)"},
		{name: "no such folder to run in", config: noCwd, stage: provider.StageSpawn, reason: "No such file or directory (os error 2)"},
		{name: "neither command nor url", config: provider.Config{}, stage: provider.StageConfig, reason: "invalid transport"},
		{
			name: "exits", config: config(t, "exit=4"), stage: provider.StageHandshake,
			reason: "handshaking with MCP server failed: connection closed: initialize response: connection closed: initialize response",
			check: func(r provider.Remains) bool {
				return r.ExitCode != nil && *r.ExitCode == 4 && len(r.Stderr) == 1 && r.Stderr[0] == "cannot find my settings"
			},
		},
		{
			name: "refuses", config: config(t, "refuse"), stage: provider.StageHandshake,
			reason: "handshaking with MCP server failed: JSON-RPC error: -32603: not today: JSON-RPC error: -32603: not today",
		},
		{name: "mute", config: config(t, "mute"), limit: 300 * time.Millisecond, stage: provider.StageTimeout, reason: "timed out"},
		{name: "does not read", config: config(t, "blind"), limit: 300 * time.Millisecond, stage: provider.StageTimeout, reason: "timed out"},
		{
			name: "babbles", config: config(t, "babble"), stage: provider.StageHandshake,
			reason: `handshaking with MCP server failed: the program writes what is no MCP message to its standard output, beginning with "y"`,
			check:  func(r provider.Remains) bool { return r.Noise == "y" && r.NoiseLines > 1000 },
		},
		{
			name: "banner, then silence", config: config(t, "banner", "mute"), limit: 300 * time.Millisecond, stage: provider.StageTimeout, reason: "timed out",
			check: func(r provider.Remains) bool { return r.Noise == "Welcome to my server!" },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.limit == 0 {
				test.limit = 10 * time.Second
			}
			begun := time.Now()
			_, err := newProvider(t).Start(within(t, test.limit), server(t, test.config), &host{})
			e, ok := errors.AsType[*provider.StartError](err)
			if !ok || e.Stage != test.stage || e.Reason != test.reason {
				t.Fatalf("got %#v\nwant stage %d, %s", err, test.stage, test.reason)
			}
			if test.check != nil && !test.check(e.Remains) {
				t.Errorf("remains %+v", e.Remains)
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestNoiseIsSkipped(t *testing.T) {
	s := start(t, &host{}, "banner")
	if got := text(t, s, "garbage", `{}`); got != "after garbage" {
		t.Errorf("got %q", got)
	}
	if got := text(t, s, "echo", `{"text":"still here"}`); got != "still here" {
		t.Errorf("got %q", got)
	}
}

func TestCallFailures(t *testing.T) {
	s := start(t, &host{})
	for _, test := range []struct {
		tool  string
		cause provider.Cause
		text  string
	}{
		{"error", provider.CauseServer, "boom"},
		{"bad", provider.CauseBadAnswer, "the server's answer is not valid JSON"},
		{"crash", provider.CauseClosed, "the server has gone"},
	} {
		_, err := call(t, s, test.tool, `{}`)
		if e, ok := errors.AsType[*provider.CallError](err); !ok || e.Cause != test.cause || e.Message != test.text {
			t.Errorf("%s: %#v", test.tool, err)
		}
	}
	<-s.Done()
	end := s.End()
	if end.Asked || end.Remains.ExitCode == nil || *end.Remains.ExitCode != 3 || len(end.Remains.Stderr) == 0 || end.Remains.Stderr[0] != "panic: I cannot go on" {
		t.Errorf("end %+v", end)
	}
	if _, err := call(t, s, "echo", `{}`); err == nil {
		t.Error("a call after the end succeeded")
	}
}

func TestLastAnswerBeforeExitArrives(t *testing.T) {
	s := start(t, &host{})
	if got := text(t, s, "exit", `{}`); got != "bye" {
		t.Errorf("got %q", got)
	}
	<-s.Done()
	if code := s.End().Remains.ExitCode; code == nil || *code != 0 {
		t.Errorf("exit code %v", code)
	}
}

func TestBigResults(t *testing.T) {
	if testing.Short() {
		t.Skip("large payloads")
	}
	s := start(t, &host{})
	raw, err := call(t, s, "big", `{"bytes":16000000}`)
	if err != nil || len(raw) < 16_000_000 {
		t.Fatalf("16 MB: %d bytes, %v", len(raw), err)
	}
	for _, n := range []string{"16777216", "16790000", "50000000"} {
		_, err = call(t, s, "big", `{"bytes":`+n+`}`)
		if e, ok := errors.AsType[*provider.CallError](err); !ok || e.Cause != provider.CauseTooLarge || !strings.Contains(e.Message, "the limit is") {
			t.Errorf("%s bytes: %v", n, err)
		}
	}
	if got := text(t, s, "echo", `{"text":"alive"}`); got != "alive" {
		t.Errorf("after it: %q", got)
	}
}

func TestStderrFlood(t *testing.T) {
	s := start(t, &host{})
	if got := text(t, s, "stderr", `{"bytes":20000000}`); got != "flooded" {
		t.Fatalf("got %q", got)
	}
	if err := s.Close(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	lines := s.End().Remains.Stderr
	if n := len(lines); n == 0 || n > 20 || lines[n-1] != "the last line" {
		t.Errorf("%d lines kept: %q", n, lines)
	}
}

func TestCancellationReachesTheServer(t *testing.T) {
	word, log := logFile(t)
	s := start(t, &host{}, word)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.CallTool(ctx, provider.ToolCall{Name: "hang"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	waitFor(t, 5*time.Second, "the call", contains(log, "hangs "))
	_, id, _ := strings.Cut(log(), "hangs ")
	id, _, _ = strings.Cut(id, "\n")
	cancel()
	wg.Wait()
	waitFor(t, 100*time.Millisecond, "the cancellation", contains(log, "cancelled "+id+"\n"))
}

func TestQuestions(t *testing.T) {
	h := &host{answer: "{\"action\":\"accept\",\n\"content\":{}}"}
	s := start(t, h)
	if got := text(t, s, "ask", `{}`); got != `answer: {"action":"accept", "content":{}}` {
		t.Errorf("got %s", got)
	}
	if got := text(t, s, "ask_url", `{}`); !strings.Contains(got, "accept") {
		t.Errorf("got %s", got)
	}
	if len(h.asked) != 2 || !strings.Contains(h.asked[0], `"x-own":1`) || !strings.Contains(h.asked[1], `"elicitationId":"el-1"`) {
		t.Errorf("asked %s", h.asked)
	}
}

func TestQuestionDiesWithTheServer(t *testing.T) {
	h := &host{ended: make(chan struct{}, 1)}
	s := start(t, h)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = call(t, s, "ask", `{}`) })
	waitFor(t, 5*time.Second, "the question", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.asked) == 1
	})
	if err := s.Close(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.ended:
	default:
		t.Error("the question outlived the session")
	}
	wg.Wait()
}

func TestProgressAndToolsChanged(t *testing.T) {
	h := &host{}
	s := start(t, h)
	raw, err := s.CallTool(within(t, 5*time.Second), provider.ToolCall{Name: "progress", Meta: json.RawMessage(`{"progressToken":5}`)})
	if err != nil {
		t.Fatal(err, raw)
	}
	if len(h.progress) != 3 || !strings.Contains(h.progress[2], `"progress":2`) || !strings.Contains(h.progress[2], `"progressToken":5`) {
		t.Errorf("progress %s", h.progress)
	}
	text(t, s, "grow", `{}`)
	if h.changed != 1 || h.resources != 1 {
		t.Errorf("told %d times that the tools changed, %d times that the resources did", h.changed, h.resources)
	}
}

func TestOfficialSDKServer(t *testing.T) {
	c := config(t)
	c.Args = []string{sdkArg}
	s, err := newProvider(t).Start(within(t, 10*time.Second), server(t, c), &host{answer: `{"action":"decline"}`})
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, s, "echo", `{"text":"hi"}`); got != "hi" {
		t.Errorf("echo: %q", got)
	}
	if got := text(t, s, "ask", `{"text":""}`); got != "decline" {
		t.Errorf("ask: %q", got)
	}
}

func TestPythonServer(t *testing.T) {
	script, err := filepath.Abs("../../../../shared/lab/mcpserver.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil {
		t.Skip("the laboratory's server is not here:", err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3:", err)
	}
	c := config(t)
	c.Command, c.Args, c.Env = python, []string{script}, map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME")}
	s, err := newProvider(t).Start(within(t, 20*time.Second), server(t, c), &host{answer: `{"action":"accept","content":{"name":"Ada"}}`})
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, s, "add", `{"a":2,"b":3}`); got != "5" {
		t.Errorf("add: %q", got)
	}
	if got := text(t, s, "ask", `{}`); got != `answer: {"action": "accept", "content": {"name": "Ada"}}` {
		t.Errorf("ask: %q", got)
	}
}

func TestCloseKillsTheFamily(t *testing.T) {
	for _, test := range []struct{ name, arguments string }{
		{"in the group", `{}`},
		{"in a session of its own", `{"session":true}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, &host{})
			leader, child := number(t, text(t, s, "pid", `{}`)), number(t, text(t, s, "spawn", test.arguments))
			if !mcptest.Alive(leader) || !mcptest.Alive(child) {
				t.Fatal("not running")
			}
			if err := s.Close(within(t, 5*time.Second)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, 2*time.Second, "the end of the family", func() bool { return !mcptest.Alive(leader) && !mcptest.Alive(child) })
		})
	}
}

func TestDeafServerIsKilled(t *testing.T) {
	p := newProvider(t)
	s, err := p.Start(within(t, 10*time.Second), server(t, config(t, "deaf")), &host{})
	if err != nil {
		t.Fatal(err)
	}
	pid := number(t, text(t, s, "pid", `{}`))
	begun := time.Now()
	p.Shutdown(within(t, 5*time.Second))
	if took := time.Since(begun); took > time.Second {
		t.Errorf("Shutdown took %v", took)
	}
	if mcptest.Alive(pid) {
		t.Error("it is still there")
	}
	if _, err := p.Start(within(t, time.Second), server(t, config(t)), &host{}); err == nil {
		t.Error("a shut provider starts servers")
	}
}
