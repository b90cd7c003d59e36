package skills

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/plugins"
	builtin "github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// providers are skill providers in this process.
type providers struct {
	names []string
	by    map[string]skill.Provider

	mu   sync.Mutex
	errs map[string][]error // what the next uses of a provider fail with
	uses map[string]int
}

func (p *providers) Names() []string { return p.names }

func (p *providers) Use(ctx context.Context, name string, f func(context.Context, skill.Provider) error) error {
	p.mu.Lock()
	if p.uses == nil {
		p.uses = make(map[string]int)
	}
	p.uses[name]++
	if errs := p.errs[name]; len(errs) > 0 {
		p.errs[name] = errs[1:]
		p.mu.Unlock()
		return errs[0]
	}
	p.mu.Unlock()
	return f(ctx, p.by[name])
}

func (p *providers) used(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.uses[name]
}

// fake answers with what it holds.
type fake struct {
	skill.Provider
	mu      sync.Mutex
	listing skill.Listing
	asked   []skill.ListRequest
}

func (f *fake) List(_ context.Context, req skill.ListRequest) (skill.Listing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, req)
	if req.Known != 0 && req.Known == f.listing.Generation {
		return skill.Listing{Generation: req.Known, Unchanged: true}, nil
	}
	return f.listing, nil
}

func (f *fake) Read(_ context.Context, req skill.ReadRequest) (skill.Content, error) {
	if strings.HasPrefix(req.Path, "bad") {
		return skill.Content{}, fmt.Errorf("reading: %w", skill.ErrNotFound)
	}
	return skill.Content{Text: []byte("text of " + req.Path + " \xff")}, nil
}

// world is a home and a workspace with a catalogue over the real provider.
type world struct {
	t                    testing.TB
	dir, home, codex, ws string
	from                 *providers
	catalogue            *Catalogue
	settings             Settings
}

func newWorld(t testing.TB) *world {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, home: dir + "/home", codex: dir + "/codex", ws: dir + "/ws"}
	for _, d := range []string{w.home, w.codex, w.ws} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.from = &providers{names: []string{"skills"}, by: map[string]skill.Provider{"skills": builtin.New()}}
	w.catalogue = New(Options{Providers: w.from, Builtin: "skills"})
	t.Cleanup(w.catalogue.Close)
	w.settings = Settings{
		Cwd: w.ws, ProjectRoot: w.ws, CodexHome: w.codex, UserHome: w.home,
		ProjectFolders: []string{w.ws + "/.codex"}, Product: "codex",
	}
	return w
}

// skill writes folder/SKILL.md below the world's directory; the name is the
// folder's, the description "d" unless told.
func (w *world) skill(folder string, description ...string) string {
	w.t.Helper()
	d := "d"
	if len(description) > 0 {
		d = description[0]
	}
	return w.file(folder+"/SKILL.md", fmt.Sprintf("---\nname: %s\ndescription: %s\n---\nbody of %[1]s\n", filepath.Base(folder), d))
}

func (w *world) file(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) list(force bool) *Snapshot {
	w.t.Helper()
	sn, err := w.catalogue.List(w.t.Context(), w.settings, force)
	if err != nil {
		w.t.Fatal(err)
	}
	return sn
}

// names is "scope:name" of each skill in order, with a "-" before disabled ones.
func names(sn *Snapshot) []string {
	var out []string
	for _, s := range sn.Skills {
		n := string(s.Scope) + ":" + s.Name
		if !s.Enabled {
			n = "-" + n
		}
		out = append(out, n)
	}
	return out
}

func TestRootsAndOrder(t *testing.T) {
	w := newWorld(t)
	w.settings.Cwd = w.ws + "/a/b"
	w.settings.ProjectFolders = []string{w.ws + "/a/.codex", w.ws + "/.codex"}
	w.settings.SystemDir = w.dir + "/etc"
	w.settings.Extra = []string{w.dir + "/extra"}
	w.settings.Plugins = []skill.Root{{Path: w.dir + "/plug/skills", Namespace: "plug"}}
	for _, f := range []string{
		"ws/.codex/skills/p1", "ws/a/.codex/skills/p2", "codex/skills/old", "home/.agents/skills/new", "codex/skills/.system/sys",
		"etc/skills/adm", "plug/skills/x", "ws/.agents/skills/top", "ws/a/.agents/skills/mid", "ws/a/b/.agents/skills/low",
		"ws/a/b/c/.agents/skills/below", "extra/ext", "ws/.agents/skills/same", "home/.agents/skills/same", "ws/.agents/skills/Big",
	} {
		w.skill(f)
	}
	want := []string{
		"repo:Big", "repo:low", "repo:mid", "repo:p1", "repo:p2", "repo:same", "repo:top",
		"user:ext", "user:new", "user:old", "user:plug:x", "user:same", "system:sys", "admin:adm",
	}
	if got := names(w.list(false)); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	w.settings.NoBundled = true
	if got := names(w.list(false)); slices.Contains(got, "system:sys") {
		t.Error("system skills are listed although they are switched off")
	}
}

