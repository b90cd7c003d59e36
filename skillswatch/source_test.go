package skillswatch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for the real file system; a passing test never waits for it.
const patience = 20 * time.Second

// scanner does what a client does: it reads everything again at every event. What it knows must become what is there.
type scanner struct {
	t    *testing.T
	root string

	mu     sync.Mutex
	known  map[string]string
	events []Event
	news   chan struct{}
}

func (s *scanner) saw(e Event) {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.known = content(s.root)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// content is every file below root with its text, links followed.
func content(root string) map[string]string {
	out := map[string]string{}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return out
	}
	_ = filepath.WalkDir(real, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			for k, v := range content(p) {
				out[filepath.Join(p, k)] = v
			}
			return nil
		}
		if !d.IsDir() {
			b, _ := os.ReadFile(p)
			out[p] = string(b)
		}
		return nil
	})
	return out
}

// agrees waits until what the scanner knows is what is there.
func (s *scanner) agrees(what string) {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		want := content(s.root)
		s.mu.Lock()
		ok := len(s.known) == len(want)
		for k, v := range want {
			ok = ok && s.known[k] == v
		}
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.news:
		case <-deadline.C:
			s.t.Fatalf("%s: not noticed; there is %v, known is %v", what, want, s.known)
		}
	}
}

// eachSource runs a test with the system's events and with polling.
func eachSource(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("events", func(t *testing.T) { f(t, Options{Debounce: 5 * time.Millisecond, MaxDebounce: 30 * time.Millisecond}) })
	t.Run("polling", func(t *testing.T) {
		f(t, Options{Debounce: 2 * time.Millisecond, MaxDebounce: 10 * time.Millisecond, PollInterval: 5 * time.Millisecond, Source: brokenSource()})
	})
}

// brokenSource is a system without any events to give.
func brokenSource() Source { return &failing{out: make(chan Notice)} }

type failing struct{ out chan Notice }

func (f *failing) Add(string) error       { return fs.ErrPermission }
func (f *failing) Remove(string)          {}
func (f *failing) Notices() <-chan Notice { return f.out }
func (f *failing) Close() error           { close(f.out); return nil }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The saves are what editors do to a file, seen from outside.
func TestEditsAreNoticed(t *testing.T) {
	steps := []struct {
		name string
		do   func(t *testing.T, root string)
	}{
		{"create", func(t *testing.T, r string) { write(t, r+"/s/SKILL.md", "1") }},
		{"VS Code: truncate and write", func(t *testing.T, r string) { write(t, r+"/s/SKILL.md", "two") }},
		{"append", func(t *testing.T, r string) {
			f, err := os.OpenFile(r+"/s/SKILL.md", os.O_APPEND|os.O_WRONLY, 0)
			do(t, err)
			_, err = f.WriteString("three")
			do(t, err)
			do(t, f.Close())
		}},
		{"vim: rename away, write anew", func(t *testing.T, r string) {
			do(t, os.Rename(r+"/s/SKILL.md", r+"/s/SKILL.md~"))
			write(t, r+"/s/SKILL.md", "vim")
			do(t, os.Remove(r+"/s/SKILL.md~"))
		}},
		{"JetBrains: temporary file, rename over", func(t *testing.T, r string) {
			write(t, r+"/s/SKILL.md___jb_tmp___", "jetbrains")
			do(t, os.Rename(r+"/s/SKILL.md", r+"/s/SKILL.md___jb_old___"))
			do(t, os.Rename(r+"/s/SKILL.md___jb_tmp___", r+"/s/SKILL.md"))
			do(t, os.Remove(r+"/s/SKILL.md___jb_old___"))
		}},
		{"mv over", func(t *testing.T, r string) {
			write(t, filepath.Dir(r)+"/outside", "moved here")
			do(t, os.Rename(filepath.Dir(r)+"/outside", r+"/s/SKILL.md"))
		}},
		{"folders in folders at once", func(t *testing.T, r string) { write(t, r+"/a/b/c/SKILL.md", "deep") }},
		{"write in the new folder", func(t *testing.T, r string) { write(t, r+"/a/b/c/SKILL.md", "deeper") }},
		{"folder renamed", func(t *testing.T, r string) { do(t, os.Rename(r+"/a", r+"/z")) }},
		{"write in the renamed folder", func(t *testing.T, r string) { write(t, r+"/z/b/c/SKILL.md", "renamed") }},
		{"old name again", func(t *testing.T, r string) { write(t, r+"/a/b/c/SKILL.md", "again") }},
		{"write under the old name", func(t *testing.T, r string) { write(t, r+"/a/b/c/SKILL.md", "once more") }},
		{"folder tree moved in", func(t *testing.T, r string) {
			write(t, filepath.Dir(r)+"/tree/x/y/f", "in")
			do(t, os.Rename(filepath.Dir(r)+"/tree", r+"/tree"))
		}},
		{"write in what was moved in", func(t *testing.T, r string) { write(t, r+"/tree/x/y/f", "inside") }},
		{"remove a file", func(t *testing.T, r string) { do(t, os.Remove(r+"/tree/x/y/f")) }},
		{"remove a tree", func(t *testing.T, r string) { do(t, os.RemoveAll(r+"/z")) }},
		{"remove the root", func(t *testing.T, r string) { do(t, os.RemoveAll(r)) }},
		{"root again", func(t *testing.T, r string) { write(t, r+"/new/SKILL.md", "back") }},
		{"write in the new root", func(t *testing.T, r string) { write(t, r+"/new/SKILL.md", "and alive") }},
		{"root replaced by another", func(t *testing.T, r string) {
			write(t, filepath.Dir(r)+"/other/new/SKILL.md", "swapped")
			do(t, os.Rename(r, filepath.Dir(r)+"/gone"))
			do(t, os.Rename(filepath.Dir(r)+"/other", r))
		}},
		{"write in the swapped root", func(t *testing.T, r string) { write(t, r+"/new/SKILL.md", "still") }},
	}
	eachSource(t, func(t *testing.T, o Options) {
		root := filepath.Join(t.TempDir(), "skills")
		do(t, os.Mkdir(root, 0o700))
		w := New(o)
		defer w.Close()
		s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
		w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
		for _, step := range steps {
			step.do(t, root)
			s.agrees(step.name)
		}
	})
}

