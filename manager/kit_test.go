package manager_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/plugins"
	builtinmcp "github.com/codexhost/codexhost/plugins/builtin/mcp"
	"github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The test binary is also the built-in plugins.
func TestMain(m *testing.M) {
	if role, ok := plugins.Role(os.Args[1:]); ok {
		switch role {
		case manager.SkillsPlugin:
			skill.Serve(skills.New())
		case manager.MCPPlugin:
			mcp.Serve(builtinmcp.New())
		}
		os.Exit(2)
	}
	os.Exit(run(m))
}

// run keeps the tests away from the user's own home and keys.
func run(m *testing.M) int {
	home, err := os.MkdirTemp("", "codexhost-manager")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	os.Setenv("HOME", home)
	os.Setenv("OPENAI_API_KEY", "")
	return m.Run()
}

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// bench is a manager on a home of its own.
type bench struct {
	*testing.T
	*manager.Manager
	home, cwd string
}

// newBench makes a manager; configuration is the text of config.toml, in which
// $CWD stands for its folder.
func newBench(t *testing.T, configuration string) *bench {
	t.Helper()
	b := &bench{T: t, home: realTemp(t), cwd: realTemp(t)}
	if configuration != "" {
		b.write("config.toml", os.Expand(configuration, func(string) string { return b.cwd }))
	}
	b.boot()
	t.Cleanup(b.close)
	return b
}

func realTemp(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (b *bench) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.home, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// boot starts a manager on the home, as a new process would.
func (b *bench) boot() {
	b.Helper()
	m, err := manager.New(manager.Options{Home: b.home, Cwd: b.cwd, Version: "0.0.1", Log: hclog.NewNullLogger(),
		Config: config.New(config.Options{Home: b.home, SystemFile: filepath.Join(b.home, "no-system.toml")})})
	if err != nil {
		b.Fatal(err)
	}
	b.Manager = m
}

func (b *bench) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		b.Errorf("closing the manager: %v", err)
	}
}

// start makes a thread.
func (b *bench) start(p manager.StartParams) *manager.Opened {
	b.Helper()
	o, err := b.Start(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	b.Begun(b.Context(), o)
	return o
}

// turn says something in a thread and waits for the end of the turn.
func (b *bench) turn(t *thread.Thread, text string) string {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	r, err := t.Submit(ctx, &thread.UserTurn{Input: []protocol.UserInput{&protocol.UserInputText{Text: text}}})
	if err != nil {
		b.Fatal(err)
	}
	r.Release()
	if err := t.WaitIdle(ctx); err != nil {
		b.Fatal(err)
	}
	return r.TurnID
}

// stored starts a thread, runs turns in it, and gives its id and theirs.
func (b *bench) stored(says ...string) (id string, turns []string) {
	b.Helper()
	o := b.start(manager.StartParams{})
	for _, text := range says {
		turns = append(turns, b.turn(o.Thread, text))
	}
	return o.View.ID, turns
}

// listed is the ids of the stored threads.
func (b *bench) listed(archived bool) (ids []string) {
	b.Helper()
	r, err := b.List(b.Context(), &protocol.ThreadListParams{Archived: &archived})
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range r.Data {
		ids = append(ids, v.ID)
	}
	return ids
}

// client is a program that uses the manager: it notes what it hears, and answers
// questions as the test says.
type client struct {
	ask func(ctx context.Context, q thread.Question) ([]byte, error)

	mu      sync.Mutex // guards the fields below
	arrived sync.Cond  // signalled with every event
	events  []thread.Event
}

func newClient() *client {
	c := &client{}
	c.arrived.L = &c.mu
	return c
}

func (c *client) Event(_ context.Context, e thread.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	c.arrived.Broadcast()
}

func (c *client) Ask(ctx context.Context, q thread.Question) ([]byte, error) { return c.ask(ctx, q) }

// methods is what the client has heard, of one thread or of all.
func (c *client) methods(thread string) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if thread == "" || e.Thread == thread {
			out = append(out, e.Method)
		}
	}
	return out
}

func (c *client) heard(method string) bool { return slices.Contains(c.methods(""), method) }

// await waits for a notification.
func (c *client) await(t *testing.T, method string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	late := time.AfterFunc(patience, c.arrived.Broadcast)
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !slices.ContainsFunc(c.events, func(e thread.Event) bool { return e.Method == method }) {
		if !time.Now().Before(deadline) {
			t.Fatalf("%s does not come", method)
		}
		c.arrived.Wait()
	}
}

// blocker is a client that breaks the rules: it does not return from an event.
type blocker struct {
	*client
	thread  string
	blocks  atomic.Bool
	once    sync.Once
	blocked chan struct{} // closed when it has begun to block
	release chan struct{}
}

func newBlocker(thread string) *blocker {
	return &blocker{client: newClient(), thread: thread, blocked: make(chan struct{}), release: make(chan struct{})}
}

func (b *blocker) Event(_ context.Context, e thread.Event) {
	if b.blocks.Load() && e.Thread == b.thread && e.Kind == thread.Told {
		b.once.Do(func() { close(b.blocked) })
		<-b.release
	}
}
