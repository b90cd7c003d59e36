package skills

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codexhost/codexhost/plugins"
	builtin "github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/skillswatch"
)

// The test binary is the built-in provider for the tests that want the real thing.
func TestMain(m *testing.M) {
	if role, ok := plugins.Role(os.Args[1:]); ok && role == "skill" {
		skill.Serve(builtin.New())
	}
	goleak.VerifyTestMain(m)
}

func TestCache(t *testing.T) {
	w := newWorld(t)
	w.skill("ws/.agents/skills/alpha", "before")
	first := w.list(false)
	w.skill("ws/.agents/skills/alpha", "after")
	w.skill("ws/.agents/skills/beta", "new")
	if again := w.list(false); again != first {
		t.Error("nobody said that anything changed, and yet it was looked")
	}
	forced := w.list(true)
	if len(forced.Skills) != 2 || forced.Skills[0].Description != "after" {
		t.Errorf("forced: %q", names(forced))
	}
	if w.list(false) != forced {
		t.Error("what was forced is not remembered")
	}
	w.skill("ws/.agents/skills/gamma")
	w.catalogue.Invalidate()
	if sn := w.list(false); len(sn.Skills) != 3 || sn.Generation <= forced.Generation {
		t.Errorf("after Invalidate: %q, generation %d", names(sn), sn.Generation)
	}
	if len(first.Skills) != 1 || first.Skills[0].Description != "before" {
		t.Error("a snapshot changed under its holder")
	}
}

func TestConcurrentListsShareAScan(t *testing.T) {
	w := newWorld(t)
	w.skill("ws/.agents/skills/alpha")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if sn, err := w.catalogue.List(t.Context(), w.settings, false); err != nil || len(sn.Skills) != 1 {
				t.Error(sn, err)
			}
		})
	}
	wg.Wait()
	if n := w.from.used("skills"); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// slowProvider answers when its context ends.
type slowProvider struct{ skill.Provider }

func (slowProvider) List(ctx context.Context, _ skill.ListRequest) (skill.Listing, error) {
	<-ctx.Done()
	return skill.Listing{}, ctx.Err()
}

func TestSlowProviderIsBounded(t *testing.T) {
	w := newWorld(t)
	w.skill("ws/.agents/skills/alpha")
	w.from.names = append(w.from.names, "slow")
	w.from.by["slow"] = slowProvider{}
	w.catalogue.timeout = 50 * time.Millisecond
	sn := w.list(false)
	if len(sn.Skills) != 1 || len(sn.Errors) != 1 || sn.Errors[0].Path != "plugin:slow" {
		t.Errorf("%q, %+v", names(sn), sn.Errors)
	}
	w.catalogue.timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.catalogue.List(ctx, w.settings, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// hand is a watcher that is moved by hand.
type hand struct {
	mu    sync.Mutex
	paths map[string]func(...string)
	began []string
	fail  bool
}

func (h *hand) Watch(path string, changed func(...string)) (func(), error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail {
		return nil, errors.New("no watches left")
	}
	if h.paths == nil {
		h.paths = make(map[string]func(...string))
	}
	if h.paths[path] != nil {
		panic("watched twice: " + path)
	}
	h.paths[path] = changed
	h.began = append(h.began, path)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.paths, path)
	}, nil
}

