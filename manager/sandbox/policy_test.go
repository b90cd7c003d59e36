//go:build linux || darwin

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// place makes a folder without links in its name, and files in it: names that end in a slash are folders, a value that
// begins with an arrow is a link.
func place(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch target, link := strings.CutPrefix(content, "->"); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(strings.ReplaceAll(target, "DIR", dir), path)
		default:
			err = os.WriteFile(path, []byte(strings.ReplaceAll(content, "DIR", dir)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRoots(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		roots   []string
		protect []string
		want    []Root
		pins    []string
	}{
		{"plain", map[string]string{"w/.git/x": ""}, nil, nil,
			[]Root{{Path: "w", ReadOnly: []string{"w/.git"}, Missing: []string{"w/.codex", "w/.agents"}}}, nil},
		{"empty folders may be placeholders", map[string]string{"w/.git/x": "", "w/.codex/x": "", "w/.agents/": "", "r/.git/": ""}, []string{"r"}, nil,
			[]Root{{Path: "r", Missing: []string{"r/.git"}}, {Path: "w", ReadOnly: []string{"w/.git", "w/.codex"}, Missing: []string{"w/.agents"}}}, nil},
		{"other roots are guarded only where something is", map[string]string{"w/.git/x": "", "w/.codex/x": "", "w/.agents/x": "", "r/.codex/x": ""}, []string{"r", "r", "w", "none"}, nil,
			[]Root{{Path: "r", ReadOnly: []string{"r/.codex"}}, {Path: "w", ReadOnly: []string{"w/.git", "w/.codex", "w/.agents"}}}, nil},
		{"linked workspace", map[string]string{"real/.git/x": "", "real/.codex": "x", "real/.agents": "x", "w": "->real"}, nil, nil,
			[]Root{{Path: "real", ReadOnly: []string{"real/.git", "real/.codex", "real/.agents"}}}, nil},
		{"worktree in another root", map[string]string{
			"w/.git": "gitdir: ../main/sub/.git/worktrees/w\n", "w/.codex/x": "", "w/.agents/x": "",
			"main/sub/.git/worktrees/w/commondir": "../..\n",
		}, []string{"main"}, nil, []Root{
			{Path: "w", ReadOnly: []string{"w/.git", "w/.codex", "w/.agents"}},
			{Path: "main", ReadOnly: []string{"main/sub/.git/worktrees/w", "main/sub/.git"}},
		}, []string{"main/sub/.git/worktrees", "main/sub/.git", "main/sub"}},
		{"root in a root", map[string]string{"o/a/w/.git/x": "", "o/a/w/.codex/x": "", "o/a/w/.agents/x": "", "w": "->o/a/w"}, []string{"o"}, nil,
			[]Root{{Path: "o"}, {Path: "o/a/w", ReadOnly: []string{"o/a/w/.git", "o/a/w/.codex", "o/a/w/.agents"}}}, []string{"o/a", "o/a/w"}},
		{"protected by the caller", map[string]string{"w/.git/x": "", "w/.codex/x": "", "w/.agents/x": "", "w/h/home/": ""}, nil, []string{"w/h/home", "w/none", "elsewhere"},
			[]Root{{Path: "w", ReadOnly: []string{"w/.git", "w/.codex", "w/.agents", "w/h/home"}}}, []string{"w/h"}},
	} {
		dir := place(t, c.files)
		abs := func(list []string) []string {
			var out []string
			for _, p := range list {
				out = append(out, filepath.Join(dir, p))
			}
			return out
		}
		p := Policy{
			Mode: WorkspaceWrite, Cwd: filepath.Join(dir, "w"), WritableRoots: append(abs(c.roots), "relative"),
			ExcludeSlashTmp: true, ExcludeTmpdir: true, Protected: abs(c.protect),
		}
		got := p.Roots()
		var want []Root
		for _, r := range c.want {
			want = append(want, Root{Path: filepath.Join(dir, r.Path), ReadOnly: abs(r.ReadOnly), Missing: abs(r.Missing)})
		}
		if !slices.EqualFunc(got, want, func(a, b Root) bool {
			return a.Path == b.Path && slices.Equal(a.ReadOnly, b.ReadOnly) && slices.Equal(a.Missing, b.Missing)
		}) {
			t.Errorf("%s:\n got %v\nwant %v", c.name, got, want)
		}
		gotPins, wantPins := pins(got, nil), abs(c.pins)
		slices.Sort(gotPins)
		slices.Sort(wantPins)
		if !slices.Equal(gotPins, wantPins) {
			t.Errorf("%s: pins %v, want %v", c.name, gotPins, wantPins)
		}
	}
}

func TestTemporaryRoots(t *testing.T) {
	dir := place(t, map[string]string{"w/": "", "tmp/": ""})
	t.Setenv("TMPDIR", filepath.Join(dir, "tmp"))
	slash, err := filepath.EvalSymlinks("/tmp")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ noTmpdir, noSlash bool }{{}, {noTmpdir: true}, {noSlash: true}, {true, true}} {
		p := Policy{Mode: WorkspaceWrite, Cwd: filepath.Join(dir, "w"), ExcludeTmpdir: c.noTmpdir, ExcludeSlashTmp: c.noSlash}
		has := func(path string) bool {
			return slices.ContainsFunc(p.Roots(), func(r Root) bool { return r.Path == path })
		}
		if has(filepath.Join(dir, "tmp")) == c.noTmpdir || has(slash) == c.noSlash {
			t.Errorf("%+v: %v", c, p.Roots())
		}
	}
}

func TestCanWrite(t *testing.T) {
	dir := place(t, map[string]string{
		"w/file": "", "w/.git/config": "", "w/out": "->DIR/other", "w/in": "->file", "w/dangling": "->DIR/other/new", "w/gitlink": "->.git/hooks",
		"w/loop": "->loop", "w/deep/er/": "", "other/file": "", "r/.codex/x": "", "home/auth.json": "",
	})
	p := Policy{
		Mode: WorkspaceWrite, Cwd: filepath.Join(dir, "w"), WritableRoots: []string{filepath.Join(dir, "r"), filepath.Join(dir, "home")},
		ExcludeSlashTmp: true, ExcludeTmpdir: true, Protected: []string{filepath.Join(dir, "home/auth.json")},
	}
	for path, want := range map[string]bool{
		"w/file": true, "w/new": true, "w/new/deep/er": true, "w/in": true, "w": true, "w/deep/../x": true, "w/.gitignore": true,
		"w/.git": false, "w/.git/config": false, "w/.git/new": false, "w/.codex/config.toml": false, "w/.agents": false, "w/gitlink/x": false,
		"w/out/file": false, "w/out/new": false, "w/dangling": false, "w/loop": false, "other/file": false, "w/../other/x": false, "wx": false,
		"r/x": true, "r/.codex/x": false, "r/.git": false, "home/x": true, "home/auth.json": false,
	} {
		if got := p.CanWrite(filepath.Join(dir, path)); got != want {
			t.Errorf("CanWrite(%s) = %v", path, got)
		}
	}
	for mode, want := range map[Mode]bool{ReadOnly: false, FullAccess: true, External: true, "": false} {
		p.Mode = mode
		if got := p.CanWrite(filepath.Join(dir, "w/file")); got != want {
			t.Errorf("%s: CanWrite = %v", mode, got)
		}
	}
	if p.Mode = WorkspaceWrite; p.CanWrite("w/file") {
		t.Error("a relative path is writable")
	}
}

// Placeholders guard missing names for as long as any command needs them, and not a moment longer.
func TestPlaceholders(t *testing.T) {
	if r := Probe(t.Context()); r.Backend != "namespaces" {
		t.Skip("no placeholders under", r.Backend)
	}
	dir := place(t, map[string]string{".git/x": ""})
	script := "read go; mkdir .codex/x; mkdir .agents; touch .git/x; echo x > file; echo done"
	first, second := shell(dir, WorkspaceWrite, script), shell(dir, WorkspaceWrite, script)
	first.Stdin, second.Stdin = true, true
	a, b := mustStart(t, first), mustStart(t, second)
	if !isEmptyDir(filepath.Join(dir, ".codex")) || !isEmptyDir(filepath.Join(dir, ".agents")) {
		t.Error("no placeholders while commands run")
	}
	for i, p := range []*Process{a, b} {
		if _, err := p.Write(t.Context(), []byte("go\n")); err != nil {
			t.Fatal(err)
		}
		if exit, err := p.Wait(t.Context()); err != nil || exit.Code != 0 {
			t.Error(exit, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(text(p.Stdout()), "Read-only file system"); n != 2 || !strings.Contains(text(p.Stdout()), "File exists") {
			t.Errorf("command %d: %s", i, text(p.Stdout()))
		}
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 2 { // .git, file
		t.Errorf("left: %v", names)
	}

	// What somebody outside puts in place meanwhile is theirs.
	c := mustStart(t, second)
	if err := os.WriteFile(filepath.Join(dir, ".codex", "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	info, err := os.Stat(filepath.Join(dir, ".codex"))
	if err != nil || info.Mode() != os.ModeDir|0o755 {
		t.Errorf("a folder made by the user: %v %v", info, err)
	}
	// One that a killed host left is taken over.
	left := filepath.Join(dir, ".agents")
	if err := os.Mkdir(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(left, 0o755|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Run(t.Context(), shell(dir, WorkspaceWrite, "true"), 0); err != nil {
		t.Fatal(err)
	}
	if exists(left) {
		t.Error("an old placeholder stays for ever")
	}
	if err := os.Mkdir(left, 0o755); err != nil { // and one that is no placeholder is not ours to remove
		t.Fatal(err)
	}
	if _, _, err := Run(t.Context(), shell(dir, WorkspaceWrite, "true"), 0); err != nil || !exists(left) {
		t.Error("an empty folder of the user's was removed", err)
	}
}

// A linked .git is covered by a file that says the same.
func TestLinkedGitStillWorks(t *testing.T) {
	if r := Probe(t.Context()); r.Backend != "namespaces" {
		t.Skip("not under", r.Backend)
	}
	dir := place(t, map[string]string{"w/.git": "->../real", "real/HEAD": "ref: refs/heads/main\n"})
	p, _, err := Run(t.Context(), shell(filepath.Join(dir, "w"), WorkspaceWrite, "cat .git; rm .git"), 0)
	if err != nil || !strings.HasPrefix(text(p.Stdout()), "gitdir: "+dir+"/real\n") || !strings.Contains(text(p.Stdout()), "busy") {
		t.Errorf("%v %s", err, text(p.Stdout()))
	}
}

func TestDefaultHidden(t *testing.T) {
	got := DefaultHidden("/h", "/c")
	for _, want := range []string{"/h/.ssh", "/h/.aws", "/h/.gnupg", "/c/auth.json", "/c/.credentials.json", "/c/sessions", "/c/archived_sessions"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not hidden", want)
		}
	}
	if len(DefaultHidden("", "")) != 0 {
		t.Error("nothing to hide, and hidden")
	}
}
