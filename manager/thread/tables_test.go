package thread

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// plant writes files below a folder; a name that ends with a slash is a folder.
func plant(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadInstructions(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		links   map[string]string // name to what it points to
		cwd     string            // below the project
		rules   InstructionRules  // Home and Root are filled in
		text    string
		sources []string
		warning bool
	}{
		{name: "nothing"},
		{name: "home alone", files: map[string]string{"home/AGENTS.md": " global \n"}, text: "global", sources: []string{"home/AGENTS.md"}},
		{name: "home's override", files: map[string]string{"home/AGENTS.md": "a", "home/AGENTS.override.md": "b"}, text: "b", sources: []string{"home/AGENTS.override.md"}},
		{name: "home's empty override", files: map[string]string{"home/AGENTS.md": "a", "home/AGENTS.override.md": " \n"}, text: "a", sources: []string{"home/AGENTS.md"}},
		{name: "from the root down", cwd: "sub/deep", text: "top\n\ndeep", sources: []string{"project/AGENTS.md", "project/sub/deep/AGENTS.md"},
			files: map[string]string{"project/AGENTS.md": "top", "project/sub/deep/AGENTS.md": "deep", "project/other/AGENTS.md": "no", "AGENTS.md": "above the project"}},
		{name: "home and project", text: "g\n\n--- project-doc ---\n\np", sources: []string{"home/AGENTS.md", "project/AGENTS.md"},
			files: map[string]string{"home/AGENTS.md": "g", "project/AGENTS.md": "p"}},
		{name: "an override in its folder only", cwd: "sub", text: "o\n\ns", sources: []string{"project/AGENTS.override.md", "project/sub/AGENTS.md"},
			files: map[string]string{"project/AGENTS.md": "p", "project/AGENTS.override.md": "o", "project/sub/AGENTS.md": "s"}},
		{name: "fallbacks in their order", cwd: "sub", rules: InstructionRules{Fallbacks: []string{"CLAUDE.md", "GUIDE.md"}}, text: "c\n\ns",
			sources: []string{"project/CLAUDE.md", "project/sub/AGENTS.md"},
			files:   map[string]string{"project/CLAUDE.md": "c", "project/GUIDE.md": "g", "project/sub/AGENTS.md": "s", "project/sub/CLAUDE.md": "no"}},
		{name: "an empty file is not read on", text: "", files: map[string]string{"project/AGENTS.md": " \n"}, rules: InstructionRules{Fallbacks: []string{"X.md"}}},
		{name: "a folder of that name", text: "x", files: map[string]string{"project/AGENTS.md/": "", "project/X.md": "x"}, rules: InstructionRules{Fallbacks: []string{"X.md"}}, sources: []string{"project/X.md"}},
		{name: "the limit cuts", cwd: "sub", rules: InstructionRules{MaxBytes: 6}, text: "1234\n\n56", sources: []string{"project/AGENTS.md", "project/sub/AGENTS.md"}, warning: true,
			files: map[string]string{"project/AGENTS.md": "1234", "project/sub/AGENTS.md": "5678"}},
		{name: "the limit is not of the home", rules: InstructionRules{MaxBytes: 1}, text: "long text\n\n--- project-doc ---\n\np", sources: []string{"home/AGENTS.md", "project/AGENTS.md"},
			files: map[string]string{"home/AGENTS.md": "long text", "project/AGENTS.md": "p"}},
		{name: "the limit cuts no character in two", rules: InstructionRules{MaxBytes: 2}, text: "a", sources: []string{"project/AGENTS.md"}, warning: true, files: map[string]string{"project/AGENTS.md": "aé"}},
		{name: "reached exactly", cwd: "sub", rules: InstructionRules{MaxBytes: 4}, text: "1234", sources: []string{"project/AGENTS.md"},
			files: map[string]string{"project/AGENTS.md": "1234", "project/sub/AGENTS.md": "5678"}},
		{name: "none wanted", rules: InstructionRules{MaxBytes: -1}, files: map[string]string{"project/AGENTS.md": "p"}},
		{name: "no text", text: "a\uFFFDb", sources: []string{"project/AGENTS.md"}, files: map[string]string{"project/AGENTS.md": "a\xffb"}},
		{name: "a link inside the project", text: "p", sources: []string{"project/AGENTS.md"}, files: map[string]string{"project/docs/real.md": "p"},
			links: map[string]string{"project/AGENTS.md": "project/docs/real.md"}},
		{name: "a link out of the project", files: map[string]string{"secret": "key"}, links: map[string]string{"project/AGENTS.md": "secret"}},
		{name: "a link out, then a fallback", text: "x", sources: []string{"project/X.md"}, files: map[string]string{"secret": "key", "project/X.md": "x"},
			links: map[string]string{"project/AGENTS.md": "secret"}, rules: InstructionRules{Fallbacks: []string{"X.md"}}},
		{name: "a folder that is a link out", cwd: "sub", files: map[string]string{"elsewhere/real.md": "key"}, links: map[string]string{"project/docs": "elsewhere", "project/sub/AGENTS.md": "project/docs/real.md"}},
		{name: "a dangling link", links: map[string]string{"project/AGENTS.md": "project/gone"}},
		{name: "a link to itself", links: map[string]string{"project/AGENTS.md": "project/AGENTS.md"}},
		{name: "a link to a device", links: map[string]string{"project/AGENTS.md": "/dev/zero"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, map[string]string{"home/": "", "project/": "", "project/" + c.cwd + "/": ""})
			plant(t, dir, c.files)
			for name, to := range c.links {
				if runtime.GOOS == "windows" {
					t.Skip("links need a privilege on Windows")
				}
				if !filepath.IsAbs(to) {
					to = filepath.Join(dir, to)
				}
				if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			r := c.rules
			r.Home, r.Root = filepath.Join(dir, "home"), filepath.Join(dir, "project")
			switch r.MaxBytes {
			case 0:
				r.MaxBytes = 1 << 10
			case -1:
				r.MaxBytes = 0
			}
			got := ReadInstructions(filepath.Join(r.Root, c.cwd), r)
			if got.Text != c.text {
				t.Errorf("text %q, want %q", got.Text, c.text)
			}
			for i, s := range got.Sources {
				rel, _ := filepath.Rel(dir, s)
				got.Sources[i] = filepath.ToSlash(rel)
			}
			if strings.Join(got.Sources, " ") != strings.Join(c.sources, " ") {
				t.Errorf("sources %q, want %q", got.Sources, c.sources)
			}
			if (got.Warning != "") != c.warning {
				t.Errorf("warning %q", got.Warning)
			}
		})
	}
}

