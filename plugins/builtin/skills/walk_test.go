package skills

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/skill"
)

// tree makes files under a fresh folder, the canonical path of which it
// returns. A value that begins with "->" is a link, with "|" a pipe, and one
// that ends the path with "/" an empty folder; "ok" is a good skill.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		plant(t, base, name, content)
	}
	return base
}

func plant(t testing.TB, base, name, content string) {
	t.Helper()
	path := filepath.Join(base, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	switch {
	case strings.HasSuffix(name, "/"):
		err = os.MkdirAll(path, 0o755)
	case strings.HasPrefix(content, "->"):
		err = os.Symlink(strings.ReplaceAll(content[2:], "$BASE", base), path)
	case content == "|":
		err = mkfifo(path)
	default:
		if content == "ok" {
			content = "---\nname: " + filepath.Base(filepath.Dir(path)) + "\ndescription: d\n---\n"
		}
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// list returns what the provider finds, as sorted "path" and "path: problem"
// lines relative to base.
func list(t testing.TB, p *Provider, base string, roots ...skill.Root) []string {
	t.Helper()
	for i := range roots {
		roots[i].Path = filepath.Join(base, roots[i].Path)
		if roots[i].Within != "" {
			roots[i].Within = filepath.Join(base, roots[i].Within)
		}
		if roots[i].Scope == "" {
			roots[i].Scope = skill.ScopeUser
		}
	}
	l, err := p.List(t.Context(), skill.ListRequest{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range l.Skills {
		out = append(out, strings.TrimPrefix(s.Path, base+"/"))
	}
	for _, e := range l.Errors {
		out = append(out, strings.ReplaceAll(e.Path+": "+e.Message, base+"/", ""))
	}
	slices.Sort(out)
	return out
}

func TestWalk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and pipes are made in another way here")
	}
	user := []skill.Root{{Path: "r"}}
	repo := []skill.Root{{Path: "ws/.agents/skills", Scope: skill.ScopeRepo, Within: "ws"}}
	deep := map[string]string{"r/1/2/3/4/5/deep6/SKILL.md": "ok", "r/1/2/3/4/5/6/deep7/SKILL.md": "ok"}
	for _, c := range []struct {
		name  string
		files map[string]string
		roots []skill.Root
		want  []string
	}{
		{"missing root", nil, user, nil},
		{"root is a file", map[string]string{"r": "x"}, user, nil},
		{"nested, root itself", map[string]string{"r/SKILL.md": "ok", "r/a/SKILL.md": "ok", "r/a/b/SKILL.md": "ok"}, user,
			[]string{"r/SKILL.md", "r/a/SKILL.md", "r/a/b/SKILL.md"}},
		{"hidden", map[string]string{"r/.a/SKILL.md": "ok", "r/a/.b/SKILL.md": "ok"}, user, nil},
		{"depth", deep, user, []string{"r/1/2/3/4/5/deep6/SKILL.md"}},
		{"other names", map[string]string{"r/a/skill.md": "ok", "r/b/SKILL.txt": "ok", "r/c/SKILL.md/x": "y"}, user, nil},
		{"a bad one hides no other", map[string]string{"r/a/SKILL.md": "nothing", "r/b/SKILL.md": "ok"}, user,
			[]string{"r/a/SKILL.md: missing YAML frontmatter delimited by ---", "r/b/SKILL.md"}},
		{"not UTF-8", map[string]string{"r/a/SKILL.md": "---\ndescription: \xff\n---\n"}, user,
			[]string{"r/a/SKILL.md: failed to read file: invalid utf-8 sequence of 1 bytes from index 17"}},
		{"pipe and device", map[string]string{"r/a/SKILL.md": "|", "r/b/SKILL.md": "->/dev/zero", "r/c/SKILL.md": "ok"}, user,
			[]string{"r/c/SKILL.md"}},

		{"linked folder shows its target", map[string]string{"r/l": "->$BASE/out/x", "out/x/SKILL.md": "ok"}, user, []string{"out/x/SKILL.md"}},
		{"linked file shows its target", map[string]string{"r/l/SKILL.md": "->../../out/deploy.md", "out/deploy.md": "ok"}, user,
			[]string{"out/deploy.md"}},
		{"relative link to a link", map[string]string{"r/l": "->m", "r/m": "->../out/x", "out/x/SKILL.md": "ok"}, user, []string{"out/x/SKILL.md"}},
		{"circles", map[string]string{"r/a/SKILL.md": "ok", "r/a/up": "->..", "r/self": "->self", "r/root": "->$BASE/r"}, user,
			[]string{"r/a/SKILL.md"}},
		{"dangling", map[string]string{"r/l": "->../nowhere", "r/k/SKILL.md": "->gone.md"}, user,
			[]string{"r/k/SKILL.md: link leads nowhere: gone.md", "r/l: link leads nowhere: ../nowhere"}},
		{"dangling root", map[string]string{"r": "->nowhere"}, user, []string{"r: link leads nowhere"}},
		{"no links in system", map[string]string{"r/l": "->$BASE/out/x", "r/k/SKILL.md": "->$BASE/out/x/SKILL.md", "out/x/SKILL.md": "ok"},
			[]skill.Root{{Path: "r", Scope: skill.ScopeSystem}}, nil},
		{"two ways, one skill", map[string]string{"r/l": "->m", "r/m/SKILL.md": "ok"}, user, []string{"r/m/SKILL.md"}},
		{"first root wins", map[string]string{"r/m/SKILL.md": "ok", "s": "->r"}, []skill.Root{{Path: "r"}, {Path: "s"}}, []string{"r/m/SKILL.md"}},

		{"repo: link within", map[string]string{"ws/.agents/skills/l": "->../../lib/x", "ws/lib/x/SKILL.md": "ok"}, repo, []string{"ws/lib/x/SKILL.md"}},
		{"repo: folder outside", map[string]string{"ws/.agents/skills/l": "->$BASE/out/x", "out/x/SKILL.md": "ok", "ws/.agents/skills/k/SKILL.md": "ok"}, repo,
			[]string{"ws/.agents/skills/k/SKILL.md", "ws/.agents/skills/l: links outside the repository: out/x"}},
		{"repo: file outside", map[string]string{"ws/.agents/skills/l/SKILL.md": "->../../../../out/key", "out/key": "secret"}, repo,
			[]string{"ws/.agents/skills/l/SKILL.md: links outside the repository: out/key"}},
		{"repo: root outside", map[string]string{"ws/.agents/skills": "->../../out", "out/x/SKILL.md": "ok"}, repo,
			[]string{"ws/.agents/skills: links outside the repository: out"}},
		{"repo: link into another root", map[string]string{"ws/.agents/skills/l": "->$BASE/home/skills/x", "home/skills/x/SKILL.md": "ok"},
			append(slices.Clone(repo), skill.Root{Path: "home/skills"}), []string{"home/skills/x/SKILL.md"}},
		{"repo: a sibling with the same beginning", map[string]string{"ws/.agents/skills/l": "->$BASE/ws2/x", "ws2/x/SKILL.md": "ok"}, repo,
			[]string{"ws/.agents/skills/l: links outside the repository: ws2/x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := tree(t, c.files)
			p := New()
			got := list(t, p, base, slices.Clone(c.roots)...)
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if again := list(t, p, base, slices.Clone(c.roots)...); !slices.Equal(again, got) {
				t.Errorf("the second time %q", again)
			}
		})
	}
}

func TestFolderCap(t *testing.T) {
	files := make(map[string]string)
	for i := range maxFolders {
		files[fmt.Sprintf("r/s%04d/SKILL.md", i)] = "ok"
	}
	got := list(t, New(), tree(t, files), skill.Root{Path: "r"})
	want := []string{"r/s0000/SKILL.md", "r/s1998/SKILL.md", "r: there are more than 2000 folders; the rest is not looked at"}
	if len(got) != maxFolders || !slices.Equal([]string{got[0], got[maxFolders-2], got[maxFolders-1]}, want) {
		t.Errorf("%d entries, %q ... %q", len(got), got[0], got[len(got)-2:])
	}
}

// TestChanges edits files the ways that editors do. Every listing is right at
// once, however little time passed, and says whether it differs.
func TestChanges(t *testing.T) {
	base := tree(t, map[string]string{"r/a/SKILL.md": "ok", "r/b/SKILL.md": "ok"})
	p := New()
	req := skill.ListRequest{Roots: []skill.Root{{Path: base + "/r", Scope: skill.ScopeUser}}}
	names := func() string {
		t.Helper()
		l, err := p.List(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range l.Skills {
			out = append(out, s.Name+"="+s.Description)
		}
		if l.Unchanged {
			return "unchanged"
		}
		req.Known = l.Generation
		return strings.Join(out, " ")
	}
	write := func(name, text string) { plant(t, base, name, text) }
	expect := func(step, want string) {
		t.Helper()
		if got := names(); got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
		if got := names(); got != "unchanged" {
			t.Errorf("%s, asked again: %q", step, got)
		}
	}
	expect("first", "a=d b=d")
	for i := range 50 { // same size, same tick
		write("r/a/SKILL.md", fmt.Sprintf("---\nname: a\ndescription: %02d\n---\n", i))
		expect("edit in place", fmt.Sprintf("a=%02d b=d", i))
	}
	write("r/a/new", "---\nname: a\ndescription: renamed\n---\n")
	if err := os.Rename(base+"/r/a/new", base+"/r/a/SKILL.md"); err != nil {
		t.Fatal(err)
	}
	expect("rename over", "a=renamed b=d")
	write("r/c/d/SKILL.md", "ok")
	expect("new nested folder", "a=renamed b=d d=d")
	os.RemoveAll(base + "/r/b")
	expect("removal", "a=renamed d=d")
	write("r/a/agents/openai.yaml", "interface: {display_name: A}")
	if l, _ := p.List(t.Context(), req); l.Unchanged || l.Skills[0].Interface == nil || l.Skills[0].Interface.DisplayName != "A" {
		t.Errorf("new openai.yaml: %+v", l)
	}
	os.RemoveAll(base + "/r")
	if l, _ := p.List(t.Context(), req); len(l.Skills) != 0 || l.Unchanged {
		t.Errorf("removed root: %+v", l)
	}
}

func TestAgedFilesAreNotReadAgain(t *testing.T) {
	base := tree(t, map[string]string{"r/a/SKILL.md": "ok"})
	old := time.Now().Add(-time.Hour)
	os.Chtimes(base+"/r/a/SKILL.md", old, old)
	m := newMemo(stamp{mtime: old.UnixNano(), ctime: old.UnixNano()}, time.Now())
	if !m.holds(m.stamp) {
		t.Error("an old stamp is not trusted")
	}
	now := time.Now()
	if m := newMemo(stamp{mtime: now.UnixNano() | 1, ctime: now.UnixNano()}, now); m.holds(m.stamp) {
		t.Error("a stamp of this moment is trusted")
	}
	if m := newMemo(stamp{mtime: old.UnixNano(), ctime: now.UnixNano()}, now); m.holds(m.stamp) {
		t.Error("a set modification time is believed against the change time")
	}
}

func TestMeta(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		check      func(s skill.Skill) bool
	}{
		{"full", "interface: {display_name: My Tool, brand_color: '#a1B2c3', icon_small: assets/s.svg}\npolicy: {allow_implicit_invocation: false, products: [codex]}\n" +
			"dependencies:\n  tools:\n  - {type: mcp, value: srv, url: 'https://x', transport: stdio, command: c, description: d}\n",
			func(s skill.Skill) bool {
				return s.Interface.DisplayName == "My Tool" && s.Interface.BrandColor == "#a1B2c3" && s.Interface.IconSmall == "assets/s.svg" &&
					s.Policy.ExplicitOnly && slices.Equal(s.Policy.Products, []string{"codex"}) &&
					len(s.Tools) == 1 && s.Tools[0] == skill.Tool{Type: "mcp", Value: "srv", URL: "https://x", Transport: "stdio", Command: "c", Description: "d"}
			}},
		{"one wrong part", "interface:\n  display_name: [a]\n  short_description: ok\npolicy: {allow_implicit_invocation: false}\n",
			func(s skill.Skill) bool { return s.Interface == nil && !s.Policy.ExplicitOnly }},
		{"broken", "interface: [\n", func(s skill.Skill) bool { return s.Interface == nil }},
		{"nulls", "interface:\npolicy:\ndependencies:\n", func(s skill.Skill) bool { return s.Interface == nil && s.Tools == nil }},
		{"a list", "- x\n", func(s skill.Skill) bool { return s.Interface == nil }},
		{"empty", "", func(s skill.Skill) bool { return s.Interface == nil }},
		{"alias circle", "interface: &a {x: *a, display_name: q}\n", func(s skill.Skill) bool { return true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := tree(t, map[string]string{"r/a/SKILL.md": "ok", "r/a/agents/openai.yaml": c.yaml})
			l, err := New().List(t.Context(), skill.ListRequest{Roots: []skill.Root{{Path: base + "/r"}}})
			if err != nil || len(l.Skills) != 1 {
				t.Fatal(l, err)
			}
			if !c.check(l.Skills[0]) {
				t.Errorf("got %+v %+v", l.Skills[0], l.Skills[0].Interface)
			}
		})
	}
}

func TestRead(t *testing.T) {
	base := tree(t, map[string]string{
		"r/a/SKILL.md": "ok", "r/a/notes.md": "private", "out/x/SKILL.md": "ok", "r/big/SKILL.md": "---\ndescription: d\n---\n" + strings.Repeat("x", maxText),
	})
	p := New()
	read := func(path string) (string, error) {
		c, err := p.Read(t.Context(), skill.ReadRequest{Path: base + path, Roots: []skill.Root{{Path: base + "/r", Scope: skill.ScopeUser}}})
		return string(c.Text), err
	}
	if s, err := read("/r/a/SKILL.md"); err != nil || s != "---\nname: a\ndescription: d\n---\n" {
		t.Errorf("%q %v", s, err)
	}
	for _, path := range []string{"/r/a/notes.md", "/out/x/SKILL.md", "/r/a/../a/SKILL.md", "/nowhere"} {
		if s, err := read(path); !errors.Is(err, skill.ErrNotFound) {
			t.Errorf("%s: %q %v", path, s, err)
		}
	}
	if _, err := read("/r/big/SKILL.md"); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
	// A listed file that has become a link since is not followed.
	os.Remove(base + "/r/a/SKILL.md")
	plant(t, base, "r/a/SKILL.md", "->$BASE/r/a/notes.md")
	if s, err := read("/r/a/SKILL.md"); !errors.Is(err, skill.ErrNotFound) {
		t.Errorf("%q %v", s, err)
	}
}

func TestCancelled(t *testing.T) {
	base := tree(t, map[string]string{"r/a/SKILL.md": "ok"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New().List(ctx, skill.ListRequest{Roots: []skill.Root{{Path: base + "/r"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWatch(t *testing.T) {
	base := tree(t, map[string]string{"r/l": "->$BASE/out/x", "out/x/SKILL.md": "ok", "r/m": "->$BASE/r/n", "r/n/SKILL.md": "ok"})
	l, err := New().List(t.Context(), skill.ListRequest{Roots: []skill.Root{{Path: base + "/r"}, {Path: base + "/absent"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{base + "/absent", base + "/out/x", base + "/r"}
	if !slices.Equal(l.Watch, want) {
		t.Errorf("got %q, want %q", l.Watch, want)
	}
}

func benchTree(b *testing.B, n int) string {
	base := b.TempDir()
	for i := range n {
		d := fmt.Sprintf("%s/r/skill-%04d", base, i)
		if err := os.MkdirAll(d, 0o755); err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("---\nname: skill-%04d\ndescription: Does thing %d (first) when someone asks for thing %d.\n---\n\n# Skill %d\n\n%s\n",
			i, i, i, i, strings.Repeat("prose ", 250))
		if err := os.WriteFile(d+"/SKILL.md", []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return base
}

func BenchmarkList2000Cold(b *testing.B) {
	base := benchTree(b, 1999)
	for b.Loop() {
		l, err := New().List(b.Context(), skill.ListRequest{Roots: []skill.Root{{Path: base + "/r"}}})
		if err != nil || len(l.Skills) != 1999 {
			b.Fatal(len(l.Skills), err)
		}
	}
}

func BenchmarkList2000Again(b *testing.B) {
	base := benchTree(b, 1999)
	<-time.After(2 * fineTick) // the files must have aged to be trusted
	p := New()
	for b.Loop() {
		if _, err := p.List(b.Context(), skill.ListRequest{Roots: []skill.Root{{Path: base + "/r"}}}); err != nil {
			b.Fatal(err)
		}
	}
}
