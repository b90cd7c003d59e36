package plugins_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/skillswatch"
)

// program is a plugin's executable that tests rebuild: the test binary with
// something behind it, which the system ignores.
type program struct {
	t     *testing.T
	path  string
	image []byte
}

func newProgram(t *testing.T) *program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, path: filepath.Join(t.TempDir(), "plugin"), image: image}
	p.replace(image)
	return p
}

func (p *program) spec() plugins.Spec {
	return plugins.Spec{Name: "p", Kind: skill.Kind, Path: p.path, Args: []string{plugins.RoleArg, "good"}}
}

// replace puts other content in place at once.
func (p *program) replace(content []byte) {
	p.t.Helper()
	fresh := p.path + ".new"
	if err := os.WriteFile(fresh, content, 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(fresh, p.path); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) version(n int) []byte { return fmt.Appendf(bytes.Clone(p.image), "version %d", n) }

// rebuild writes a program piece by piece where the old one was.
func (p *program) rebuild(content []byte) {
	p.t.Helper()
	f := p.create()
	for len(content) > 0 {
		n := min(len(content), 4<<20)
		if _, err := f.Write(content[:n]); err != nil {
			p.t.Fatal(err)
		}
		content = content[n:]
	}
	f.Close()
}

func (p *program) create() *os.File {
	p.t.Helper()
	if err := os.Remove(p.path); err != nil {
		p.t.Fatal(err)
	}
	f, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		p.t.Fatal(err)
	}
	return f
}

func watching(t *testing.T, o plugins.Options) plugins.Options {
	w := skillswatch.New(skillswatch.Options{})
	t.Cleanup(w.Close)
	o.Watcher = w
	return o
}

// load calls a plugin from several goroutines until it is stopped.
type load struct {
	work  sync.WaitGroup
	calls atomic.Int64
	quit  chan struct{}
}

