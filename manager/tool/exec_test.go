//go:build unix

package tool_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The test binary is also what watches over the commands.
func TestMain(m *testing.M) {
	if supervise, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(supervise())
	}
	os.Exit(m.Run())
}

// execTurn is a turn in which commands run for real.
type execTurn struct {
	cwd      string
	approval protocol.AskForApproval
	answer   string // to approvals; empty is a client that cannot answer

	mu          sync.Mutex
	items       []protocol.ThreadItemCommandExecution
	asked       int
	waiting     int
	interrupted bool
}

func (*execTurn) ThreadID() string                    { return "thread" }
func (*execTurn) TurnID() string                      { return "turn" }
func (t *execTurn) Cwd() string                       { return t.cwd }
func (t *execTurn) Approval() protocol.AskForApproval { return t.approval }
func (*execTurn) Sandbox() protocol.SandboxPolicy     { return &protocol.SandboxPolicyDangerFullAccess{} }
func (*execTurn) Now() time.Time                      { return time.Now() }
func (*execTurn) Tell(context.Context, string, any)   {}
func (*execTurn) Warn(context.Context, string)        {}

func (*execTurn) Grow(context.Context, string, string, string) {}

func (t *execTurn) Start(_ context.Context, item protocol.ThreadItem)    { t.keep(item) }
func (t *execTurn) Complete(_ context.Context, item protocol.ThreadItem) { t.keep(item) }

func (t *execTurn) keep(item protocol.ThreadItem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items = append(t.items, *item.(*protocol.ThreadItemCommandExecution))
}

func (t *execTurn) Interrupt() { t.mu.Lock(); defer t.mu.Unlock(); t.interrupted = true }

func (t *execTurn) Wait(context.Context, tool.Waiting) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting++
	return func() { t.mu.Lock(); defer t.mu.Unlock(); t.waiting-- }
}

func (t *execTurn) Ask(_ context.Context, _ tool.Waiting, _ string, params any) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.waiting == 0 || params.(*protocol.CommandExecutionRequestApprovalParams).ItemID == "" {
		return nil, os.ErrInvalid
	}
	if t.answer == "" {
		return nil, os.ErrClosed
	}
	return []byte(`{"decision":` + t.answer + `}`), nil
}

// last is the item told last.
func (t *execTurn) last() protocol.ThreadItemCommandExecution {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.items) == 0 {
		return protocol.ThreadItemCommandExecution{}
	}
	return t.items[len(t.items)-1]
}

func newExec(t *testing.T) (*tool.Exec, *execTurn) {
	t.Helper()
	home := t.TempDir()
	rules, _ := policy.Open(home)
	e := &tool.Exec{
		Terminals: tool.NewTerminals(),
		Approvals: &tool.Approvals{
			Rules: rules,
			Confine: func(cwd string, _ protocol.SandboxPolicy) sandbox.Policy {
				return sandbox.Policy{Mode: sandbox.FullAccess, Cwd: cwd}
			},
			Amend: rules.Amend,
		},
		Shell:          "/bin/sh",
		Environ:        func(tool.Turn, string, sandbox.Policy) []string { return os.Environ() },
		OutputLimit:    10_000,
		InterruptKills: true,
	}
	e.Patches = tool.NewApplyPatch(e.Approvals)
	t.Cleanup(e.Terminals.Close)
	return e, &execTurn{cwd: t.TempDir(), approval: protocol.AskForApprovalNever}
}

// call runs a tool and returns what the model reads.
func call(t *testing.T, o tool.Offer, turn tool.Turn, name string, args map[string]any) string {
	t.Helper()
	return callIn(t.Context(), t, o, turn, name, args)
}