func TestSymlinks(t *testing.T) {
	eachSource(t, func(t *testing.T, o Options) {
		base := t.TempDir()
		root := filepath.Join(base, "skills")
		write(t, base+"/v1/s/SKILL.md", "1")
		write(t, base+"/v2/s/SKILL.md", "2")
		write(t, base+"/elsewhere/SKILL.md", "e")
		if err := os.Symlink("v1", root); err != nil {
			t.Skip("no links here")
		}
		w := New(o)
		defer w.Close()
		s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
		w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
		write(t, base+"/v1/s/SKILL.md", "one")
		s.agrees("the target of the root changes")
		s.mu.Lock()
		if got := s.events[0].Paths; !slices.Contains(got, root+"/s/SKILL.md") {
			t.Errorf("reported %v, not in the spelling of the root", got)
		}
		s.mu.Unlock()
		do(t, os.Symlink(base+"/elsewhere", base+"/v1/link"))
		s.agrees("a link appears")
		write(t, base+"/elsewhere/SKILL.md", "E")
		s.agrees("the target of a link changes")
		do(t, os.Symlink("../..", base+"/v1/s/loop"))
		write(t, base+"/v1/s/after", "x")
		do(t, os.Remove(base+"/v1/s/loop"))
		s.agrees("a loop is survived")
		do(t, os.Symlink("v2", base+"/next"))
		do(t, os.Rename(base+"/next", root))
		s.agrees("the root's link is turned")
		write(t, base+"/v2/s/SKILL.md", "two")
		s.agrees("the new target changes")
	})
}

