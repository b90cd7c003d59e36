//go:build unix

package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestInputFolderAndOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The first waits for the third: hooks of one event run side by side, and are told in their order all the same.
	w.hooks(UserPromptSubmit, `,"statusMessage":"checking"`, "sed s/^/got/; while [ ! -e go ]; do sleep 0.02; done", "exit 1", "pwd; touch go")
	r := w.run(t.Context(), UserPromptSubmit, map[string]string{"prompt": "a\nb"})
	want := []string{`got{"prompt":"a\nb"}`, w.repo}
	if len(r.Contexts) != 2 || r.Contexts[0] != want[0] || r.Contexts[1] != want[1] {
		t.Errorf("contexts %q, want %q", r.Contexts, want)
	}
	var order []string
	for _, s := range w.told {
		order = append(order, fmt.Sprint(s.DisplayOrder, s.Status))
	}
	if got := strings.Join(order, " "); got != "0running 1running 2running 0completed 1failed 2completed" {
		t.Errorf("told %s", got)
	}
	first := w.told[0]
	if first.ID != "user-prompt-submit:0:"+w.file() || *first.StatusMessage != "checking" || first.Scope != "turn" || first.Source != "user" {
		t.Errorf("summary %+v", first)
	}
}

func TestInputThatNobodyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, "", "exec <&-; exit 0", "sleep 0.1")
	w.run(t.Context(), Stop, map[string]string{"last_assistant_message": strings.Repeat("x", 1<<20)})
	if got := w.last(); got != "completed" {
		t.Error(got)
	}
}

func TestTimeoutKillsAllThatTheHookStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, `,"timeout":2`, "sleep 300 & echo $! > child; wait")
	w.run(t.Context(), Stop, nil)
	if got := w.last(); got != "failed|error:hook timed out after 2s" {
		t.Error(got)
	}
	w.gone("child")
}

func TestEndOfTheTurnKillsAHook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, "", "sleep 300 & echo $! > child; mv child started; wait")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		w.appears("started")
		cancel()
	}()
	w.run(ctx, Stop, nil)
	if got := w.last(); got != "failed|error:hook was cut off by the end of the turn" {
		t.Error(got)
	}
	w.gone("started")
}

func TestWhatAHookLeavesBehindEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, "", "setsid sleep 300 >/dev/null 2>&1 & echo $! > child")
	w.run(t.Context(), Stop, nil)
	if got := w.last(); got != "completed" {
		t.Error(got)
	}
	w.gone("child")
}

func TestLongContextIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(UserPromptSubmit, `,"additionalContextLimit":10`, "echo 0123456789012345678901234567890123456789x")
	r := w.run(t.Context(), UserPromptSubmit, nil)
	want := "Warning: truncated output (original token count: 10)\n\n01234567890123456789\n...\n1234567890123456789x"
	if len(r.Contexts) != 1 || r.Contexts[0] != want {
		t.Errorf("%q", r.Contexts)
	}
}

func TestOutputWithoutEndIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, `,"timeout":20`, `printf '{"reason":"'; head -c 3000000 /dev/zero | tr '\0' a; printf '"}'`)
	w.run(t.Context(), Stop, nil)
	if got := w.last(); got != "failed|error:hook returned invalid stop hook JSON output" {
		t.Error(got)
	}
}

func TestAsynchronousHooksAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(UserPromptSubmit, `,"async":true`, "echo $$ > pid; mv pid started; sleep 300; exit 2")
	if r := w.run(t.Context(), UserPromptSubmit, nil); len(w.told) != 0 || len(r.Blocks) != 0 {
		t.Errorf("told %v, result %+v", w.told, r)
	}
	w.appears("started")
	w.store.Behind.Close(t.Context(), 0)
	w.gone("started")
	w.store.Behind.Start(func(context.Context) { t.Error("started after the end") })
}

func TestNotify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	failures := make(chan string, 4)
	n := Notifier{Behind: w.store.Behind, Dir: w.repo, Failed: func(program string, err error) { failures <- program }}
	last := "done"
	n.Notify([]string{"sh", "-c", `cat; printf '%s' "$1" > got; echo $$ > pid; mv pid started; exec sleep 300`, "x"},
		TurnEnd{ThreadID: "t", TurnID: "u", Cwd: "/w", Client: "c", Inputs: []string{"a", "b"}, LastMessage: &last})
	w.appears("started")
	want := `{"type":"agent-turn-complete","thread-id":"t","turn-id":"u","cwd":"/w","client":"c","input-messages":["a","b"],"last-assistant-message":"done"}`
	if got, _ := os.ReadFile(filepath.Join(w.repo, "got")); string(got) != want {
		t.Errorf("argument\n%s, want\n%s", got, want)
	}
	n.Notify([]string{"/nonexistent/program"}, TurnEnd{})
	n.Notify([]string{"sh", "-c", "touch ended"}, TurnEnd{LastMessage: &last, Inputs: []string{strings.Repeat("x", 1<<20), "y"}})
	w.appears("ended")
	n.Notify([]string{"/nonexistent/program"}, TurnEnd{})
	w.store.Behind.Close(t.Context(), 100*time.Millisecond)
	w.gone("started")
	if len(failures) != 1 {
		t.Errorf("%d failures were told, want 1", len(failures))
	}
}

// appears waits for a file of the repository.
func (w *world) appears(name string) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(w.repo, name)); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Error(name, "did not appear")
			return
		}
	}
}

// gone says whether the process whose id a file holds is there no more.
func (w *world) gone(name string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.repo, name))
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || convErr != nil {
		w.t.Fatalf("%s: %v, %v", name, err, convErr)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		w.t.Errorf("process %d is still there: %v", pid, err)
	}
}
