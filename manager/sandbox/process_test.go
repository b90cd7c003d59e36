//go:build linux || darwin

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// modes are the ones to run a test under: all that this machine can enforce.
func modes(t testing.TB) []Mode {
	if r := Probe(t.Context()); !r.Enforced {
		t.Logf("full access only: %s %v", r.Why, r.Gaps)
		return []Mode{FullAccess}
	}
	return []Mode{FullAccess, WorkspaceWrite, ReadOnly}
}

func shell(dir string, mode Mode, script string) Spec {
	return Spec{
		Argv: []string{"/bin/sh", "-c", script}, Dir: dir, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"},
		Policy: Policy{Mode: mode, Cwd: dir},
	}
}

// text is what a process wrote.
func text(s *Stream) string { return string(s.Snapshot().Bytes()) }

// until waits for a condition that nothing announces.
func until(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func TestExit(t *testing.T) {
	for _, mode := range modes(t) {
		for _, c := range []struct {
			script string
			want   Exit
			out    string
		}{
			{"echo hello; exit 0", Exit{}, "hello\n"},
			{"printf a; printf b >&2; exit 7", Exit{Code: 7}, "ab"},
			{"kill -KILL $$", Exit{Code: 137, Signal: 9}, ""},
			{"kill -TERM $$; echo not", Exit{Code: 143, Signal: 15}, ""},
			{"cat; echo end", Exit{}, "end\n"},                     // input ends at once
			{"trap 'echo got' HUP; kill -HUP $$", Exit{}, "got\n"}, // signals are at their defaults
			{"sleep 600 & echo $((1+1))", Exit{}, "2\n"},           // held pipe: see TestHeldPipe
		} {
			start := time.Now()
			p, exit, err := Run(t.Context(), shell(t.TempDir(), mode, c.script), time.Second)
			if err != nil {
				t.Fatalf("%s: %s: %v", mode, c.script, err)
			}
			if exit != c.want || text(p.Stdout()) != c.out {
				t.Errorf("%s: %s: %+v %q, want %+v %q", mode, c.script, exit, text(p.Stdout()), c.want, c.out)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%s: %s took %v", mode, c.script, d)
			}
		}
	}
}

func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	notExecutable := filepath.Join(dir, "text")
	if err := os.WriteFile(notExecutable, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range modes(t) {
		for _, c := range []struct {
			argv []string
			dir  string
			want error
		}{
			{[]string{"no-such-program"}, dir, syscall.ENOENT},
			{[]string{"/no/such/program"}, dir, syscall.ENOENT},
			{[]string{notExecutable}, dir, syscall.EACCES},
			{[]string{"true"}, filepath.Join(dir, "missing"), syscall.ENOENT},
		} {
			_, err := Start(t.Context(), Spec{Argv: c.argv, Dir: c.dir, Policy: Policy{Mode: mode, Cwd: dir}})
			var failed *StartError
			if !errors.As(err, &failed) || !errors.Is(err, c.want) {
				t.Errorf("%s %v in %s: %v, want a StartError of %v", mode, c.argv, c.dir, err, c.want)
			}
		}
	}
	for _, spec := range []Spec{
		{}, {Argv: []string{"true"}}, {Argv: []string{"true"}, Dir: "rel"}, {Argv: []string{"true"}, Dir: dir},
		{Argv: []string{"true"}, Dir: dir, Policy: Policy{Mode: "what"}},
		{Argv: []string{"true", "a\x00b"}, Dir: dir, Policy: Policy{Mode: FullAccess}},
	} {
		if p, err := Start(t.Context(), spec); err == nil {
			t.Errorf("%+v started", spec)
			p.Close()
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(gone, shell(dir, FullAccess, "true")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled start: %v", err)
	}
}

func TestInput(t *testing.T) {
	for _, mode := range modes(t) {
		spec := shell(t.TempDir(), mode, "while read x; do echo got $x; done; echo end")
		spec.Stdin = true
		p := mustStart(t, spec)
		sub := read(p.Stdout())
		if _, err := p.Write(t.Context(), []byte("one\n")); err != nil {
			t.Fatal(err)
		}
		expect(t, sub, "got one\n")
		if err := p.CloseStdin(); err != nil {
			t.Error(err)
		}
		if _, err := p.Write(t.Context(), []byte("two\n")); !errors.Is(err, ErrStdinClosed) {
			t.Errorf("writing to closed input: %v", err)
		}
		expect(t, sub, "end\n")
		if exit, err := p.Wait(t.Context()); err != nil || exit.Code != 0 {
			t.Error(exit, err)
		}
		if _, err := sub.Next(t.Context()); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
	}
	p := mustStart(t, shell(t.TempDir(), FullAccess, "sleep 600"))
	if _, err := p.Write(t.Context(), []byte("x")); !errors.Is(err, ErrStdinClosed) {
		t.Errorf("writing where no input was asked for: %v", err)
	}
}

// A command that does not read must not hold a writer longer than its context.
func TestWriteIsBounded(t *testing.T) {
	spec := shell(t.TempDir(), FullAccess, "sleep 600")
	spec.Stdin = true
	p := mustStart(t, spec)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Write(ctx, make([]byte, 1<<20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("writing to a command that does not read: %v", err)
	}
}

func TestSeparateStreams(t *testing.T) {
	spec := shell(t.TempDir(), FullAccess, "echo out; echo err >&2")
	spec.Separate = true
	p, _, err := Run(t.Context(), spec, 0)
	if err != nil || text(p.Stdout()) != "out\n" || text(p.Stderr()) != "err\n" {
		t.Errorf("%v %q %q", err, text(p.Stdout()), text(p.Stderr()))
	}
}

func TestTerminal(t *testing.T) {
	for _, mode := range modes(t) {
		spec := shell(t.TempDir(), mode, "tty; stty size; read x; stty size; echo got $x; trap 'echo int; exit 3' INT; echo armed; while :; do sleep 0.05; done")
		spec.TTY = &Size{Cols: 91, Rows: 33}
		p := mustStart(t, spec)
		sub := read(p.Stdout())
		expect(t, sub, "33 91")
		if err := p.Resize(Size{Cols: 70, Rows: 20}); err != nil {
			t.Error(err)
		}
		if _, err := p.Write(t.Context(), []byte("yes\n")); err != nil {
			t.Error(err)
		}
		expect(t, sub, "20 70")
		expect(t, sub, "got yes")
		expect(t, sub, "armed")
		if _, err := p.Write(t.Context(), []byte{3}); err != nil {
			t.Error(err)
		}
		exit, err := p.Wait(t.Context())
		if err != nil || exit.Code != 3 {
			t.Errorf("%s: after ^C: %+v %v\n%s", mode, exit, err, text(p.Stdout()))
		}
		if !strings.HasPrefix(text(p.Stdout()), "/dev/") {
			t.Errorf("%s: the terminal has no name: %q", mode, text(p.Stdout()))
		}
	}
	spec := shell(t.TempDir(), FullAccess, "cat; echo end")
	spec.TTY = &Size{Cols: 80, Rows: 24}
	p := mustStart(t, spec)
	if err := p.CloseStdin(); err != nil {
		t.Error(err)
	}
	if exit, err := p.Wait(t.Context()); err != nil || exit.Code != 0 {
		t.Errorf("end of file on a terminal: %+v %v", exit, err)
	}
	if err := mustStart(t, shell(t.TempDir(), FullAccess, "sleep 600")).Resize(Size{Cols: 1, Rows: 1}); err == nil {
		t.Error("resized a command without a terminal")
	}
}

// What a full access command leaves in the background stays, and must not hold Wait; a confined one's is ended.
func TestHeldPipe(t *testing.T) {
	for _, mode := range modes(t) {
		mark := newMark()
		p := mustStart(t, shell(t.TempDir(), mode, "echo first; (sleep 0.3; echo later; sleep "+mark+") & exit 4"))
		start := time.Now()
		exit, err := p.Wait(t.Context())
		if d := time.Since(start); err != nil || exit.Code != 4 || d > 3*time.Second {
			t.Errorf("%s: %+v %v after %v", mode, exit, err, d)
		}
		if mode == FullAccess {
			until(t, 5*time.Second, "output of the background", func() bool { return text(p.Stdout()) == "first\nlater\n" })
			if len(alive(mark)) == 0 {
				t.Error("the background process is gone")
			}
		} else {
			<-p.Gone()
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if left := alive(mark); len(left) > 0 {
			t.Errorf("%s: left: %v", mode, left)
		}
	}
}

func TestFloodIsBounded(t *testing.T) {
	const size = 500 << 20
	for _, mode := range modes(t)[:1] {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := mustStart(t, shell(t.TempDir(), mode, fmt.Sprintf("echo head; head -c %d /dev/zero; echo tail", size)))
		idle := p.Stdout().Subscribe(64 << 10)
		exit, err := p.Wait(t.Context())
		if err != nil || exit.Code != 0 {
			t.Fatal(exit, err)
		}
		runtime.ReadMemStats(&after)
		o := p.Stdout().Snapshot()
		if o.Total != size+10 || o.Omitted != o.Total-DefaultOutputLimit {
			t.Errorf("total %d, omitted %d", o.Total, o.Omitted)
		}
		if !strings.HasPrefix(string(o.Head), "head\n\x00") || !strings.HasSuffix(string(o.Tail), "\x00tail\n") {
			t.Error("head or tail is missing")
		}
		if o := idle.Take(); len(o.Head)+len(o.Tail) != 64<<10 || o.Total != size+10 {
			t.Errorf("an idle subscriber holds %d of %d", len(o.Head)+len(o.Tail), o.Total)
		}
		if grown := int64(after.Sys) - int64(before.Sys); grown > 32<<20 {
			t.Errorf("memory grew by %d MB", grown>>20)
		}
	}
}

// tree is a command with a daemon, a stubborn part and a part that waits, all of them named by mark.
func tree(mark string) string {
	return "sh -c 'setsid sleep " + mark + " </dev/null >/dev/null 2>&1 &'; " +
		"(trap '' TERM INT HUP; sleep " + mark + " & sleep " + mark + ") & sleep " + mark
}

func TestKillLeavesNothing(t *testing.T) {
	needSetsid(t)
	for _, mode := range modes(t) {
		for _, grace := range []time.Duration{0, 100 * time.Millisecond} {
			mark := newMark()
			p := mustStart(t, shell(t.TempDir(), mode, tree(mark)))
			until(t, 10*time.Second, "the tree", func() bool { return len(alive("sleep", mark)) >= 4 })
			start := time.Now()
			if err := p.Kill(grace); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
			if left := alive(mark); len(left) > 0 {
				t.Errorf("%s, grace %v: left: %v", mode, grace, left)
			}
			if d := time.Since(start); d > grace+2*time.Second {
				t.Errorf("%s, grace %v: took %v", mode, grace, d)
			}
			if exit, ok := p.ExitStatus(); !ok || exit.Signal == 0 {
				t.Errorf("%s: %+v %v", mode, exit, ok)
			}
		}
	}
}

// Whenever a command is killed, also while it is being started, nothing of it is left.
func TestRandomKills(t *testing.T) {
	needSetsid(t)
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	all := modes(t)
	marks := make([]string, rounds)
	type result struct{ err error }
	results := make(chan result, rounds)
	slots := make(chan struct{}, 8)
	for i := range rounds {
		marks[i] = newMark()
		spec := shell(t.TempDir(), all[i%len(all)], tree(marks[i]))
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			// The times are spread over a start and the growth of the tree.
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i%97)*time.Millisecond)
			defer cancel()
			p, err := Start(ctx, spec)
			if err != nil {
				results <- result{}
				return
			}
			<-ctx.Done()
			results <- result{errors.Join(p.Kill(time.Duration(i%3)*10*time.Millisecond), p.Close())}
		}()
	}
	for range rounds {
		if r := <-results; r.err != nil {
			t.Error(r.err)
		}
	}
	for _, mark := range marks {
		if left := alive(mark); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// However the host ends, nothing of its commands is left, and no placeholder.
func TestHostDeath(t *testing.T) {
	needSetsid(t)
	for _, mode := range modes(t) {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGABRT} {
			mark, dir := newMark(), t.TempDir()
			host := exec.Command(os.Args[0], "-test.run=^$")
			host.Env = append(os.Environ(), "SANDBOX_TEST_HOST="+string(mode)+"|"+dir+"|"+tree(mark))
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, 10*time.Second, "the tree", func() bool { return len(alive("sleep", mark)) >= 4 })
			_ = host.Process.Signal(sig)
			_ = host.Wait()
			until(t, 5*time.Second, fmt.Sprintf("the end of everything after %v under %s", sig, mode), func() bool { return len(alive(mark)) == 0 })
			until(t, 5*time.Second, "the end of the placeholders", func() bool {
				names, _ := filepath.Glob(filepath.Join(dir, ".*"))
				return len(names) == 0
			})
		}
	}
}

// A command with full access that stops its own supervisor is killed none the less.
func TestStoppedSupervisor(t *testing.T) {
	mark := newMark()
	spec := shell(t.TempDir(), FullAccess, "read go; kill -STOP $PPID; sleep "+mark)
	spec.Stdin = true
	p := mustStart(t, spec)
	_, _ = p.Write(t.Context(), []byte("go\n"))
	until(t, 10*time.Second, "the command", func() bool { return len(alive("sleep", mark)) > 0 })
	start := time.Now()
	if err := p.Kill(0); err != nil || time.Since(start) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if left := alive(mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// One that stops its supervisor before that has told of the start makes the start fail, and is killed.
func TestSupervisorStoppedAtOnce(t *testing.T) {
	mark := newMark()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	p, err := Start(ctx, shell(t.TempDir(), FullAccess, "kill -STOP $PPID; sleep "+mark))
	if err == nil { // the report was faster
		_ = p.Close()
	}
	if left := alive(mark); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A command with full access that kills its supervisor does not hang anybody.
func TestKilledSupervisor(t *testing.T) {
	spec := shell(t.TempDir(), FullAccess, "read go; kill -KILL $PPID; sleep 600")
	spec.Stdin = true
	p := mustStart(t, spec)
	_, _ = p.Write(t.Context(), []byte("go\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	exit, err := p.Wait(ctx)
	if err != nil || !exit.Lost {
		t.Errorf("%+v %v", exit, err)
	}
}

func TestCloseTwiceAtOnce(t *testing.T) {
	p := mustStart(t, shell(t.TempDir(), FullAccess, "sleep 600"))
	done := make(chan error, 4)
	for range 4 {
		go func() { done <- p.Close() }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := p.Kill(time.Second); err != nil {
		t.Error(err)
	}
	if err := p.Signal(int(syscall.SIGINT)); err != nil {
		t.Error(err)
	}
}

func TestSignal(t *testing.T) {
	p := mustStart(t, shell(t.TempDir(), FullAccess, "trap 'echo one' USR1; echo ready; while :; do sleep 0.02; done"))
	sub := read(p.Stdout())
	expect(t, sub, "ready\n")
	_ = p.Signal(int(syscall.SIGUSR1))
	expect(t, sub, "one\n")
}

func mustStart(t testing.TB, spec Spec) *Process {
	t.Helper()
	p, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// expect reads until a text has come; what follows it is left for the next call.
func expect(t testing.TB, r *reader, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if i := strings.Index(r.got, want); i >= 0 {
			r.got = r.got[i+len(want):]
			return
		}
		o, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %q: %v; got %q", want, err, r.got)
		}
		r.got += string(o.Bytes())
	}
}

// reader is a subscription whose output is looked through.
type reader struct {
	*Subscription
	got string
}

func read(s *Stream) *reader { return &reader{Subscription: s.Subscribe(1 << 20)} }

func needSetsid(t testing.TB) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid program here")
	}
}