func TestMissingRootIsApproached(t *testing.T) {
	eachSource(t, func(t *testing.T, o Options) {
		base := t.TempDir()
		root := filepath.Join(base, "a", "b", "skills")
		w := New(o)
		defer w.Close()
		s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
		w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
		if e, p := w.Watches(); e+p != 1 {
			t.Errorf("%d folders are watched for a missing root", e+p)
		}
		write(t, base+"/unrelated/f", "x")
		write(t, root+"/s/SKILL.md", "1")
		s.agrees("all at once")
		do(t, os.RemoveAll(base+"/a"))
		s.agrees("gone")
		do(t, os.Mkdir(base+"/a", 0o700))
		do(t, os.Mkdir(base+"/a/b", 0o700))
		do(t, os.Mkdir(base+"/a/b/skills", 0o700))
		write(t, root+"/SKILL.md", "2")
		s.agrees("step by step")
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.events {
			for _, p := range e.Paths {
				if !strings.HasPrefix(p, root) {
					t.Errorf("reported %s, which is not below the root", p)
				}
			}
		}
	})
}

func TestSingleFile(t *testing.T) {
	eachSource(t, func(t *testing.T, o Options) {
		home := t.TempDir()
		file := filepath.Join(home, "config.toml")
		w := New(o)
		defer w.Close()
		s := &scanner{t: t, root: file, news: make(chan struct{}, 1)}
		w.Watch([]Root{{Path: file, File: true}}, s.saw)
		write(t, home+"/state.sqlite-wal", "noise")
		write(t, file, "a = 1")
		s.agrees("create")
		write(t, home+"/.config.toml.tmp", "a = 2")
		do(t, os.Rename(home+"/.config.toml.tmp", file))
		s.agrees("rename over")
		do(t, os.Remove(file))
		s.agrees("remove")
		write(t, home+"/dotfiles/codex.toml", "b = 1")
		if os.Symlink("dotfiles/codex.toml", file) == nil {
			s.agrees("a link")
			write(t, home+"/dotfiles/codex.toml", "b = 2")
			s.agrees("the file behind the link")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.events {
			if len(e.Paths) != 1 || e.Paths[0] != file {
				t.Errorf("reported %v", e.Paths)
			}
		}
	})
}

func TestManyNewSubtrees(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 30
	}
	root := t.TempDir()
	w := New(Options{Debounce: 2 * time.Millisecond, MaxDebounce: 10 * time.Millisecond, MaxWatches: 8 * n})
	defer w.Close()
	s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
	w.Watch([]Root{{Path: root, Recursive: true, MaxDirs: 8 * n}}, s.saw)
	for i := range n {
		write(t, filepath.Join(root, "d"+string(rune('a'+i%26)), "b", filepath.Base(t.Name())+time.Duration(i).String(), "f"), "x")
	}
	s.agrees("every file in every new folder")
}

// More events than any queue holds, while the reader is held up: what is known at the end is what is there.
func TestBurstEndsConsistent(t *testing.T) {
	n := 9000
	if testing.Short() {
		n = 500
	}
	root := t.TempDir()
	w := New(Options{Debounce: 2 * time.Millisecond, MaxDebounce: 20 * time.Millisecond})
	defer w.Close()
	s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
	w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
	do(t, os.Mkdir(root+"/late", 0o700))
	for i := range n {
		// Gone again at once, so that the test itself has little to read.
		f := filepath.Join(root, time.Duration(i).String())
		do(t, os.WriteFile(f, nil, 0o600))
		do(t, os.Remove(f))
	}
	write(t, root+"/late/deep/SKILL.md", "last")
	s.agrees("everything")
	write(t, root+"/late/deep/SKILL.md", "and after")
	s.agrees("what comes after the burst")
}

// The saves of editors, many times over: a lost watch shows at the save after it.
func TestRepeatedSaves(t *testing.T) {
	saves := map[string]func(f, text string) error{
		"in place": func(f, text string) error { return os.WriteFile(f, []byte(text), 0o600) },
		"rename over": func(f, text string) error {
			if err := os.WriteFile(f+".tmp", []byte(text), 0o600); err != nil {
				return err
			}
			return os.Rename(f+".tmp", f)
		},
		"rename away": func(f, text string) error {
			if err := os.Rename(f, f+"~"); err != nil {
				return err
			}
			return os.WriteFile(f, []byte(text), 0o600)
		},
		"remove and create": func(f, text string) error {
			if err := os.Remove(f); err != nil {
				return err
			}
			return os.WriteFile(f, []byte(text), 0o600)
		},
	}
	for name, save := range saves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			file := root + "/s/SKILL.md"
			write(t, file, "0")
			w := New(Options{Debounce: time.Millisecond, MaxDebounce: 5 * time.Millisecond})
			defer w.Close()
			s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
			w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
			for i := range 100 {
				do(t, save(file, time.Duration(i+1).String()))
				s.agrees(name)
			}
		})
	}
}

