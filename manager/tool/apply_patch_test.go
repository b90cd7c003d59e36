package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// patchTurn is a turn in a real folder, whose client answers from a list.
type patchTurn struct {
	tool.Turn // what apply_patch does not use

	id          string
	dir         string
	approval    protocol.AskForApproval
	sandbox     protocol.SandboxPolicy
	answers     []string   // of the client, in order; "!" refuses with an error
	whileAsked  func()     // runs while a question is open
	interrupted func()     // what an interrupt does
	mu          sync.Mutex // guards the log
	log         []string   // what happened: method, or method and status
	last        []byte     // the last item or params, as the wire has it
	diffs       []string   // of turn/diff/updated
}

func (*patchTurn) ThreadID() string                    { return "thread" }
func (t *patchTurn) TurnID() string                    { return t.id }
func (t *patchTurn) Cwd() string                       { return t.dir }
func (t *patchTurn) Approval() protocol.AskForApproval { return t.approval }
func (t *patchTurn) Sandbox() protocol.SandboxPolicy   { return t.sandbox }
func (*patchTurn) Now() time.Time                      { return time.UnixMilli(1000) }

func (t *patchTurn) Start(_ context.Context, item protocol.ThreadItem)    { t.note("started", item) }
func (t *patchTurn) Complete(_ context.Context, item protocol.ThreadItem) { t.note("completed", item) }

func (t *patchTurn) Tell(_ context.Context, method string, params any) {
	if n, ok := params.(*protocol.TurnDiffUpdatedNotification); ok {
		t.diffs = append(t.diffs, n.Diff)
	}
	t.note(method, params)
}

func (t *patchTurn) Interrupt() {
	t.note("interrupted", nil)
	if t.interrupted != nil {
		t.interrupted()
	}
}

func (t *patchTurn) Ask(ctx context.Context, w tool.Waiting, method string, params any) ([]byte, error) {
	if w != tool.WaitingOnApproval || method != "item/fileChange/requestApproval" {
		return nil, errors.New("an odd question: " + method)
	}
	t.note("asked", params)
	if t.whileAsked != nil {
		t.whileAsked()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(t.answers) == 0 {
		return nil, errors.New("asked too often")
	}
	a := t.answers[0]
	t.answers = t.answers[1:]
	if a == "!" {
		return nil, errors.New("the client would rather not")
	}
	return []byte(a), nil
}

var itemStatus = regexp.MustCompile(`"status":"(\w+)"`)

func (t *patchTurn) note(what string, v any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v != nil {
		b, err := protocol.Append(nil, v)
		if err != nil {
			b = []byte(err.Error())
		}
		t.last = b
		if m := itemStatus.FindSubmatch(b); m != nil {
			what += " " + string(m[1])
		}
	}
	t.log = append(t.log, what)
}

func newPatchTurn(t *testing.T, a protocol.AskForApproval, s protocol.SandboxPolicy) (*patchTurn, *tool.ApplyPatch) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	approvals := &tool.Approvals{Confine: func(cwd string, p protocol.SandboxPolicy) sandbox.Policy {
		out := sandbox.Policy{Cwd: cwd, Mode: sandbox.ReadOnly, ExcludeSlashTmp: true, ExcludeTmpdir: true}
		switch p.(type) {
		case *protocol.SandboxPolicyDangerFullAccess:
			out.Mode = sandbox.FullAccess
		case *protocol.SandboxPolicyWorkspaceWrite:
			out.Mode = sandbox.WorkspaceWrite
		}
		return out
	}}
	return &patchTurn{id: "turn", dir: dir, approval: a, sandbox: s}, tool.NewApplyPatch(approvals)
}

func addPatch(name, line string) string {
	return "*** Begin Patch\n*** Add File: " + name + "\n+" + line + "\n*** End Patch\n"
}

func output(t *testing.T, o tool.Output) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(o.Body, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	roSandbox = &protocol.SandboxPolicyReadOnly{}
	wwSandbox = &protocol.SandboxPolicyWorkspaceWrite{ExcludeSlashTmp: true, ExcludeTmpdirEnvVar: true}
	noSandbox = &protocol.SandboxPolicyDangerFullAccess{}
)