func TestValidation(t *testing.T) {
	const fit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, c := range []struct {
		name string
		in   skill.Skill
		want string // the name, or the error
	}{
		{"plain", skill.Skill{Name: "x"}, "x"},
		{"collapsed", skill.Skill{Name: "  a \t b\n"}, "a b"},
		{"from the folder", skill.Skill{Dir: "/x/the-folder"}, "the-folder"},
		{"from nothing", skill.Skill{}, "skill"},
		{"namespace", skill.Skill{Name: "x", Namespace: "n"}, "n:x"},
		{"any letters", skill.Skill{Name: "Q 9 Ünï 🚀 👨‍👩‍👧 $x"}, "Q 9 Ünï 🚀 👨‍👩‍👧 $x"},
		{"64", skill.Skill{Name: fit}, fit},
		{"64 letters of two bytes", skill.Skill{Name: strings.Repeat("é", 64)}, strings.Repeat("é", 64)},
		{"65", skill.Skill{Name: fit + "a"}, "invalid name: exceeds maximum length of 64 characters"},
		{"a path", skill.Skill{Name: "../../etc/passwd"}, "invalid name: looks like a path"},
		{"backslashes", skill.Skill{Name: `a\..\b`}, "invalid name: looks like a path"},
		{"a root", skill.Skill{Name: "/a"}, "invalid name: looks like a path"},
		{"a home", skill.Skill{Name: "~/x"}, "invalid name: looks like a path"},
		{"a drive", skill.Skill{Name: `C:\a`}, "invalid name: looks like a path"},
		{"a share", skill.Skill{Name: `\\host\a`}, "invalid name: looks like a path"},
		{"a slash within", skill.Skill{Name: "team/skill"}, "team/skill"},
		{"an address", skill.Skill{Name: "https://x/y"}, "https://x/y"},
		{"dots", skill.Skill{Name: ".."}, "invalid name: looks like a path"},
		{"escape", skill.Skill{Name: "a\x1b[2Jb"}, "invalid name: contains the control character U+001B"},
		{"NUL", skill.Skill{Name: "a\x00"}, "invalid name: contains the control character U+0000"},
		{"right to left", skill.Skill{Name: "a\u202eb"}, "invalid name: contains the control character U+202E"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Description = "d"
			m, err := metadata(&c.in)
			got := m.Name
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	for _, d := range []string{"", "  \n ", "\x1b\x00"} {
		if _, err := metadata(&skill.Skill{Name: "x", Description: d}); err == nil || err.Error() != "missing field `description`" {
			t.Errorf("description %q: %v", d, err)
		}
	}
	m, err := metadata(&skill.Skill{Name: "x", Description: " one\n two\x1b[2J \u202e" + strings.Repeat("x", 100_000)})
	if err != nil || m.Description != "one two[2J "+strings.Repeat("x", 100_000) {
		t.Errorf("a long description: %.40q, %v", m.Description, err)
	}
}

func TestInterface(t *testing.T) {
	str := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	got := func(i skill.Interface) string {
		m, err := metadata(&skill.Skill{Name: "x", Description: "d", Dir: "/s/x", Interface: &i})
		if err != nil {
			t.Fatal(err)
		}
		if m.Interface == nil {
			return "none"
		}
		f := m.Interface
		return strings.Join([]string{str(f.DisplayName), str(f.ShortDescription), str(f.IconSmall), str(f.IconLarge), str(f.BrandColor), str(f.DefaultPrompt)}, " ")
	}
	for _, c := range []struct {
		in   skill.Interface
		want string
	}{
		{skill.Interface{}, "none"},
		{skill.Interface{BrandColor: "red", IconSmall: "../x"}, "none"},
		{skill.Interface{DisplayName: "a", ShortDescription: "b", IconSmall: "assets/s.svg", IconLarge: "./assets/./l.png", BrandColor: "#a1B2c3", DefaultPrompt: "p"},
			"a b /s/x/assets/s.svg /s/x/assets/l.png #a1B2c3 p"},
		{skill.Interface{DisplayName: strings.Repeat("x", 65), ShortDescription: strings.Repeat("x", 1025), DefaultPrompt: "p"}, "- - - - - p"},
		{skill.Interface{DisplayName: "a", BrandColor: "#fff"}, "a - - - - -"},
		{skill.Interface{DisplayName: "a", BrandColor: "#12345g"}, "a - - - - -"},
		{skill.Interface{DisplayName: "a", IconSmall: "/etc/x", IconLarge: "assets/../x"}, "a - - - - -"},
		{skill.Interface{DisplayName: "a", IconSmall: "s.svg", IconLarge: "assetsx/y"}, "a - - - - -"},
	} {
		if got := got(c.in); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.in, got, c.want)
		}
	}
	d := dependencies([]skill.Tool{{Type: "mcp"}, {Value: "v"}, {Type: "mcp", Value: "v", Description: strings.Repeat("d", 1025), Transport: "stdio"}})
	if d == nil || len(d.Tools) != 1 || d.Tools[0].Description != nil || *d.Tools[0].Transport != "stdio" {
		t.Errorf("got %+v", d)
	}
	if dependencies([]skill.Tool{{Type: "x"}}) != nil {
		t.Error("dependencies without a single tool")
	}
}