func callIn(ctx context.Context, t *testing.T, o tool.Offer, turn tool.Turn, name string, args map[string]any) string {
	t.Helper()
	found, ok := o.Find("", name)
	if !ok {
		t.Fatalf("%s is not offered", name)
	}
	raw, _ := json.Marshal(args)
	out := found.Run(ctx, turn, tool.Call{ID: "call-1", Name: name, Arguments: string(raw)})
	var text string
	if err := json.Unmarshal(out.Body, &text); err != nil {
		t.Fatalf("output %s: %v", out.Body, err)
	}
	return text
}

func TestExecCommand(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   map[string]any
		want   string // of what the model reads
		status protocol.CommandExecutionStatus
		code   int64
	}{
		{"output", map[string]any{"cmd": "echo out; echo err >&2"}, `Process exited with code 0\n(?s:.*)Output:\nout\nerr\n$`, "completed", 0},
		{"exit code", map[string]any{"cmd": "exit 3"}, `Process exited with code 3\n`, "failed", 3},
		{"no such folder", map[string]any{"cmd": "true", "workdir": "nowhere"}, `Rejected\("Failed to create unified exec process: No such file or directory \(os error 2\)"\)`, "failed", -1},
		{"long output", map[string]any{"cmd": "seq 1 20000"}, `^(?s:.*)Warning: truncated output \(original token count: 27224\)\nTotal output lines: 20000\n\n1\n(?s:.*)…\d+ tokens truncated…(?s:.*)20000\n$`, "completed", 0},
		{"no command", map[string]any{}, "^failed to parse function arguments: missing field `cmd`$", "", 0},
		{"wrong type", map[string]any{"cmd": 5}, "^failed to parse function arguments: ", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, turn := newExec(t)
			got := call(t, e, turn, "exec_command", c.args)
			if !regexp.MustCompile(c.want).MatchString(strings.ReplaceAll(got, `\"`, `"`)) {
				t.Errorf("model reads %q, want %s", got, c.want)
			}
			item := turn.last()
			if item.Status != c.status || c.status != "" && (item.ExitCode == nil || *item.ExitCode != c.code) {
				t.Errorf("item ended %s, %v", item.Status, item.ExitCode)
			}
		})
	}
}