func (h *hand) watched() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for p := range h.paths {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// touch says that something below a watched path changed, or which files did.
func (h *hand) touch(path string, files ...string) {
	h.mu.Lock()
	f := h.paths[path]
	h.mu.Unlock()
	f(files...)
}

func (w *world) watching(watcher Watcher, onChange func()) {
	w.catalogue.Close()
	w.catalogue = New(Options{Providers: w.from, Builtin: "skills", Watcher: watcher, OnChange: onChange})
	w.t.Cleanup(w.catalogue.Close)
}

func TestHold(t *testing.T) {
	w := newWorld(t)
	h, changes := &hand{}, 0
	w.watching(h, func() { changes++ })
	w.skill("ws/.agents/skills/alpha", "one")
	w.skill("out/linked")
	os.Symlink(w.dir+"/out/linked", w.ws+"/.agents/skills/l")
	w.settings.ProjectRoot = w.dir // the link stays within
	w.list(false)
	if got := h.watched(); len(got) != 0 {
		t.Errorf("nobody holds anything, watched is %q", got)
	}
	w.skill("ws/.agents/skills/alpha", "two")
	release := w.catalogue.Hold(w.settings)
	again := w.catalogue.Hold(w.settings)
	if d := w.list(false).Skills[0].Description; d != "two" {
		t.Errorf("what changed before the watching began is not seen: %s", d)
	}
	want := []string{w.codex + "/skills", w.home + "/.agents/skills", w.dir + "/out/linked", w.dir + "/.agents/skills", w.ws + "/.agents/skills", w.ws + "/.codex/skills"}
	slices.Sort(want)
	if got := h.watched(); !slices.Equal(got, want) {
		t.Errorf("watched %q, want %q", got, want)
	}
	w.skill("ws/.agents/skills/alpha", "three")
	h.touch(w.ws + "/.agents/skills")
	if d := w.list(false).Skills[0].Description; d != "three" || changes != 1 {
		t.Errorf("after a change: %s, %d calls", d, changes)
	}
	// Another working directory shares what it can.
	other := w.settings
	other.Cwd = w.dir + "/ws2"
	releaseOther := w.catalogue.Hold(other)
	if _, err := w.catalogue.List(t.Context(), other, false); err != nil {
		t.Fatal(err)
	}
	release()
	release() // once is enough
	if _, ok := h.paths[w.ws+"/.agents/skills"]; !ok {
		t.Error("let go although somebody still holds it")
	}
	again()
	w.catalogue.watches.work.Wait()
	want = []string{w.codex + "/skills", w.home + "/.agents/skills", w.dir + "/.agents/skills", w.dir + "/ws2/.agents/skills", w.ws + "/.codex/skills", w.dir + "/out/linked"}
	slices.Sort(want)
	if got := h.watched(); !slices.Equal(got, slices.DeleteFunc(want, func(p string) bool { return p == w.dir+"/out/linked" })) {
		t.Errorf("watched %q", got)
	}
	releaseOther()
	w.catalogue.Close()
	if got := h.watched(); len(got) != 0 {
		t.Errorf("still watched: %q", got)
	}
}

func TestWatcherThatFails(t *testing.T) {
	w := newWorld(t)
	w.watching(&hand{fail: true}, nil)
	w.skill("ws/.agents/skills/alpha")
	defer w.catalogue.Hold(w.settings)()
	if len(w.list(false).Skills) != 1 {
		t.Error("no list without a watcher")
	}
}

// TestWithTheRealThings goes through a plugin process and the file watcher: an
// edit is told of, and the next listing has it, also in folders that did not
// exist before.
func TestWithTheRealThings(t *testing.T) {
	w := newWorld(t)
	host, err := plugins.New(plugins.Options{
		Kinds:  []plugins.Kind{skill.Contract(nil)},
		Specs:  []plugins.Spec{plugins.Builtin("skills", skill.Kind, "skill")},
		RunDir: shortTempDir(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(t.Context()) })
	watcher := skillswatch.New(skillswatch.Options{})
	t.Cleanup(watcher.Close)
	changed := make(chan struct{}, 100)
	w.catalogue = New(Options{
		Providers: FromHost(host, "skills"), Builtin: "skills", Watcher: FromWatcher(watcher),
		OnChange: func() { changed <- struct{}{} },
	})
	t.Cleanup(w.catalogue.Close)
	defer w.catalogue.Hold(w.settings)()
	w.list(false)

	expect := func(step string, want ...string) {
		t.Helper()
		deadline := time.After(5 * time.Second)
		for {
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%s: not noticed, the list is %q", step, names(w.list(false)))
			}
			if got := names(w.list(false)); slices.Equal(got, want) {
				return
			}
		}
	}
	path := w.skill("ws/.agents/skills/alpha")
	expect("a first skill", "repo:alpha")
	w.skill("ws/.codex/skills/beta")
	expect("a first project folder", "repo:alpha", "repo:beta")
	os.Remove(path)
	expect("removal", "repo:beta")

	// Killed, the provider comes back with the next question.
	pid := host.Status()[0].PID
	p, _ := os.FindProcess(pid)
	p.Kill()
	if got := names(w.list(true)); !slices.Equal(got, []string{"repo:beta"}) {
		t.Errorf("after the provider was killed: %q", got)
	}
	if now := host.Status()[0]; now.PID == pid || now.Restarts != 1 {
		t.Errorf("status %+v", now)
	}
	messages, warnings := w.catalogue.Messages(t.Context(), w.list(false), []int{0})
	if len(messages) != 1 || len(warnings) != 0 {
		t.Errorf("%q %q", messages, warnings)
	}
}

func shortTempDir(t testing.TB) string {
	d, err := os.MkdirTemp("", "chs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

// BenchmarkList2000 asks for 2,000 skills through a plugin process: after a
// change of one, and when nothing changed.
func BenchmarkList2000(b *testing.B) {
	w := newWorld(b)
	for i := range 1999 {
		w.skill(fmt.Sprintf("codex/skills/skill-%04d", i), fmt.Sprintf("Does thing %d (first) when someone asks for thing %d.", i, i))
	}
	host, err := plugins.New(plugins.Options{
		Kinds: []plugins.Kind{skill.Contract(nil)}, RunDir: shortTempDir(b),
		Specs: []plugins.Spec{plugins.Builtin("skills", skill.Kind, "skill")},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close(b.Context())
	w.catalogue = New(Options{Providers: FromHost(host, "skills"), Builtin: "skills"})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			w.list(true)
		}
	})
	b.Run("one changed", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			w.skill("codex/skills/skill-0000", fmt.Sprint("edit ", i))
			w.list(true)
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			host.Swap(b.Context(), "skills")
			w.catalogue = New(Options{Providers: FromHost(host, "skills"), Builtin: "skills"})
			b.StartTimer()
			w.list(true)
		}
	})
}