func TestApplyPatchAsks(t *testing.T) {
	const success = "Exit code: 0\nWall time: 0 seconds\nOutput:\nSuccess. Updated the following files:\nA a\n"
	for _, c := range []struct {
		name, answer, want string
		log                []string
		written            bool
	}{
		{"accept", `{"decision":"accept"}`, success, []string{"started inProgress", "asked", "completed completed", "turn/diff/updated"}, true},
		{"session", `{"decision":"acceptForSession"}`, success, []string{"started inProgress", "asked", "completed completed", "turn/diff/updated"}, true},
		{"decline", `{"decision":"decline"}`, "patch rejected by user", []string{"started inProgress", "asked", "completed declined"}, false},
		{"cancel", `{"decision":"cancel"}`, "patch rejected by user", []string{"started inProgress", "asked", "interrupted"}, false},
		{"error", "!", "approval request failed", []string{"started inProgress", "asked", "completed declined"}, false},
		{"nonsense", `{"nonsense":true}`, "approval request failed", []string{"started inProgress", "asked", "completed declined"}, false},
		{"unknown decision", `{"decision":"perhaps"}`, "approval request failed", []string{"started inProgress", "asked", "completed declined"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn, p := newPatchTurn(t, protocol.AskForApprovalUntrusted, noSandbox)
			turn.answers = []string{c.answer}
			got := output(t, p.Run(t.Context(), turn, tool.Call{ID: "call-1", Name: "apply_patch", Arguments: addPatch("a", "x"), Custom: true}))
			if got != c.want || !slices.Equal(turn.log, c.log) {
				t.Errorf("output %q, log %q", got, turn.log)
			}
			if _, err := os.Stat(filepath.Join(turn.dir, "a")); (err == nil) != c.written {
				t.Errorf("written: %v", err)
			}
		})
	}
}

func TestApplyPatchItem(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalNever, noSandbox)
	p.Run(t.Context(), turn, tool.Call{ID: "call-1", Arguments: addPatch("a", "x"), Custom: true})
	if len(turn.diffs) != 1 || !strings.HasPrefix(turn.diffs[0], "diff --git a/a b/a\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..587be6b4c3f93f93c489c0111bba5596147a26cb\n--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n") {
		t.Errorf("diffs %q", turn.diffs)
	}
	turn.answers, turn.approval = []string{`{"decision":"decline"}`}, protocol.AskForApprovalUntrusted
	p.Run(t.Context(), turn, tool.Call{ID: "call-2", Arguments: addPatch("b", "x"), Custom: true})
	want := `{"changes":[{"diff":"x\n","kind":{"type":"add"},"path":"` + turn.dir + `/b"}],"id":"call-2","status":"declined","completedAtMs":1000,"startedAtMs":1000,"type":"fileChange"}`
	var a, b any
	if json.Unmarshal(turn.last, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		t.Fatal("no JSON")
	}
	ja, _ := json.Marshal(a)
	jb, _ := json.Marshal(b)
	if string(ja) != string(jb) {
		t.Errorf("item %s\nwant %s", ja, jb)
	}
}