// A command that outlives its call is talked to by its id, and its end is told
// whenever it comes.
func TestWriteStdin(t *testing.T) {
	e, turn := newExec(t)
	out := call(t, e, turn, "exec_command", map[string]any{"cmd": "read line; echo got $line", "tty": true, "yield_time_ms": 250})
	m := regexp.MustCompile(`session ID (\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no session in %q", out)
	}
	if len(e.Terminals.Running()) != 1 || e.Terminals.Running()[0].ProcessID != m[1] {
		t.Errorf("running: %+v", e.Terminals.Running())
	}
	var id int
	_ = json.Unmarshal([]byte(m[1]), &id)
	out = call(t, e, turn, "write_stdin", map[string]any{"session_id": id, "chars": "hello\n", "yield_time_ms": 10_000})
	if !strings.Contains(out, "got hello") || !strings.Contains(out, "exited with code 0") {
		t.Errorf("after typing: %q", out)
	}
	out = call(t, e, turn, "write_stdin", map[string]any{"session_id": id})
	if !strings.Contains(out, "Unknown process id") {
		t.Errorf("after the end: %q", out)
	}
}

func TestApprovals(t *testing.T) {
	amendment := `{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["touch"]}}`
	for _, c := range []struct {
		name, answer string
		ran          bool
		asked        int // over two runs of the command
		status       protocol.CommandExecutionStatus
		reads        string
	}{
		{"accept", `"accept"`, true, 2, "completed", "exited with code 0"},
		{"accept for the session", `"acceptForSession"`, true, 1, "completed", "exited with code 0"},
		{"accept with a rule", amendment, true, 1, "completed", "exited with code 0"},
		{"decline", `"decline"`, false, 2, "declined", "rejected by user"},
		{"cancel", `"cancel"`, false, 2, "declined", "rejected by user"},
		{"nonsense", `{"what":1}`, false, 2, "failed", "rejected by user"},
		{"no answer", ``, false, 2, "failed", "rejected by user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, turn := newExec(t)
			turn.approval, turn.answer = protocol.AskForApprovalUntrusted, c.answer
			var out string
			for range 2 {
				out = call(t, e, turn, "exec_command", map[string]any{"cmd": "touch made"})
			}
			_, err := os.Stat(filepath.Join(turn.cwd, "made"))
			if ran := err == nil; ran != c.ran {
				t.Errorf("ran: %t", ran)
			}
			if turn.asked != c.asked || turn.waiting != 0 {
				t.Errorf("asked %d times, waits %d", turn.asked, turn.waiting)
			}
			if item := turn.last(); item.Status != c.status || !strings.Contains(out, c.reads) {
				t.Errorf("item %s, model reads %q", item.Status, out)
			}
			if turn.interrupted != (c.name == "cancel") {
				t.Errorf("interrupted: %t", turn.interrupted)
			}
		})
	}
}

// An interrupted call takes its command along, whatever that has started, and
// leaves alone what earlier calls left running.
func TestInterruptKills(t *testing.T) {
	e, turn := newExec(t)
	call(t, e, turn, "exec_command", map[string]any{"cmd": "sleep 60", "yield_time_ms": 250})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan string)
	alive := filepath.Join(turn.cwd, "alive")
	script := "(setsid sh -c 'trap \"\" TERM; echo $$ > " + alive + "; while :; do sleep 0.05; done') & trap '' TERM; wait"
	go func() { done <- callIn(ctx, t, e, turn, "exec_command", map[string]any{"cmd": script}) }()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if b, _ := os.ReadFile(alive); len(b) > 1 {
			break
		}
	}
	cancel()
	if out := <-done; !strings.Contains(out, "aborted by user") {
		t.Errorf("model reads %q", out)
	}
	pid, _ := os.ReadFile(alive)
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); err == nil {
		t.Error("what the command started is alive")
	}
	if n := len(e.Terminals.Running()); n != 1 {
		t.Errorf("%d of the earlier commands run, want 1", n)
	}
}

func TestShellTools(t *testing.T) {
	e, turn := newExec(t)
	for _, c := range []struct {
		words bool
		args  map[string]any
		want  string
	}{
		{false, map[string]any{"command": "echo hi; exit 2"}, `^Exit code: 2\nWall time: \d+\.\d seconds\nOutput:\nhi\n$`},
		{true, map[string]any{"command": []string{"echo", "a b"}}, `^Exit code: 0\nWall time: \d+\.\d seconds\nOutput:\na b\n$`},
		{false, map[string]any{"command": "echo early; sleep 60", "timeout_ms": 200}, `^Exit code: 124\n(?s:.*)Output:\ncommand timed out after 200 milliseconds\nearly\n$`},
		{true, map[string]any{"command": []string{}}, `^failed to parse function arguments: command must not be empty$`},
		{true, map[string]any{"command": []string{"/no/such/program"}}, `^Exit code: -1\n(?s:.*)No such file or directory`},
	} {
		o, name := tool.Shell{Exec: e, Words: c.words}, "shell_command"
		if c.words {
			name = "shell"
		}
		if got := call(t, o, turn, name, c.args); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s %v: %q", name, c.args, got)
		}
	}
}

func TestUserShell(t *testing.T) {
	e, turn := newExec(t)
	got := e.UserShell(t.Context(), turn, "echo hi; exit 3", 0)
	want := `^<user_shell_command>\n<command>\necho hi; exit 3\n</command>\n<result>\nExit code: 3\nDuration: \d+\.\d{4} seconds\nOutput:\nhi\n\n</result>\n</user_shell_command>$`
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%q", got)
	}
	if item := turn.last(); item.Source != protocol.CommandExecutionSourceUserShell || item.ProcessID != nil {
		t.Errorf("item %+v", item)
	}
}
