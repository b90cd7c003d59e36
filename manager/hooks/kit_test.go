package hooks

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// TestMain lets the test binary be the supervisor of the programs that tests run.
func TestMain(m *testing.M) {
	if run, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(run())
	}
	os.Exit(homeless(m))
}

// homeless runs the tests without the login files of whoever runs them.
func homeless(m *testing.M) int {
	home, err := os.MkdirTemp("", "hooks")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	os.Setenv("HOME", home)
	os.Setenv("SHELL", "/bin/sh")
	return m.Run()
}

// A world is a home folder, a trusted repository and the hooks of both.
type world struct {
	t          testing.TB
	home, repo string
	loader     *config.Loader
	store      Store
	told       []protocol.HookRunSummary
}

func newWorld(t testing.TB) *world {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, home: filepath.Join(root, "home"), repo: filepath.Join(root, "repo")}
	w.write(filepath.Join(w.repo, ".git", "HEAD"), "")
	w.write(filepath.Join(w.repo, ".codex", "config.toml"), "")
	w.toml("")
	w.loader = config.New(config.Options{Home: w.home, SystemFile: filepath.Join(root, "etc", "config.toml"), Environ: func(string) string { return "" }})
	w.store.Behind = NewBackground()
	t.Cleanup(func() { w.store.Behind.Close(t.Context(), 0) })
	return w
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		w.t.Fatal(err)
	}
}

// toml writes the user's config.toml.
func (w *world) toml(text string) {
	w.write(filepath.Join(w.home, "config.toml"), text+"\n[projects.\""+w.repo+"\"]\ntrust_level = \"trusted\"\n")
}

func (w *world) file() string { return filepath.Join(w.home, fileName) }

// hooks writes the user's hooks.json: one group for each command.
func (w *world) hooks(e Event, extra string, commands ...string) {
	var groups []string
	for _, c := range commands {
		line, _ := json.Marshal(c)
		groups = append(groups, `{"hooks":[{"type":"command","command":`+string(line)+extra+`}]}`)
	}
	w.write(w.file(), `{"hooks":{"`+string(e)+`":[`+strings.Join(groups, ",")+`]}}`)
}

func (w *world) load() *Set {
	w.t.Helper()
	cfg, err := w.loader.Load(w.t.Context(), config.Query{Cwd: w.repo})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.store.Load(cfg)
}

// run raises an event with every hook trusted.
func (w *world) run(ctx context.Context, e Event, input any) Result {
	w.t.Helper()
	w.store.TrustAll = true
	w.told = nil
	return w.load().Run(ctx, Call{Event: e, Subjects: []string{"Bash"}, Input: input, Cwd: w.repo, Now: time.Now,
		Tell: func(run protocol.HookRunSummary, _ bool) { w.told = append(w.told, run) }})
}

// last is how the hook ended, with what it is shown to have said.
func (w *world) last() string {
	r := w.told[len(w.told)-1]
	text := string(r.Status)
	for _, e := range r.Entries {
		text += "|" + string(e.Kind) + ":" + e.Text
	}
	return text
}