func loadOn(t *testing.T, h *plugins.Host, name string) *load {
	l := &load{quit: make(chan struct{})}
	for range 4 {
		l.work.Go(func() {
			for {
				select {
				case <-l.quit:
					return
				default:
				}
				err := plugins.Use(t.Context(), h, name, func(ctx context.Context, p skill.Provider) error {
					_, err := p.Read(ctx, skill.ReadRequest{Path: "pid"})
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				l.calls.Add(1)
			}
		})
	}
	return l
}

func (l *load) stop() int64 {
	close(l.quit)
	l.work.Wait()
	return l.calls.Load()
}

// TestChangedProgramTakesOver: at least 1,000 calls across five changes of the
// program, one of them to something that does not run, and not one call fails.
func TestChangedProgramTakesOver(t *testing.T) {
	prog := newProgram(t)
	h := newHost(t, watching(t, plugins.Options{}), prog.spec())
	pids := map[int]bool{pidOf(t, h, "p"): true}
	l := loadOn(t, h, "p")
	changes := []func(){
		func() { prog.replace(prog.version(1)) },
		func() { prog.rebuild(prog.version(2)) },
		func() { prog.replace([]byte("#!/bin/sh\necho broken >&2\nexit 3\n")) },
		func() { prog.replace(prog.version(4)) },
		func() { prog.rebuild(prog.version(5)) },
	}
	for i, change := range changes {
		before := h.Status()[0]
		done := l.calls.Load()
		change()
		if i == 2 {
			eventually(t, "report of the broken program", 20*time.Second, func() bool { return h.Status()[0].LastError != nil })
			now := h.Status()[0]
			if now.Phase != plugins.PhaseReady || now.Restarts != 0 || now.LastError.Reason != plugins.ReasonStart {
				t.Errorf("after a broken program the status is %+v", now)
			}
		} else {
			eventually(t, "the changed program", 20*time.Second, func() bool { return h.Status()[0].PID != before.PID })
			pids[h.Status()[0].PID] = true
		}
		eventually(t, "calls", 20*time.Second, func() bool { return l.calls.Load() >= done+200 })
	}
	calls := l.stop()
	if calls < 1000 || len(pids) != 5 {
		t.Errorf("%d calls of %d processes", calls, len(pids))
	}
	last := h.Status()[0].PID
	for pid := range pids {
		if pid != last {
			eventually(t, "end of the processes that were replaced", 10*time.Second, func() bool { return !alive(pid) })
		}
	}
	t.Logf("%d calls", calls)
}

// TestPinnedProgramChanges: it is not run, the old one goes on, and the way to
// accept it is said.
func TestPinnedProgramChanges(t *testing.T) {
	prog := newProgram(t)
	spec := prog.spec()
	spec.SHA256 = sum(t, prog.path)
	var log bytes.Buffer
	h := newHost(t, watching(t, plugins.Options{Logger: hclog.New(&hclog.LoggerOptions{Output: &log})}), spec)
	pid := pidOf(t, h, "p")
	prog.replace(prog.version(1))
	eventually(t, "refusal", 20*time.Second, func() bool { return h.Status()[0].LastError != nil })
	s := h.Status()[0]
	if s.PID != pid || s.LastError.Reason != plugins.ReasonRefused || !strings.Contains(s.LastError.Detail, "codexhost plugin accept p") {
		t.Errorf("status %+v", s)
	}
	if now := pidOf(t, h, "p"); now != pid {
		t.Error("the old one does not go on")
	}
	spec.SHA256 = sum(t, prog.path) // it is accepted
	if err := h.Configure(t.Context(), []plugins.Spec{spec}); err != nil {
		t.Fatal(err)
	}
	if now := pidOf(t, h, "p"); now == pid {
		t.Error("what was accepted does not run")
	}
	h.Close(t.Context())
	if !strings.Contains(log.String(), "codexhost plugin accept p") {
		t.Errorf("the log says\n%s", log.String())
	}
}

// TestChangeEndsACrashLoop: whoever mends a broken plugin waits neither for the
// breaker nor for the next need.
func TestChangeEndsACrashLoop(t *testing.T) {
	prog := newProgram(t)
	prog.replace([]byte("#!/bin/sh\nexit 3\n"))
	h := newHost(t, watching(t, plugins.Options{Times: quick()}), prog.spec())
	for range 4 {
		_, err := read(t, h, "p", "")
		wantError(t, err, plugins.ReasonStart)
	}
	if s := h.Status()[0]; s.Phase != plugins.PhaseBroken {
		t.Fatalf("status %+v", s)
	}
	prog.replace(prog.image)
	eventually(t, "another chance", 20*time.Second, func() bool { return h.Status()[0].Phase == plugins.PhaseReady })
	mustRead(t, h, "p", "pid")
}

// TestProgramIsBeingWritten: a program that somebody still has open for writing
// is run when it is complete.
func TestProgramIsBeingWritten(t *testing.T) {
	prog := newProgram(t)
	heard := make(chan struct{}, 1)
	o := plugins.Options{Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: writerFunc(func(p []byte) {
		if bytes.Contains(p, []byte("still being written")) {
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	})})}
	h := newHost(t, o, prog.spec())
	f := prog.create()
	if _, err := f.Write(prog.image); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := read(t, h, "p", "pid")
		result <- err
	}()
	select {
	case <-heard:
	case err := <-result:
		t.Fatal("it ran while it was written: ", err)
	}
	f.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// TestSourcesOfAProgram: for an interpreted plugin the script counts.
func TestSourcesOfAProgram(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "plugin.sh")
	write := func(comment string) {
		text := "# " + comment + "\nexec " + exe + " " + plugins.RoleArg + " good\n"
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	h := newHost(t, watching(t, plugins.Options{}), plugins.Spec{Name: "s", Kind: skill.Kind, Path: "/bin/sh", Args: []string{script}, Sources: []string{script}})
	pid := pidOf(t, h, "s")
	write("two, in place")
	eventually(t, "the changed script", 20*time.Second, func() bool { return h.Status()[0].PID != pid && h.Status()[0].PID != 0 })
	mustRead(t, h, "s", "pid")
}