func TestProducts(t *testing.T) {
	for _, c := range []struct {
		products string
		want     bool
	}{{"", true}, {"codex", true}, {"chatgpt codex", true}, {"chatgpt", false}, {"atlas zzz", false}, {"zzz", true}} {
		if got := forProduct(strings.Fields(c.products), "codex"); got != c.want {
			t.Errorf("%q: %v", c.products, got)
		}
	}
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	path := w.skill("ws/.agents/skills/alpha")
	w.skill("ws/.agents/skills/beta")
	w.skill("home/.agents/skills/alpha")
	os.Symlink(w.ws, w.dir+"/link")
	for _, c := range []struct {
		rules []Rule
		want  []string
	}{
		{nil, []string{"repo:alpha", "repo:beta", "user:alpha"}},
		{[]Rule{{Path: path}}, []string{"-repo:alpha", "repo:beta", "user:alpha"}},
		{[]Rule{{Path: w.dir + "/link/.agents/skills/alpha/SKILL.md"}}, []string{"-repo:alpha", "repo:beta", "user:alpha"}},
		{[]Rule{{Name: "alpha"}}, []string{"-repo:alpha", "repo:beta", "-user:alpha"}},
		{[]Rule{{Name: "Alpha"}}, []string{"repo:alpha", "repo:beta", "user:alpha"}},
		{[]Rule{{Path: path}, {Name: "alpha", Enabled: true}}, []string{"repo:alpha", "repo:beta", "user:alpha"}},
		{[]Rule{{Name: "alpha", Enabled: true}, {Path: path}}, []string{"-repo:alpha", "repo:beta", "user:alpha"}},
	} {
		w.settings.Rules = c.rules
		sn := w.list(false)
		if got := names(sn); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.rules, got, c.want)
		}
		if c.rules != nil && !c.rules[0].Enabled && c.rules[0].Path == path && len(c.rules) == 1 && strings.Contains(sn.Section(0).Text, "- alpha: d (file: r1/alpha") {
			t.Error("a disabled skill is offered")
		}
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t)
	w.file("ws/.agents/skills/b/SKILL.md", "nothing")
	w.file("ws/.agents/skills/a/SKILL.md", "---\nname: x\n---\n")
	w.file("codex/skills/.system/s/SKILL.md", "nothing")
	w.skill("ws/.agents/skills/good")
	e := w.list(false).Entry("spelled")
	want := []protocol.SkillErrorInfo{
		{Path: w.ws + "/.agents/skills/a/SKILL.md", Message: "missing field `description`"},
		{Path: w.ws + "/.agents/skills/b/SKILL.md", Message: "missing YAML frontmatter delimited by ---"},
	}
	if e.Cwd != "spelled" || len(e.Skills) != 1 || len(e.Errors) != 2 || e.Errors[0].Message != want[0].Message || e.Errors[0].Path != want[0].Path || e.Errors[1].Message != want[1].Message {
		t.Errorf("got %+v", e)
	}
}

func TestProvidersThatFail(t *testing.T) {
	w := newWorld(t)
	w.skill("ws/.agents/skills/mine")
	theirs := &fake{listing: skill.Listing{Generation: 1, Skills: []skill.Skill{
		{Path: "remote:1", Name: "one", Description: "d", Scope: skill.ScopeSystem}, {Path: "remote:2", Name: "../x", Description: "d"},
	}}}
	w.from.names = append(w.from.names, "theirs")
	w.from.by["theirs"] = theirs
	w.from.errs = map[string][]error{"theirs": {context.DeadlineExceeded}}
	sn := w.list(false)
	if !slices.Equal(names(sn), []string{"repo:mine"}) || len(sn.Errors) != 1 || sn.Errors[0].Path != "plugin:theirs" {
		t.Errorf("one fails: %q, %+v", names(sn), sn.Errors)
	}
	// It is asked again although nobody forces it, and its words are not taken for ours.
	if sn = w.list(false); !slices.Equal(names(sn), []string{"repo:mine", "user:one"}) || len(sn.Errors) != 1 || sn.Errors[0].Path != "remote:2" {
		t.Errorf("it recovers: %q, %+v", names(sn), sn.Errors)
	}
	// One whose process died is asked once more at once.
	w.from.errs["theirs"] = []error{&plugins.Error{Plugin: "theirs", Reason: plugins.ReasonDied}}
	if sn = w.list(true); len(sn.Skills) != 2 {
		t.Errorf("after its death: %q, %+v", names(sn), sn.Errors)
	}
	if last := theirs.asked[len(theirs.asked)-1]; last.Known != 1 {
		t.Errorf("the provider was asked to repeat itself: %+v", last)
	}
	// Another process knows nothing of what the first one said.
	w.from.by["theirs"] = &fake{listing: skill.Listing{Generation: 1}}
	if sn = w.list(true); len(sn.Skills) != 1 {
		t.Errorf("an answer of another process was reused: %q", names(sn))
	}
}
