package plugins_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// newHost returns a host with the given specs that is closed with the test,
// and with it every process.
func newHost(t testing.TB, o plugins.Options, specs ...plugins.Spec) *plugins.Host {
	t.Helper()
	o.Kinds = []plugins.Kind{skill.Contract(nil)}
	o.Specs = append(o.Specs, specs...)
	if o.RunDir == "" {
		o.RunDir = shortTempDir(t)
	}
	h, err := plugins.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(t.Context()); err != nil {
			t.Error("closing:", err)
		}
		if left, _ := filepath.Glob(filepath.Join(o.RunDir, "*", "*")); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
	return h
}

// shortTempDir is short enough for the path of a socket, unlike t.TempDir.
func shortTempDir(t testing.TB) string {
	d, err := os.MkdirTemp("", "chp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

func builtin(role string, args ...string) plugins.Spec {
	s := plugins.Builtin(role, skill.Kind, role)
	s.Args = append(s.Args, args...)
	return s
}

// read calls Read of the named plugin; the path says what it does.
func read(t testing.TB, h *plugins.Host, name, path string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := plugins.Get[skill.Provider](ctx, h, name)
	if err != nil {
		return "", err
	}
	c, err := p.Read(ctx, skill.ReadRequest{Path: path})
	return string(c.Text), err
}

func mustRead(t testing.TB, h *plugins.Host, name, path string) string {
	t.Helper()
	s, err := read(t, h, name, path)
	if err != nil {
		t.Fatalf("reading %s of %s: %v", path, name, err)
	}
	return s
}

// wantError checks that err is the host's own account, with the given reason.
func wantError(t *testing.T, err error, reason plugins.Reason) *plugins.Error {
	t.Helper()
	e, ok := errors.AsType[*plugins.Error](err)
	if !ok || e.Reason != reason {
		t.Fatalf("got %v, want an *Error with reason %q", err, reason)
	}
	return e
}

func TestCalls(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("good"))
	if got := h.Status()[0]; got.Phase != plugins.PhaseIdle || got.PID != 0 {
		t.Errorf("before the first need the status is %+v", got)
	}
	pid := mustRead(t, h, "good", "pid")
	if got := h.Status()[0]; got.Phase != plugins.PhaseReady || fmt.Sprint(got.PID) != pid || got.Version != 1 || got.Generation != 1 {
		t.Errorf("status %+v, want pid %s", got, pid)
	}
	if got := mustRead(t, h, "good", "big"); len(got) != 10<<20 {
		t.Errorf("a text of 10 MiB came as %d bytes", len(got))
	}
	if _, err := read(t, h, "good", "missing"); !errors.Is(err, skill.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, err := read(t, h, "good", "fail:me"); err == nil || !strings.Contains(err.Error(), "no luck: me") {
		t.Errorf("the provider's words are lost: %v", err)
	}
	if got := mustRead(t, h, "good", "print"); got != "printed" {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p, _ := plugins.Get[skill.Provider](ctx, h, "good")
	if _, err := p.Read(ctx, skill.ReadRequest{Path: "hang"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's deadline", err)
	}
	if got := mustRead(t, h, "good", "pid"); got != pid {
		t.Errorf("another process serves: %s, was %s", got, pid)
	}
	if _, err := read(t, h, "absent", ""); !errors.Is(err, plugins.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

func TestBigListing(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("good"))
	p, err := plugins.Get[skill.Provider](t.Context(), h, "good")
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.List(t.Context(), skill.ListRequest{Cwd: "/many/2000"})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Skills) != 2000 || l.Generation != 7 || l.Skills[1999].Name != "skill-1999" || l.Skills[0].Scope != skill.ScopeRepo {
		t.Errorf("got %d skills, generation %d", len(l.Skills), l.Generation)
	}
}

func TestConcurrentFirstNeedLaunchesOnce(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("good"))
	var wg sync.WaitGroup
	pids := make([]string, 50)
	for i := range pids {
		wg.Go(func() { pids[i], _ = read(t, h, "good", "pid") })
	}
	wg.Wait()
	for _, p := range pids {
		if p == "" || p != pids[0] {
			t.Fatalf("several processes, or failures: %q", pids)
		}
	}
	if g := h.Status()[0].Generation; g != 1 {
		t.Errorf("%d launches", g)
	}
}

func TestStdout(t *testing.T) {
	for _, role := range []string{"banner", "flood"} {
		t.Run(role, func(t *testing.T) {
			h := newHost(t, plugins.Options{}, builtin(role))
			if got := mustRead(t, h, role, ""); got != "ok" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestStdinIsNotTheHosts(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	w.WriteString(`{"method":"initialize"}`)
	defer func(old *os.File) { os.Stdin = old }(os.Stdin)
	os.Stdin = r

	h := newHost(t, plugins.Options{}, builtin("reads-stdin"))
	if got := mustRead(t, h, "reads-stdin", "stdin"); got != `"" <nil>` {
		t.Errorf("the plugin read %s", got)
	}
	b := make([]byte, 100)
	if n, _ := r.Read(b); string(b[:n]) != `{"method":"initialize"}` {
		t.Errorf("of the host's stdin only %q is left", b[:n])
	}
}

func TestStartFailures(t *testing.T) {
	missing := plugins.Spec{Name: "missing", Kind: skill.Kind, Path: "/nowhere/at/all"}
	mute := builtin("mute")
	mute.StartTimeout = 200 * time.Millisecond
	for _, c := range []struct {
		spec   plugins.Spec
		reason plugins.Reason
		detail string
		stderr string
	}{
		{missing, plugins.ReasonRefused, "no such file", ""},
		{mute, plugins.ReasonStart, "no handshake within 200ms", ""},
		{builtin("exits"), plugins.ReasonStart, "exit status 3", "cannot find my files"},
	} {
		t.Run(c.spec.Name, func(t *testing.T) {
			h := newHost(t, plugins.Options{}, c.spec)
			start := time.Now()
			_, err := read(t, h, c.spec.Name, "")
			e := wantError(t, err, c.reason)
			if !strings.Contains(e.Detail, c.detail) || !strings.Contains(strings.Join(e.Stderr, "\n"), c.stderr) {
				t.Errorf("the error says %q, stderr %q", e.Detail, e.Stderr)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
			if got := h.Status()[0]; got.Phase != plugins.PhaseIdle || got.LastError == nil {
				t.Errorf("status %+v", got)
			}
		})
	}
}

func TestEnvironmentAndFolder(t *testing.T) {
	spec := builtin("good")
	spec.Env = []string{"WANTED", "PRE_*"}
	spec.Set = map[string]string{"FIXED": "1", "HOME": "/elsewhere"}
	dir := shortTempDir(t)
	h := newHost(t, plugins.Options{RunDir: dir, Environ: func() []string {
		return []string{"OPENAI_API_KEY=secret", "GITHUB_TOKEN=secret", "PATH=/bin", "HOME=/home/u", "WANTED=yes", "PRE_A=a", "PREX=x"}
	}}, spec)
	env := "\n" + mustRead(t, h, "good", "env") + "\n"
	for _, want := range []string{"PATH=/bin", "HOME=/elsewhere", "WANTED=yes", "PRE_A=a", "FIXED=1"} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for _, not := range []string{"secret", "PREX", "/home/u"} {
		if strings.Contains(env, not) {
			t.Errorf("the plugin sees %s", not)
		}
	}
	if cwd := mustRead(t, h, "good", "cwd"); !strings.HasPrefix(cwd, dir) {
		t.Errorf("it runs in %s, not below %s", cwd, dir)
	}
	socks, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*"))
	if len(socks) != 1 {
		t.Errorf("sockets: %q", socks)
	}
	for d := filepath.Dir(socks[0]); d != filepath.Dir(dir); d = filepath.Dir(d) {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", d, info.Mode(), err)
		}
	}
}

func sum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestSpecsAreChecked(t *testing.T) {
	good := builtin("good")
	for _, c := range []struct {
		change func(*plugins.Spec)
		want   string
	}{
		{func(s *plugins.Spec) { s.Name = "" }, "plugin name"},
		{func(s *plugins.Spec) { s.Name = "../x" }, "plugin name"},
		{func(s *plugins.Spec) { s.Name = ".." }, "plugin name"},
		{func(s *plugins.Spec) { s.Kind = "toaster" }, "unknown kind"},
		{func(s *plugins.Spec) { s.Path = "bin/x" }, "not absolute"},
		{func(s *plugins.Spec) { s.Dir = "x" }, "not absolute"},
		{func(s *plugins.Spec) { s.SHA256 = "abc" }, "64 hex digits"},
	} {
		s := good
		c.change(&s)
		_, err := plugins.New(plugins.Options{Kinds: []plugins.Kind{skill.Contract(nil)}, Specs: []plugins.Spec{s}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", s, err)
		}
	}
	if _, err := plugins.New(plugins.Options{Kinds: []plugins.Kind{skill.Contract(nil)}, Specs: []plugins.Spec{good, good}}); err == nil {
		t.Error("two of a name")
	}
}
