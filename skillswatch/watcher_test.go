package skillswatch

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a source that tests speak through.
type fake struct {
	mu    sync.Mutex
	added map[string]int
	out   chan Notice
	once  sync.Once
}

func newFake() *fake { return &fake{added: map[string]int{}, out: make(chan Notice)} }

func (f *fake) Add(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.added[dir]++
	return nil
}

func (f *fake) Remove(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.added, dir)
}

func (f *fake) Notices() <-chan Notice { return f.out }
func (f *fake) Close() error           { f.once.Do(func() { close(f.out) }); return nil }

func (f *fake) watched() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for dir := range f.added {
		out = append(out, dir)
	}
	slices.Sort(out)
	return out
}

// record keeps what a registration was told.
type record struct {
	mu     sync.Mutex
	events []Event
}

func (r *record) saw(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// told is everything so far, once everybody came to rest.
func (r *record) told() []Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	do(t, err)
	return dir
}

func TestNothingRunsBeforeTheFirstWatch(t *testing.T) {
	before := runtime.NumGoroutine()
	w := New(Options{})
	if w.Mode() != Idle || runtime.NumGoroutine() > before {
		t.Errorf("mode %s, %d goroutines more", w.Mode(), runtime.NumGoroutine()-before)
	}
	w.Close()
	w.Close()
	if r := w.Watch([]Root{{Path: t.TempDir()}}, func(Event) {}); r == nil {
		t.Error("no registration after Close")
	} else {
		r.Close()
	}
}

func TestBurstsBecomeOneEvent(t *testing.T) {
	dir := realDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Source: f})
		var rec record
		w.Watch([]Root{{Path: dir}}, rec.saw)
		send := func(name string) { f.out <- Notice{Path: filepath.Join(dir, name)} }
		send("b")
		send("a")
		send("b")
		time.Sleep(49 * time.Millisecond)
		if len(rec.told()) != 0 {
			t.Error("told before the burst was over")
		}
		time.Sleep(time.Millisecond)
		if len(rec.told()) != 1 {
			t.Error("not told when the burst was over")
		}
		time.Sleep(time.Second)
		for range 100 { // a second of steady writing
			send("c")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if got := rec.told(); len(got) < 4 || len(got) > 6 || !slices.Equal(got[0].Paths, []string{dir + "/a", dir + "/b"}) {
			t.Errorf("got %v", got)
		}
		w.Close()
	})
}

func TestOverflowLooksAtEverything(t *testing.T) {
	dir := realDir(t)
	do(t, os.Mkdir(dir+"/r", 0o700))
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Source: f})
		var rec record
		w.Watch([]Root{{Path: dir + "/r", Recursive: true}, {Path: dir + "/AGENTS.md", File: true}}, rec.saw)
		do(t, os.MkdirAll(dir+"/r/new/sub", 0o700)) // nobody is told
		f.out <- Notice{Overflow: true}
		time.Sleep(time.Second)
		if got := rec.told(); len(got) != 1 || !got[0].Overflow || !slices.Equal(got[0].Paths, []string{dir + "/AGENTS.md", dir + "/r"}) {
			t.Errorf("got %v", got)
		}
		if want := []string{dir, dir + "/r", dir + "/r/new", dir + "/r/new/sub"}; !slices.Equal(f.watched(), want) {
			t.Errorf("watched %v", f.watched())
		}
		w.Close()
	})
}

func TestTooMuchIsOverflow(t *testing.T) {
	dir := realDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Source: f})
		var rec record
		w.Watch([]Root{{Path: dir}}, rec.saw)
		for i := range maxHeard + 10 {
			f.out <- Notice{Path: filepath.Join(dir, time.Duration(i).String())}
		}
		time.Sleep(time.Second)
		if got := rec.told(); len(got) != 1 || !got[0].Overflow || len(got[0].Paths) != 1 {
			t.Errorf("%d events, overflow %v", len(got), got[0].Overflow)
		}
		w.Close()
	})
}

// A slow callback must not hold up the source: what comes meanwhile is told afterwards.
func TestSlowCallback(t *testing.T) {
	dir := realDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Source: f})
		var rec record
		w.Watch([]Root{{Path: dir}}, func(e Event) {
			rec.saw(e)
			time.Sleep(10 * time.Second)
		})
		f.out <- Notice{Path: dir + "/a"}
		time.Sleep(time.Second)
		for range 1000 {
			f.out <- Notice{Path: dir + "/b"}
		}
		time.Sleep(time.Minute)
		if got := rec.told(); len(got) != 2 || got[1].Paths[0] != dir+"/b" {
			t.Errorf("got %v", got)
		}
		w.Close()
	})
}