// Outside of a project only the folder itself counts.
func TestInstructionsWithoutAProject(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"AGENTS.md": "above", "sub/AGENTS.md": "here"})
	for _, root := range []string{"", filepath.Join(dir, "elsewhere"), filepath.Join(dir, "sub")} {
		if got := ReadInstructions(filepath.Join(dir, "sub"), InstructionRules{Home: filepath.Join(dir, "home"), Root: root, MaxBytes: 100}); got.Text != "here" {
			t.Errorf("root %q: %q", root, got.Text)
		}
	}
}

func TestReadGitInfo(t *testing.T) {
	const a, b = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	const remote = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://example.org/x.git\n\tfetch = +refs\n[remote \"other\"]\n\turl = no\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		cwd   string
		want  *GitInfo
	}{
		{"no repository", nil, "", nil},
		{"a branch", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": a + "\n", ".git/config": remote}, "", &GitInfo{a, "main", "https://example.org/x.git"}},
		{"a branch with slashes, from below", map[string]string{".git/HEAD": "ref: refs/heads/me/x\n", ".git/refs/heads/me/x": a, "sub/deep/": ""}, "sub/deep", &GitInfo{Commit: a, Branch: "me/x"}},
		{"a packed ref", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": "# pack-refs with: peeled\n" + b + " refs/heads/mai\n" + a + " refs/heads/main\n^" + b + "\n"}, "", &GitInfo{Commit: a, Branch: "main"}},
		{"a loose ref before a packed one", map[string]string{".git/HEAD": "ref: refs/heads/main", ".git/packed-refs": b + " refs/heads/main\n", ".git/refs/heads/main": a}, "", &GitInfo{Commit: a, Branch: "main"}},
		{"a detached head", map[string]string{".git/HEAD": a + "\n"}, "", &GitInfo{Commit: a}},
		{"no commit yet", map[string]string{".git/HEAD": "ref: refs/heads/main\n"}, "", &GitInfo{Branch: "main"}},
		{"a worktree", map[string]string{"repo/.git/HEAD": "ref: refs/heads/main\n", "repo/.git/config": remote, "repo/.git/refs/heads/wt": a,
			"repo/.git/worktrees/wt/HEAD": "ref: refs/heads/wt\n", "repo/.git/worktrees/wt/commondir": "../..\n", "wt/.git": "gitdir: ../repo/.git/worktrees/wt\n"}, "wt", &GitInfo{a, "wt", "https://example.org/x.git"}},
		{"a broken .git file", map[string]string{".git": "what?"}, "", nil},
		{"an empty .git folder", map[string]string{".git/": ""}, "", &GitInfo{}},
		{"no origin", map[string]string{".git/HEAD": a, ".git/config": "[remote \"upstream\"]\nurl = x\n[remote \"origin\"]\nurl2 = y\n"}, "", &GitInfo{Commit: a}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, c.files)
			got := ReadGitInfo(filepath.Join(dir, c.cwd))
			switch {
			case got == nil && c.want == nil:
			case got == nil || c.want == nil || *got != *c.want:
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestPreview(t *testing.T) {
	text := func(s string) protocol.UserInput { return &protocol.UserInputText{Text: s} }
	url := "data:,"
	for _, c := range []struct {
		in   []protocol.UserInput
		want string
	}{
		{nil, ""},
		{[]protocol.UserInput{&protocol.UserInputImage{URL: &url}}, ""},
		{[]protocol.UserInput{text(""), &protocol.UserInputImage{URL: &url}, text("second"), text("third")}, "second"},
		{[]protocol.UserInput{text("# Context from my IDE\nfiles\n## My request for Codex:\n do it \n")}, "do it"},
	} {
		if got := previewOf(c.in); got != c.want {
			t.Errorf("%+v: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestUserItem(t *testing.T) {
	dir := t.TempDir()
	png := "\x89PNG\r\n\x1a\n0"
	plant(t, dir, map[string]string{"a.png": png, "a.txt": "text"})
	url := "https://example.org/x"
	got := string(userItem([]protocol.UserInput{
		&protocol.UserInputText{Text: "say \"hi\""}, &protocol.UserInputImage{URL: &url},
		&protocol.UserInputLocalImage{Path: filepath.Join(dir, "a.png")}, &protocol.UserInputLocalImage{Path: filepath.Join(dir, "a.txt")},
		&protocol.UserInputLocalImage{Path: filepath.Join(dir, "gone")}, &protocol.UserInputLocalImage{Path: dir}, &protocol.UserInputLocalImage{Path: os.DevNull}, &protocol.UserInputSkill{Name: "x"},
	}))
	for _, want := range []string{
		`{"type":"input_text","text":"say \"hi\""},{"type":"input_image","image_url":"https://example.org/x","detail":"high"}`,
		`"image_url":"data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte(png)) + `"`,
		"unsupported image format `text/plain; charset=utf-8`", "could not read the local image at `", dir + "`: it is no file", os.DevNull + "`: it is no file",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	if n := strings.Count(got, `"type":"input_`); n != 7 {
		t.Errorf("%d parts in %s", n, got)
	}
}

// The names by which matchers of hooks and their inputs know a call.
func TestHookedNames(t *testing.T) {
	for _, tt := range []struct {
		call    tool.Call
		name    string
		aliases []string
	}{
		{tool.Call{Name: "exec_command", Arguments: `{"cmd":"ls"}`}, "Bash", nil},
		{tool.Call{Name: "apply_patch", Custom: true, Arguments: "*** Begin Patch"}, "apply_patch", []string{"Edit", "Write"}},
		{tool.Call{Namespace: "mcp__s__", Name: "echo", Arguments: `{}`}, "mcp__s__echo", nil},
		{tool.Call{Namespace: "multi_agent_v1", Name: "spawn_agent", Arguments: `{}`}, "spawn_agent", nil},
		{tool.Call{Namespace: "multi_agent_v1", Name: "wait_agent", Arguments: `{}`}, "multi_agent_v1wait_agent", []string{"wait_agent"}},
	} {
		if h, ok := asHooked(tt.call); !ok || h.name != tt.name || !slices.Equal(h.aliases, tt.aliases) {
			t.Errorf("%s %s: %v %q %q", tt.call.Namespace, tt.call.Name, ok, h.name, h.aliases)
		}
	}
}