// TestApplyPatchPolicy judges by the real files: links out, protected names and moves count as what they lead to.
func TestApplyPatchPolicy(t *testing.T) {
	const ro = "patch rejected: writing is blocked by read-only sandbox; rejected by user approval settings"
	const out = "patch rejected: writing outside of the project; rejected by user approval settings"
	for _, c := range []struct {
		patch string
		s     protocol.SandboxPolicy
		want  string // of the output; empty for success
	}{
		{addPatch("new", "x"), roSandbox, ro},
		{addPatch("new", "x"), wwSandbox, ""},
		{addPatch("new", "x"), protocol.SandboxPolicyRaw(`{"type":"later"}`), ro},
		{addPatch("../new", "x"), wwSandbox, out},
		{addPatch("link/new", "x"), wwSandbox, out},
		{addPatch("dangling", "x"), wwSandbox, out},
		{addPatch(".git/hooks/x", "x"), wwSandbox, out},
		{addPatch(".codex/x", "x"), wwSandbox, out},
		{addPatch(".agents/x", "x"), wwSandbox, out},
		{addPatch("inner/x", "x"), wwSandbox, ""},
		{"*** Begin Patch\n*** Add File: ok\n+x\n*** Add File: ../no\n+x\n*** End Patch\n", wwSandbox, out},
		{"*** Begin Patch\n*** Update File: f\n*** Move to: ../moved\n@@\n-1\n+2\n*** End Patch\n", wwSandbox, out},
		{"*** Begin Patch\n*** Update File: f\n*** Move to: link/moved\n@@\n-1\n+2\n*** End Patch\n", wwSandbox, out},
		{"*** Begin Patch\n*** Update File: file\n@@\n-1\n+2\n*** End Patch\n", wwSandbox, out},
		{"*** Begin Patch\n*** Delete File: file\n*** End Patch\n", wwSandbox, out}, // only the link goes, but who tells
		{"*** Begin Patch\n*** Delete File: link/back\n*** End Patch\n", wwSandbox, out},
		{"*** Begin Patch\n*** Delete File: link/x\n*** End Patch\n", wwSandbox, out},
		{addPatch("../new", "x"), noSandbox, ""},
	} {
		turn, p := newPatchTurn(t, protocol.AskForApprovalNever, c.s)
		outside := t.TempDir()
		for name, content := range map[string]string{filepath.Join(outside, "x"): "1\n", filepath.Join(turn.dir, "f"): "1\n"} {
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(turn.dir+"/f", filepath.Join(outside, "back")); err != nil {
			t.Fatal(err)
		}
		for name, target := range map[string]string{"link": outside, "file": outside + "/x", "dangling": outside + "/none"} {
			if err := os.Symlink(target, filepath.Join(turn.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		got := output(t, p.Run(t.Context(), turn, tool.Call{ID: "c", Arguments: c.patch, Custom: true}))
		if c.want == "" && !strings.HasPrefix(got, "Exit code: 0\n") || c.want != "" && got != c.want {
			t.Errorf("%q: %s", c.patch, got)
		}
		if c.want != "" && len(turn.log) > 0 {
			t.Errorf("%q: refused, but %q", c.patch, turn.log)
		}
	}
}

func TestApplyPatchSession(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalOnRequest, roSandbox)
	turn.answers = []string{`{"decision":"acceptForSession"}`, `{"decision":"decline"}`}
	run := func(text string) string {
		return output(t, p.Run(t.Context(), turn, tool.Call{ID: "c", Arguments: text, Custom: true}))
	}
	run(addPatch("a", "x"))
	turn.id = "turn 2"
	if got := run("*** Begin Patch\n*** Update File: a\n@@\n-x\n+y\n*** End Patch\n"); !strings.HasPrefix(got, "Exit code: 0\n") {
		t.Errorf("an accepted file is asked about again: %s", got)
	}
	if got := run("*** Begin Patch\n*** Update File: a\n@@\n-y\n+z\n*** Add File: b\n+x\n*** End Patch\n"); got != "patch rejected by user" {
		t.Errorf("a new file beside an accepted one is not asked about: %s", got)
	}
	if len(turn.diffs) != 2 || !strings.Contains(turn.diffs[1], "-x\n+y\n") || strings.Contains(turn.diffs[1], "new file") {
		t.Errorf("the second turn's difference is to the first one's start: %q", turn.diffs)
	}
}

func TestApplyPatchThatDoesNotApply(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalUntrusted, noSandbox)
	if err := os.WriteFile(filepath.Join(turn.dir, "a.txt"), []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for arguments, want := range map[string]string{
		"not a patch":                      "apply_patch verification failed: invalid patch: The first line of the patch must be '*** Begin Patch'",
		"*** Begin Patch\n*** End Patch\n": "patch rejected: empty patch",
		"*** Begin Patch\n*** Update File: a.txt\n@@\n-nowhere\n+x\n*** End Patch\n": "apply_patch verification failed: Failed to find expected lines in " + turn.dir + "/a.txt:\nnowhere",
	} {
		if got := output(t, p.Run(t.Context(), turn, tool.Call{Arguments: arguments, Custom: true})); got != want {
			t.Errorf("%q: %q, want %q", arguments, got, want)
		}
	}
	for arguments, want := range map[string]string{
		`{`:             "failed to parse function arguments: ",
		`{"patch":"x"}`: "failed to parse function arguments: missing field `input`",
		`{"input":7}`:   "failed to parse function arguments: ",
		`{"input":"x"}`: "apply_patch verification failed: ",
	} {
		if got := output(t, p.Run(t.Context(), turn, tool.Call{Arguments: arguments})); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", arguments, got, want)
		}
	}
	if len(turn.log) > 0 {
		t.Errorf("items were shown: %q", turn.log)
	}
}

func TestApplyPatchFilesChangedWhileAsked(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalUntrusted, noSandbox)
	file := filepath.Join(turn.dir, "a")
	if err := os.WriteFile(file, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	turn.answers = []string{`{"decision":"accept"}`}
	turn.whileAsked = func() { _ = os.WriteFile(file, []byte("1\nmine\n"), 0o644) }
	got := output(t, p.Run(t.Context(), turn, tool.Call{ID: "c", Arguments: "*** Begin Patch\n*** Update File: a\n@@\n-1\n+2\n*** End Patch\n", Custom: true}))
	if want := "Exit code: 1\nWall time: 0 seconds\nOutput:\nFailed to write file " + file + ": the file has changed since the patch was checked\n"; got != want {
		t.Errorf("output %q", got)
	}
	if content, _ := os.ReadFile(file); string(content) != "1\nmine\n" {
		t.Errorf("the file was overwritten: %q", content)
	}
	if !slices.Equal(turn.log, []string{"started inProgress", "asked", "completed failed"}) {
		t.Errorf("log %q", turn.log)
	}
}

func TestApplyPatchInterrupted(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalUntrusted, noSandbox)
	ctx, cancel := context.WithCancel(t.Context())
	turn.whileAsked = cancel
	p.Run(ctx, turn, tool.Call{ID: "c", Arguments: addPatch("a", "x"), Custom: true})
	if !slices.Equal(turn.log, []string{"started inProgress", "asked"}) {
		t.Errorf("log %q", turn.log)
	}
	if _, err := os.Stat(filepath.Join(turn.dir, "a")); err == nil {
		t.Error("an interrupted patch was written")
	}
}

func TestApplyPatchCommands(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalNever, noSandbox)
	command := func(script string) (string, bool) {
		o, ok := p.Command(t.Context(), turn, "c", []string{"/bin/bash", "-lc", script}, turn.dir)
		if !ok {
			return "", false
		}
		return output(t, o), true
	}
	got, ok := command("cd sub && apply_patch <<'EOF'\n" + addPatch("a", "x") + "EOF\n")
	if want := "Wall time: 0.0000 seconds\nOutput:\nExit code: 0\nWall time: 0 seconds\nOutput:\nSuccess. Updated the following files:\nA a\n"; !ok || got != want {
		t.Errorf("%t %q", ok, got)
	}
	if _, err := os.Stat(filepath.Join(turn.dir, "sub", "a")); err != nil {
		t.Error(err)
	}
	if got, ok := command("apply_patch <<'EOF'\njunk\nEOF\n"); !ok || got != "apply_patch verification failed: invalid patch: The first line of the patch must be '*** Begin Patch'" {
		t.Errorf("%t %q", ok, got)
	}
	if got, ok := command(addPatch("b", "x")); !ok || got != `apply_patch verification failed: patch detected without explicit call to apply_patch. Rerun as ["apply_patch", "<patch>"]` {
		t.Errorf("%t %q", ok, got)
	}
	if _, ok := command("ls"); ok {
		t.Error("ls is taken for a patch")
	}
}

