package manager_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A home is a CODEX_HOME with a manager over it, whose model is the offline one.
type home struct {
	testing.TB
	*manager.Manager
	dir, cwd string
	store    *rollout.Store // another look at the same files
}

func newHome(t testing.TB, change ...func(*manager.Options)) *home {
	t.Helper()
	h := newFolders(t).in(t)
	h.boot(change...)
	t.Cleanup(h.stop)
	return h
}

// folders are a home and a working folder.
type folders struct{ dir, cwd string }

func newFolders(t testing.TB) folders {
	t.Helper()
	f := folders{t.TempDir(), t.TempDir()}
	if real, err := filepath.EvalSymlinks(f.cwd); err == nil {
		f.cwd = real
	}
	if err := os.WriteFile(filepath.Join(f.dir, "config.toml"), []byte("model_provider = \"offline\"\n[codexhost]\nfsync = \"off\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// in makes a home of the folders whose manager is not started yet.
func (f folders) in(t testing.TB) *home {
	return &home{TB: t, dir: f.dir, cwd: f.cwd, store: rollout.NewStore(f.dir, rollout.Options{Fsync: rollout.FsyncOff})}
}

// boot starts a manager, as a new process would.
func (h *home) boot(change ...func(*manager.Options)) {
	h.Helper()
	o := manager.Options{Home: h.dir, Cwd: h.cwd, Version: "0.0.1", Log: hclog.NewNullLogger(),
		Config: config.New(config.Options{Home: h.dir, SystemFile: filepath.Join(h.dir, "none.toml")})}
	for _, f := range change {
		f(&o)
	}
	m, err := manager.New(o)
	if err != nil {
		h.Fatal(err)
	}
	h.Manager = m
}

func (h *home) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		h.Errorf("closing the manager: %v", err)
	}
}

// restart ends the manager and starts another one on the same home.
func (h *home) restart() {
	h.Helper()
	h.stop()
	h.boot()
}

// start makes a thread that has had the given turns.
func (h *home) start(turns ...string) *thread.Thread {
	h.Helper()
	o, err := h.Start(h.Context(), manager.StartParams{})
	if err != nil {
		h.Fatal(err)
	}
	for _, text := range turns {
		h.turn(o.Thread, text)
	}
	return o.Thread
}

// turn runs a turn to its end and returns its id.
func (h *home) turn(t *thread.Thread, text string) string {
	h.Helper()
	id := h.begin(t, text)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := t.WaitIdle(ctx); err != nil {
		h.Fatalf("turn %q does not end: %v", text, err)
	}
	return id
}

// begin starts a turn.
func (h *home) begin(t *thread.Thread, text string) string {
	h.Helper()
	r, err := t.Submit(h.Context(), &thread.UserTurn{Input: []protocol.UserInput{&protocol.UserInputText{Text: text}}})
	if err != nil {
		h.Fatal(err)
	}
	r.Release()
	return r.TurnID
}

// said is what the user and the model said, as another reader of the file sees it.
func (h *home) said(id string) []string {
	h.Helper()
	history, err := h.store.Read(id)
	if err != nil {
		h.Fatal(err)
	}
	return said(h.TB, history)
}

func said(t testing.TB, history *rollout.History) (out []string) {
	t.Helper()
	turns, err := history.Turns()
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		for _, item := range turn.Items {
			switch item := item.(type) {
			case *protocol.ThreadItemUserMessage:
				for _, c := range item.Content {
					if text, ok := c.(*protocol.UserInputText); ok {
						out = append(out, "user: "+text.Text)
					}
				}
			case *protocol.ThreadItemAgentMessage:
				out = append(out, "agent: "+item.Text)
			}
		}
	}
	return out
}

// A listener is a client that keeps what it hears.
type listener struct {
	*manager.Client
	mu    sync.Mutex
	heard []thread.Event
	more  chan struct{} // has room for one: something was heard
}

func (h *home) listen() *listener {
	l := &listener{more: make(chan struct{}, 1)}
	l.Client = h.Connect(l)
	return l
}

func (l *listener) Event(_ context.Context, e thread.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, e)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *listener) Ask(context.Context, thread.Question) ([]byte, error) { return nil, os.ErrClosed }

// methods are the methods that were heard, in order.
func (l *listener) methods() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.heard {
		out = append(out, e.Method)
	}
	return out
}

// await waits until a method was heard.
func (l *listener) await(t testing.TB, method string) thread.Event {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		i := slices.IndexFunc(l.heard, func(e thread.Event) bool { return e.Method == method })
		if i >= 0 {
			defer l.mu.Unlock()
			return l.heard[i]
		}
		l.mu.Unlock()
		select {
		case <-l.more:
		case <-late:
			t.Fatalf("%s was not heard, only %v", method, l.methods())
		}
	}
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// heap is how much memory is in use once the garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