func TestBrokenSourceBecomesPolling(t *testing.T) {
	dir := realDir(t)
	write(t, dir+"/f", "1")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Source: f})
		var rec record
		w.Watch([]Root{{Path: dir}}, rec.saw)
		f.Close()
		time.Sleep(time.Second)
		if w.Mode() != Polling || len(w.Warnings()) != 1 {
			t.Errorf("mode %s, warnings %v", w.Mode(), w.Warnings())
		}
		if got := rec.told(); len(got) != 1 || !got[0].Overflow {
			t.Errorf("got %v", got)
		}
		write(t, dir+"/f", "changed")
		time.Sleep(2 * time.Second)
		if got := rec.told(); len(got) != 2 || !slices.Equal(got[1].Paths, []string{dir + "/f"}) {
			t.Errorf("got %v", got)
		}
		w.Close()
	})
}

func TestReferencesAreCounted(t *testing.T) {
	dir := realDir(t)
	do(t, os.MkdirAll(dir+"/a/b", 0o700))
	do(t, os.MkdirAll(dir+"/c", 0o700))
	f := newFake()
	w := New(Options{Source: f})
	defer w.Close()
	none := func(Event) {}
	r1 := w.Watch([]Root{{Path: dir + "/a", Recursive: true}}, none)
	r2 := w.Watch([]Root{{Path: dir + "/a", Recursive: true}, {Path: dir + "/a/b"}}, none)
	all := []string{dir, dir + "/a", dir + "/a/b"}
	if !slices.Equal(f.watched(), all) {
		t.Errorf("watched %v", f.watched())
	}
	for d, n := range f.added {
		if n != 1 {
			t.Errorf("%s was added %d times", d, n)
		}
	}
	r1.Close()
	r1.Close()
	if !slices.Equal(f.watched(), all) {
		t.Errorf("after one: %v", f.watched())
	}
	r2.Update([]Root{{Path: dir + "/c"}})
	if want := []string{dir, dir + "/c"}; !slices.Equal(f.watched(), want) {
		t.Errorf("after Update: %v", f.watched())
	}
	r2.Close()
	if len(f.watched()) != 0 {
		t.Errorf("left: %v", f.watched())
	}
	r2.Update([]Root{{Path: dir}})
	if len(f.watched()) != 0 {
		t.Error("a closed registration watches")
	}
}

func TestDepthAndIgnore(t *testing.T) {
	dir := realDir(t)
	do(t, os.MkdirAll(dir+"/r/1/2/3", 0o700))
	do(t, os.MkdirAll(dir+"/r/.hidden", 0o700))
	do(t, os.MkdirAll(dir+"/r/node_modules/x", 0o700))
	f := newFake()
	w := New(Options{Source: f})
	defer w.Close()
	w.Watch([]Root{{Path: dir + "/r", Recursive: true, Depth: 2, Ignore: []string{".*"}}}, func(Event) {})
	if want := []string{dir, dir + "/r", dir + "/r/1", dir + "/r/1/2"}; !slices.Equal(f.watched(), want) {
		t.Errorf("watched %v", f.watched())
	}
}

func TestInert(t *testing.T) {
	for name, o := range map[string]Options{"off": {Off: true}, "nothing to be had": {Source: brokenSource(), PollInterval: -1}} {
		t.Run(name, func(t *testing.T) {
			w := New(o)
			r := w.Watch([]Root{{Path: t.TempDir(), Recursive: true}}, func(Event) { t.Error("called") })
			if !o.Off && len(w.Warnings()) == 0 {
				t.Error("nothing is said")
			}
			r.Close()
			w.Close()
			w.Close()
		})
	}
}

func TestCloseFromEverywhere(t *testing.T) {
	dir := t.TempDir()
	w := New(Options{Debounce: time.Millisecond, MaxDebounce: 2 * time.Millisecond})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var r *Registration
			ready := make(chan struct{})
			r = w.Watch([]Root{{Path: dir, Recursive: true}}, func(Event) {
				<-ready
				r.Close() // from its own callback
			})
			close(ready)
			_ = os.WriteFile(filepath.Join(dir, time.Duration(i).String()), nil, 0o600)
			if i%2 == 0 {
				w.Close()
			}
		})
	}
	wg.Wait()
	w.Close()
}

func BenchmarkWatch1000(b *testing.B) {
	root := b.TempDir()
	for i := range 1000 {
		if err := os.Mkdir(filepath.Join(root, time.Duration(i).String()), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		w := New(Options{})
		w.Watch([]Root{{Path: root, Recursive: true}}, func(Event) {})
		w.Close()
	}
}

func BenchmarkNoteNobodyWants(b *testing.B) {
	dir := b.TempDir()
	f := newFake()
	w := New(Options{Source: f})
	defer w.Close()
	w.Watch([]Root{{Path: dir + "/config.toml", File: true}}, func(Event) {})
	n := Notice{Path: dir + "/state.sqlite-wal"}
	b.ReportAllocs()
	for b.Loop() {
		w.note(n)
	}
}