// TestApplyPatchOneAtATime has many calls change one file side by side: none may be lost.
func TestApplyPatchOneAtATime(t *testing.T) {
	turn, p := newPatchTurn(t, protocol.AskForApprovalNever, noSandbox)
	file := filepath.Join(turn.dir, "a")
	if err := os.WriteFile(file, []byte("start\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			p.Run(t.Context(), turn, tool.Call{ID: "c", Arguments: "*** Begin Patch\n*** Update File: a\n@@\n+more\n*** End Patch\n", Custom: true})
		})
	}
	wg.Wait()
	content, err := os.ReadFile(file)
	if err != nil || strings.Count(string(content), "more\n") != 20 {
		t.Errorf("%d of 20 changes, %v", strings.Count(string(content), "more\n"), err)
	}
}

func TestApplyPatchOffer(t *testing.T) {
	_, p := newPatchTurn(t, protocol.AskForApprovalNever, noSandbox)
	for form, want := range map[string]string{"freeform": "custom", "function": "function"} {
		o := p.Offer(form)
		var spec struct{ Type, Name string }
		if len(o.Specs()) != 1 || json.Unmarshal(o.Specs()[0], &spec) != nil || spec.Type != want || spec.Name != "apply_patch" {
			t.Errorf("%s: %s", form, o.Specs())
		}
		if _, ok := o.Find("", "apply_patch"); !ok {
			t.Errorf("%s: not found", form)
		}
		if _, ok := o.Find("ns", "apply_patch"); ok {
			t.Errorf("%s: found in a namespace", form)
		}
	}
	if o := p.Offer(""); len(o.Specs()) != 0 {
		t.Error("offered to a model that does not take it")
	}
}
