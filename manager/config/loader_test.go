package config

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// age makes a file old enough for its stamp to be relied on.
func age(t testing.TB, path string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

func TestLoadIsCachedUntilSomethingChanges(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	file := filepath.Join(w.home, "config.toml")
	w.user("model = \"a\"\n[projects.\"" + w.ws + "\"]\ntrust_level=\"trusted\"\n")
	age(t, file)
	l := New(w.opts)
	load := func() *Config {
		t.Helper()
		c, err := l.Load(ctx, Query{Cwd: w.ws})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := load()
	if load() != first {
		t.Error("an unchanged configuration is built again")
	}
	steps := []struct {
		name  string
		do    func()
		check func(*Config) bool
	}{
		{"same size, at once", func() { w.user("model = \"b\"\n[projects.\"" + w.ws + "\"]\ntrust_level=\"trusted\"\n") }, func(c *Config) bool { return c.Model == "b" }},
		{"same size again", func() { w.user("model = \"c\"\n[projects.\"" + w.ws + "\"]\ntrust_level=\"trusted\"\n") }, func(c *Config) bool { return c.Model == "c" }},
		{"project file appears", func() { w.project("", "model = \"p\"\n") }, func(c *Config) bool { return c.Model == "p" }},
		{"project file goes", func() { os.RemoveAll(filepath.Join(w.ws, ".codex")) }, func(c *Config) bool { return c.Model == "c" }},
		{"system file appears", func() { w.system("review_model = \"s\"\n") }, func(c *Config) bool { return c.ReviewModel == "s" }},
		{"repository appears", func() { w.file(filepath.Join(filepath.Dir(w.ws), ".git", "HEAD"), "") }, func(c *Config) bool { return c.ProjectRoot == w.ws }},
		{"repository goes", func() { os.RemoveAll(filepath.Join(w.ws, ".git")) }, func(c *Config) bool { return c.ProjectRoot == filepath.Dir(w.ws) }},
		{"user file goes", func() { os.Remove(file) }, func(c *Config) bool { return c.Model == "" }},
		{"user file is back", func() { w.user("model = \"d\"\n") }, func(c *Config) bool { return c.Model == "d" }},
	}
	for _, s := range steps {
		s.do()
		if c := load(); !s.check(c) {
			t.Errorf("%s: not seen: %+v", s.name, c)
		}
	}
}

func TestErrorsAreNotSticky(t *testing.T) {
	w := newWorld(t)
	l := New(w.opts)
	for _, step := range []struct {
		text string
		ok   bool
	}{{"model = [", false}, {"model = \"a\"", true}, {"model = 7", false}, {"", true}} {
		w.user(step.text)
		if _, err := l.Load(context.Background(), Query{Cwd: w.ws}); (err == nil) != step.ok {
			t.Errorf("%q: %v", step.text, err)
		}
	}
}

func TestConfigFileThatIsNoFile(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(filepath.Join(w.home, "config.toml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := w.load(Query{}); err == nil {
		t.Error("a folder was read as a file")
	}
}

// Two hosts share the file: neither may lose what the other wrote.
func TestTwoLoadersWrite(t *testing.T) {
	w := newWorld(t)
	w.user("# shared\n")
	var wg sync.WaitGroup
	for i := range 2 {
		l := New(w.opts)
		wg.Go(func() {
			for n := range 10 {
				key := "h" + index(i) + ".k" + index(n)
				if _, err := l.Write(context.Background(), []Edit{{KeyPath: key, Value: []byte("1")}}, "", ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c := w.must(Query{})
	lost := 0
	for i := range 2 {
		t0, _ := lookup(c.merged, []string{"h" + index(i)})
		keys, _ := t0.(map[string]any)
		lost += 10 - len(keys)
	}
	if lost > 0 {
		t.Errorf("%d writes are lost", lost)
	}
}

func TestNewTouchesNothing(t *testing.T) {
	l := New(Options{Home: "/nonexistent/home", SystemFile: "/nonexistent/system"})
	if c, err := l.Load(context.Background(), Query{}); err != nil || c.Model != "" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	w.user("model = \"a\"\n")
	l := New(w.opts)
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 8 {
				if _, err := l.Load(ctx, Query{Cwd: w.ws}); err != nil {
					t.Error(err)
				}
				if _, err := l.Write(ctx, []Edit{{KeyPath: "k" + index(i), Value: []byte(index(n))}}, "", ""); err != nil {
					t.Error(err)
				}
				if _, err := l.Read(ctx, w.ws, true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c, err := l.Load(ctx, Query{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if v, _ := lookup(c.merged, []string{"k" + index(i)}); v != int64(7) {
			t.Errorf("k%d = %v: a write was lost", i, v)
		}
	}
}

func BenchmarkLoadCached(b *testing.B) {
	root := b.TempDir()
	home, ws := filepath.Join(root, "home"), filepath.Join(root, "ws")
	deep := filepath.Join(ws, "a", "b", "c")
	for _, dir := range []string{home, filepath.Join(ws, ".git"), deep} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			b.Fatal(err)
		}
	}
	for path, text := range map[string]string{filepath.Join(home, "config.toml"): "model = \"m\"\n" + mock, filepath.Join(ws, ".git", "HEAD"): "x"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		age(b, path)
	}
	l := New(Options{Home: home})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Load(ctx, Query{Cwd: deep}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadOverrides(b *testing.B) {
	home := b.TempDir()
	path := filepath.Join(home, "config.toml")
	if err := os.WriteFile(path, []byte("model = \"m\"\n"+mock), 0o600); err != nil {
		b.Fatal(err)
	}
	age(b, path)
	l := New(Options{Home: home})
	ctx := context.Background()
	over := map[string]any{"model_reasoning_effort": "low"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Load(ctx, Query{Cwd: home, Overrides: over}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadCold is what a process pays once, and every change of a file.
func BenchmarkLoadCold(b *testing.B) {
	home := b.TempDir()
	path := filepath.Join(home, "config.toml")
	if err := os.WriteFile(path, []byte("model = \"m\"\n"+mock+"[features]\nhooks = false\n[mcp_servers.a]\ncommand = \"x\"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	age(b, path)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{Home: home}).Load(ctx, Query{Cwd: home}); err != nil {
			b.Fatal(err)
		}
	}
}
