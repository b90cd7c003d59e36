package plugins_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// quick are waits for tests that are about to see them pass.
func quick() plugins.Times {
	return plugins.Times{
		Polite: 300 * time.Millisecond, Term: 200 * time.Millisecond,
		PingEvery: 100 * time.Millisecond, PingWait: 200 * time.Millisecond,
		BackoffMin: 20 * time.Millisecond, Cooldown: time.Hour,
	}
}

// alive tells whether the process is there and no zombie.
func alive(pid int) bool {
	s := state(pid)
	return s != 0 && s != 'Z'
}

// state is the letter that the kernel has for what a process does, 0 if there
// is none.
func state(pid int) byte {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[0]
}

// freeze stops a process and waits until it stands still.
func freeze(t *testing.T, pid int) {
	t.Helper()
	syscall.Kill(pid, syscall.SIGSTOP)
	eventually(t, "standstill", time.Second, func() bool { return state(pid) == 'T' })
}

// eventually waits for f to become true.
func eventually(t *testing.T, what string, limit time.Duration, f func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}

// pidOf asks a plugin for its process id; once more, as any caller may whose
// call changes nothing, when it dies just then.
func pidOf(t *testing.T, h *plugins.Host, name string) int {
	t.Helper()
	s, err := read(t, h, name, "pid")
	if plugins.Gone(err) {
		s, err = read(t, h, name, "pid")
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCrashInACall(t *testing.T) {
	for _, c := range []struct{ path, detail, stderr string }{
		{"exit", "exit status 7", "last words"},
		{"panic:now", "exit status 2", "nil map or worse: now"},
	} {
		t.Run(c.path, func(t *testing.T) {
			h := newHost(t, plugins.Options{}, builtin("good"))
			first := pidOf(t, h, "good")
			waiting := make(chan error, 1)
			go func() {
				_, err := read(t, h, "good", "hang")
				waiting <- err
			}()
			start := time.Now()
			_, err := read(t, h, "good", c.path)
			e := wantError(t, err, plugins.ReasonDied)
			if e.Plugin != "good" || e.Detail != c.detail || !strings.Contains(strings.Join(e.Stderr, "\n"), c.stderr) || !plugins.Gone(err) {
				t.Errorf("the error says %+v", e)
			}
			wantError(t, <-waiting, plugins.ReasonDied)
			if d := time.Since(start); d > time.Second {
				t.Errorf("the calls hung for %v", d)
			}
			if second := pidOf(t, h, "good"); second == first {
				t.Error("the dead one serves")
			}
			if s := h.Status()[0]; s.Restarts != 1 || s.LastError == nil || s.LastError.Detail != c.detail {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestCrashInAStream(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("good"))
	p, err := plugins.Get[skill.Provider](t.Context(), h, "good")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.List(t.Context(), skill.ListRequest{Cwd: "/dies-midway"})
	wantError(t, err, plugins.ReasonDied)
	// The client in hand stays dead, and says so.
	_, err = p.Read(t.Context(), skill.ReadRequest{Path: "pid"})
	wantError(t, err, plugins.ReasonDied)
}

func TestKilledIsNoticedWithoutACall(t *testing.T) {
	states := make(chan plugins.Status, 100)
	h := newHost(t, plugins.Options{OnState: func(s plugins.Status) { states <- s }}, builtin("good"))
	pid := pidOf(t, h, "good")
	start := time.Now()
	syscall.Kill(pid, syscall.SIGKILL)
	for s := range states {
		if s.LastError != nil {
			if s.LastError.Detail != "signal: killed" || s.Phase != plugins.PhaseIdle {
				t.Errorf("status %+v", s)
			}
			break
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("noticed after %v", d)
	}
}

// TestKillStopKill is what a helper process must survive.
func TestKillStopKill(t *testing.T) {
	h := newHost(t, plugins.Options{Times: quick()}, builtin("good"))
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGKILL} {
		pid := pidOf(t, h, "good")
		if sig == syscall.SIGSTOP {
			freeze(t, pid)
			_, err := read(t, h, "good", "pid")
			wantError(t, err, plugins.ReasonStuck)
		} else {
			syscall.Kill(pid, sig)
		}
		eventually(t, "death", 2*time.Second, func() bool { return !alive(pid) })
		if now := pidOf(t, h, "good"); now == pid {
			t.Errorf("%v: the same process", sig)
		}
	}
}

func TestCrashLoopOpensTheBreaker(t *testing.T) {
	h := newHost(t, plugins.Options{Times: quick()}, builtin("good"), builtin("exits"))
	for range 4 { // three restarts are granted
		if _, err := read(t, h, "good", "exit"); err == nil {
			t.Fatal("it survived its exit")
		} else {
			wantError(t, err, plugins.ReasonDied)
		}
	}
	_, err := read(t, h, "good", "pid")
	e := wantError(t, err, plugins.ReasonBroken)
	if !strings.Contains(e.Detail, "exit status 7") || time.Until(e.Until) < 30*time.Minute || plugins.Gone(err) {
		t.Errorf("the error says %+v", e)
	}
	if s := h.Status()[1]; s.Name != "good" || s.Phase != plugins.PhaseBroken || s.Until.IsZero() {
		t.Errorf("status %+v", s)
	}
	if err := h.Reset("good"); err != nil {
		t.Fatal(err)
	}
	mustRead(t, h, "good", "pid")

	for range 4 {
		_, err := read(t, h, "exits", "")
		wantError(t, err, plugins.ReasonStart)
	}
	_, err = read(t, h, "exits", "")
	wantError(t, err, plugins.ReasonBroken)
}

func TestCloseIsBoundedAndThorough(t *testing.T) {
	dir := shortTempDir(t)
	mark := filepath.Join(dir, "grandchild")
	h := newHost(t, plugins.Options{RunDir: dir, Times: quick()},
		builtin("good"), builtin("deaf"), builtin("family", mark))
	stopped := plugins.Builtin("stopped", skill.Kind, "good")
	if err := h.Configure(t.Context(), []plugins.Spec{builtin("good"), builtin("deaf"), builtin("family", mark), stopped}); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, name := range []string{"good", "deaf", "family", "stopped"} {
		pids = append(pids, pidOf(t, h, name))
	}
	b, err := os.ReadFile(mark)
	if err != nil {
		t.Fatal(err)
	}
	grandchild, _ := strconv.Atoi(string(b))
	freeze(t, pids[3])
	inFlight := make(chan error, 1)
	go func() {
		_, err := read(t, h, "good", "hang")
		inFlight <- err
	}()
	start := time.Now()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := h.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("closing took %v", d)
	}
	for _, pid := range append(pids, grandchild) {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if err := <-inFlight; err == nil {
		t.Error("a call survived")
	}
	if _, err := read(t, h, "good", "pid"); !errors.Is(err, plugins.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCloseWhileStarting(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("mute"))
	result := make(chan error, 1)
	go func() {
		_, err := read(t, h, "mute", "")
		result <- err
	}()
	eventually(t, "start", 5*time.Second, func() bool { return h.Status()[0].Phase == plugins.PhaseStarting })
	start := time.Now()
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-result; err == nil {
		t.Error("it started")
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestWaitingForAStartEndsWithItsContext(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("mute"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := plugins.Get[skill.Provider](ctx, h, "mute"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestGrandchildHoldsThePipes: the death of a plugin is noticed at once although
// a process of its own still holds its stderr, and that one goes with it.
func TestGrandchildHoldsThePipes(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "grandchild")
	h := newHost(t, plugins.Options{}, builtin("family", mark))
	pid := pidOf(t, h, "family")
	b, _ := os.ReadFile(mark)
	grandchild, _ := strconv.Atoi(string(b))
	if !alive(grandchild) {
		t.Fatal("no grandchild")
	}
	start := time.Now()
	syscall.Kill(pid, syscall.SIGKILL)
	eventually(t, "notice", time.Second, func() bool { return h.Status()[0].LastError != nil })
	eventually(t, "death of the grandchild", 2*time.Second, func() bool { return !alive(grandchild) })
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestSwap(t *testing.T) {
	h := newHost(t, plugins.Options{Times: quick()}, builtin("good"))
	first := pidOf(t, h, "good")
	slow := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		slow <- plugins.Use(t.Context(), h, "good", func(ctx context.Context, p skill.Provider) error {
			close(started)
			for range 3 { // several calls on the same process, across the swap
				if _, err := p.Read(ctx, skill.ReadRequest{Path: "slow"}); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	<-started
	if err := h.Swap(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	second := pidOf(t, h, "good")
	if second == first {
		t.Error("nothing was swapped")
	}
	if !alive(first) {
		t.Error("the old one ended under its calls")
	}
	if err := <-slow; err != nil {
		t.Error(err)
	}
	eventually(t, "end of the old one", 2*time.Second, func() bool { return !alive(first) })
	if s := h.Status()[0]; s.Restarts != 0 || s.LastError != nil || s.Generation != 2 {
		t.Errorf("status %+v", s)
	}
}

// TestSwapUnderLoad: not one call fails while the plugin is replaced again and
// again.
func TestSwapUnderLoad(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("good"))
	mustRead(t, h, "good", "pid")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	calls := 0
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := plugins.Use(t.Context(), h, "good", func(ctx context.Context, p skill.Provider) error {
					_, err := p.Read(ctx, skill.ReadRequest{Path: "pid"})
					return err
				})
				mu.Lock()
				calls++
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		if err := h.Swap(t.Context(), "good"); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("%d calls", calls)
}

func TestConfigure(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	a, b := plugins.Builtin("a", skill.Kind, "good"), plugins.Builtin("b", skill.Kind, "good")
	h := newHost(t, plugins.Options{Times: quick()}, a, b, builtin("once", once))
	pidA, pidB, pidOnce := pidOf(t, h, "a"), pidOf(t, h, "b"), pidOf(t, h, "once")

	changed := b
	changed.Set = map[string]string{"X": "1"}
	broken := builtin("once", once)
	broken.Set = map[string]string{"X": "1"}
	c := plugins.Builtin("c", skill.Kind, "good")
	err := h.Configure(t.Context(), []plugins.Spec{a, changed, broken, c})
	if e := wantError(t, err, plugins.ReasonStart); e.Plugin != "once" {
		t.Errorf("got %+v", e)
	}
	if pid := pidOf(t, h, "a"); pid != pidA {
		t.Error("what did not change was restarted")
	}
	if pid := pidOf(t, h, "b"); pid == pidB {
		t.Error("what changed was not restarted")
	}
	if pid := pidOf(t, h, "once"); pid != pidOnce {
		t.Error("what did not come up has taken over")
	}
	mustRead(t, h, "c", "pid")

	if err := h.Configure(t.Context(), []plugins.Spec{c}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of what was removed", 5*time.Second, func() bool { return !alive(pidA) && !alive(pidOnce) })
	if _, err := read(t, h, "a", "pid"); !errors.Is(err, plugins.ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if got := h.Names(skill.Kind); len(got) != 1 || got[0] != "c" {
		t.Errorf("left are %q", got)
	}
}