func TestWatchLimitHolds(t *testing.T) {
	root := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(root, "s"+time.Duration(i).String(), "SKILL.md"), "1")
	}
	w := New(Options{MaxWatches: 10, Debounce: time.Millisecond, MaxDebounce: 5 * time.Millisecond, PollInterval: 5 * time.Millisecond})
	defer w.Close()
	s := &scanner{t: t, root: root, news: make(chan struct{}, 1)}
	r := w.Watch([]Root{{Path: root, Recursive: true}}, s.saw)
	events, polled := w.Watches()
	if events != 10 || polled != 22 {
		t.Errorf("%d watched, %d polled", events, polled)
	}
	if w.Mode() != Mixed || len(w.Warnings()) != 1 {
		t.Errorf("mode %s, warnings %v", w.Mode(), w.Warnings())
	}
	for i := range 30 {
		write(t, filepath.Join(root, "s"+time.Duration(i).String(), "SKILL.md"), "second")
	}
	s.agrees("watched and polled alike")
	r.Close()
	if e, p := w.Watches(); e != 0 || p != 0 {
		t.Errorf("%d and %d are left", e, p)
	}
}

// A large repository costs as many watches as it has roots and ways to them, not folders.
func TestRepositoryIsNotWatchedWhole(t *testing.T) {
	repo := t.TempDir()
	for i := range 100 {
		do(t, os.MkdirAll(filepath.Join(repo, "node_modules", "m"+time.Duration(i).String(), "lib"), 0o700))
	}
	write(t, repo+"/.agents/skills/s/SKILL.md", "1")
	write(t, repo+"/.agents/skills/s/node_modules/x/f", "1")
	w := New(Options{})
	defer w.Close()
	sub := filepath.Join(repo, "pkg", "sub")
	w.Watch([]Root{
		{Path: repo + "/.agents/skills", Recursive: true, Depth: 6}, {Path: sub + "/.agents/skills", Recursive: true, Depth: 6},
		{Path: repo + "/.codex/skills", Recursive: true, Depth: 6}, {Path: repo + "/AGENTS.md", File: true},
	}, func(Event) {})
	if e, p := w.Watches(); e+p > 5 {
		t.Errorf("%d folders are watched", e+p)
	}
}

func TestOwnFilesAreNotReported(t *testing.T) {
	home := t.TempDir()
	w := New(Options{Debounce: time.Millisecond, MaxDebounce: 5 * time.Millisecond, Own: []string{filepath.Join(home, "sessions")}})
	defer w.Close()
	s := &scanner{t: t, root: home, news: make(chan struct{}, 1)}
	do(t, os.Mkdir(home+"/sessions", 0o700))
	w.Watch([]Root{{Path: home, Recursive: true}}, s.saw)
	for range 20 {
		write(t, home+"/sessions/rollout.jsonl", time.Now().String())
		write(t, home+"/.a.swp", time.Now().String())
	}
	write(t, home+"/end", "x")
	s.agrees("the end")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if !slices.Equal(e.Paths, []string{home + "/end"}) {
			t.Errorf("reported %v", e.Paths)
		}
	}
}

// An edit is told within a fraction of the 300 ms that editors are promised. A machine that is busy elsewhere may be late
// now and then, but not every time.
func TestLatency(t *testing.T) {
	root := t.TempDir()
	w := New(Options{})
	defer w.Close()
	got := make(chan time.Time, 16)
	w.Watch([]Root{{Path: root, Recursive: true}}, func(Event) { got <- time.Now() })
	best := patience
	for i := 0; i < 50 && best > 250*time.Millisecond; i++ {
		start := time.Now()
		write(t, root+"/f", start.String())
		select {
		case at := <-got:
			best = min(best, at.Sub(start))
		case <-time.After(patience):
			t.Fatal("never told")
		}
	}
	if best > 250*time.Millisecond {
		t.Errorf("told after %v", best)
	}
}

