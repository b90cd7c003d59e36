package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// buildInto builds a command as `make build` does, so that its cache serves both.
func buildInto(t *testing.T, dir, pkg string) string {
	t.Helper()
	exe := filepath.Join(dir, filepath.Base(pkg))
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", exe, "github.com/codexhost/codexhost/"+pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return exe
}

// The whole product on one page: if any part of the path is broken, this is.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	bin := t.TempDir()
	exe := buildInto(t, bin, "cmd/codexhost")
	buildInto(t, bin, "plugins/examples/wordcount")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TEMP", temp)
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	if err := runDemo(ctx, &out, exe, demoOptions{}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Logf("took %v\n%s", time.Since(start), out.String())
	for _, want := range []string{
		"model offline of provider offline",
		`mcpToolCall wordcount/count_words {"text": "How many words does this sentence have?"}: completed, "7 words, 39 characters, 1 line"`,
		`agentMessage "The wordcount server says: 7 words, 39 characters, 1 line."`,
		"completed after", "<skill>",
		"1 turn: userMessage, mcpToolCall, agentMessage",
		"session_meta",
		"exit status 0",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the transcript lacks %q", want)
		}
	}
	if runtime.GOOS != "windows" {
		for _, want := range []string{"the host", "provider: skills", "provider: mcp", "MCP server", "none of the 4 processes is left"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the transcript lacks %q", want)
			}
		}
	}
	// The folder that all hosts of a user share stays, with nothing in it.
	if left, err := filepath.Glob(filepath.Join(temp, "codexhost-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(temp, "codexhost-*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left in the hosts' folder: %v %v", left, err)
	}
}

// A host that is broken must end the demo with a reason, soon, and be gone.
func TestDemoOfABrokenHost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the broken hosts are shell scripts")
	}
	for _, c := range []struct{ name, script, want string }{
		{"ends", "read x; echo no such luck >&2; exit 3", "no such luck"},
		{"babbles", "read x; echo hello; cat >/dev/null", "no message"},
		{"refuses", `read x; echo '{"id":1,"error":{"code":-32600,"message":"go away"}}'; cat >/dev/null`, "initialize was refused: go away"},
		{"is silent", "while read x; do :; done", context.DeadlineExceeded.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			exe := filepath.Join(dir, "host")
			if err := os.WriteFile(exe, []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			var out bytes.Buffer
			err := runDemo(ctx, &out, exe, demoOptions{Server: exe})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want it to say %q", err, c.want)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v %v", entries, err)
			}
		})
	}
}

func TestDemoNeedsItsServer(t *testing.T) {
	err := runDemo(t.Context(), new(bytes.Buffer), filepath.Join(t.TempDir(), "codexhost"), demoOptions{})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("%v; want it to say how to get the server", err)
	}
}

func TestDescribe(t *testing.T) {
	ms, why := int64(12), "overloaded"
	for _, c := range []struct {
		message any
		want    string
	}{
		{&protocol.TurnCompletedNotification{Turn: protocol.Turn{Status: protocol.TurnStatusFailed, DurationMs: &ms, Error: &protocol.TurnError{Message: why}}}, "failed after 12 ms: overloaded"},
		{&protocol.McpServerStatusUpdatedNotification{Name: "x", Status: protocol.McpServerStartupStateFailed, Error: &why}, "x is failed overloaded"},
		{&protocol.ItemStartedNotification{Item: &protocol.ThreadItemReasoning{}}, "reasoning"},
		{&protocol.ThreadStatusChangedNotification{Status: &protocol.ThreadStatusIdle{}}, "idle"},
		{&protocol.SkillsChangedNotification{}, ""},
	} {
		if got := describe(c.message); got != c.want {
			t.Errorf("describe(%T) = %q, want %q", c.message, got, c.want)
		}
	}
}

func TestPieces(t *testing.T) {
	var b bytes.Buffer
	p := pieces{out: &b}
	p.end()
	p.add("m", "one")
	p.add("m", " two\n")
	p.end()
	p.end()
	if want := "<- m                               one| two   (2 deltas)\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestRecordKind(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"session_meta","payload":{"id":"x"}}`:                                                     "session_meta",
		`{"type":"response_item","payload":{"type":"message","role":"user"}}`:                              "response_item message user",
		`{"type":"response_item","payload":{"type":"message","role":"user","content":[{"text":"a\n b"}]}}`: "response_item message user        a b",
		`{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"McpToolCall"}}}`:           "event_msg item_completed McpToolCall",
		`{"type":`: "(a line that is no record)",
	} {
		if got := recordKind([]byte(in)); got != want {
			t.Errorf("recordKind(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestFamily(t *testing.T) {
	all := []process{{pid: 9, parent: 7}, {pid: 1}, {pid: 7, parent: 5}, {pid: 5, parent: 1}, {pid: 8, parent: 5}, {pid: 6, parent: 1}}
	var pids []int
	for _, p := range family(all, 5) {
		pids = append(pids, p.pid)
	}
	if len(pids) != 4 || pids[0] != 5 || pids[3] != 9 {
		t.Errorf("family of 5: %v", pids)
	}
}