// Where the file system sends no events, folders are looked at, unasked, and that is said once.
func TestFolderWithoutEvents(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"local", "mounted"} {
		for i := range 5 {
			write(t, filepath.Join(base, d, "s"+time.Duration(i).String(), "SKILL.md"), "1")
		}
	}
	mounted := canonical(base + "/mounted")
	var told []string // under the watcher's lock
	w := New(Options{
		Debounce: time.Millisecond, MaxDebounce: 5 * time.Millisecond, PollInterval: 5 * time.Millisecond,
		Eventless: func(dir string) bool { return strings.HasPrefix(dir, mounted) },
		OnWarning: func(text string) { told = append(told, text) },
	})
	defer w.Close()
	s := &scanner{t: t, root: base, news: make(chan struct{}, 1)}
	w.Watch([]Root{{Path: base + "/local", Recursive: true}, {Path: base + "/mounted", Recursive: true}}, s.saw)
	if events, polled := w.Watches(); events != 7 || polled != 6 || w.Mode() != Mixed {
		t.Errorf("%d watched, %d polled, mode %s", events, polled, w.Mode())
	}
	if said := w.Warnings(); len(said) != 1 || !strings.Contains(said[0], "without change events") || !slices.Equal(said, told) {
		t.Errorf("said %q, told %q", said, told)
	}
	write(t, base+"/mounted/s0s/SKILL.md", "two")
	s.agrees("an edit where there are no events")
	write(t, base+"/local/s0s/SKILL.md", "two")
	s.agrees("an edit where there are")
	write(t, base+"/mounted/new/deep/SKILL.md", "new")
	s.agrees("a new folder where there are no events")
}

// A repository of many folders, linked into the place that is watched: the limits hold, what is watched is noticed, and
// what is not is said.
func TestHugeTree(t *testing.T) {
	const n = 600 // for limits of a hundredth; more cost only time to make
	repo := t.TempDir()
	do(t, os.Mkdir(repo+"/src", 0o700))
	for i := range n / 20 {
		parent := repo + "/src/p" + strconv.Itoa(i)
		do(t, os.Mkdir(parent, 0o700))
		for j := range 19 {
			do(t, os.Mkdir(parent+"/d"+strconv.Itoa(j), 0o700))
		}
	}
	if err := os.Symlink(repo, filepath.Join(repo, "src", "again")); err != nil {
		t.Skip("no links here")
	}
	do(t, os.Mkdir(filepath.Join(repo, "skills"), 0o700))
	do(t, os.Symlink(repo, filepath.Join(repo, "skills", "all")))
	w := New(Options{MaxWatches: 20, Debounce: time.Millisecond, MaxDebounce: 5 * time.Millisecond, PollInterval: 50 * time.Millisecond})
	defer w.Close()
	var mu sync.Mutex
	seen := map[string]bool{}
	news := make(chan struct{}, 1)
	r := w.Watch([]Root{{Path: repo + "/skills", Recursive: true, Depth: 7, MaxDirs: 60}}, func(e Event) {
		mu.Lock()
		for _, p := range e.Paths {
			seen[p] = true
		}
		mu.Unlock()
		select {
		case news <- struct{}{}:
		default:
		}
	})
	events, polled := w.Watches()
	if events != 20 || events+polled > 61 {
		t.Errorf("%d watched, %d polled", events, polled)
	}
	if said := strings.Join(w.Warnings(), "; "); !strings.Contains(said, "more than 20 folders to watch") || !strings.Contains(said, "more than 60 folders") {
		t.Errorf("said %q", said)
	}
	write(t, repo+"/skills/SKILL.md", "1")
	late := time.After(patience)
	for {
		mu.Lock()
		ok := seen[repo+"/skills/SKILL.md"]
		mu.Unlock()
		if ok {
			break
		}
		select {
		case <-news:
		case <-late:
			t.Fatal("an edit near the root is not noticed")
		}
	}
	r.Close()
	if e, p := w.Watches(); e+p != 0 {
		t.Errorf("%d and %d are left", e, p)
	}
}
