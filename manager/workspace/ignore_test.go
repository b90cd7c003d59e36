package workspace

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		line, path string
		want       bool
	}{
		{"a.log", "a.log", true},
		{"a.log", "sub/a.log", true},
		{"a.log", "sub/a.logs", false},
		{"*.log", "sub/x.log", true},
		{"tmp*", "sub/tmp1", true},
		{"/a", "a", true},
		{"/a", "sub/a", false},
		{"sub/a", "sub/a", true},
		{"sub/a", "x/sub/a", false},
		{"build/", "build/", true},
		{"build/", "x/build/", true},
		{"build/", "build", false},
		{"a/b/", "a/b/", true},
		{"**/foo", "foo", true},
		{"**/foo", "a/b/foo", true},
		{"**/foo/bar", "a/foo/bar", true},
		{"**/foo/bar", "a/foo/x/bar", false},
		{"foo/**", "foo/a/b", true},
		{"foo/**", "foo", false},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x/y/c", false},
		{"a/**/b/**/c", "a/b/x/b/y/c", true},
		{"a/*/b", "a/x/b", true},
		{"a/*/b", "a/x/y/b", false},
		{"a**b", "axyb", true},
		{"a/x**y", "a/x1/y", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[]x]", "]", true},
		{"[[:digit:]]*", "7up", true},
		{"[a", "[a", true},
		{`\#a`, "#a", true},
		{`\!a`, "!a", true},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{"a ", "a", true},
		{`a\ `, "a ", true},
		{"a\r", "a", true},
		{"*a*b*c*", "xxaxxbxxcxx", true},
		{"*a*b*c*", "xxaxxbxxxx", false},
		{"é?", "éü", true},
		{"# a", "# a", false},
		{"", "a", false},
		{"/", "a", false},
	} {
		isFolder := strings.HasSuffix(c.path, "/")
		path := strings.TrimSuffix(c.path, "/")
		g, ok := parseGlob(c.line)
		if got := ok && g.matches(path, path[strings.LastIndex(path, "/")+1:], isFolder); got != c.want {
			t.Errorf("%q on %q: %v", c.line, c.path, got)
		}
	}
}

// All that a search sees of a working tree is what git would take, and .git itself.
func TestIgnoreLikeGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here to compare with")
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(list string) string { f := strings.Fields(list); return f[rnd.IntN(len(f))] }
	const names = "a b ab a.log b.log ab.txt .x build x1"
	for round := range 12 {
		root := tree(t, ".git/")
		git(t, root, "init", "-q")
		for range 60 {
			var path []string
			for range 1 + rnd.IntN(4) {
				path = append(path, pick(names))
			}
			full := filepath.Join(root, filepath.Join(path...))
			if os.MkdirAll(filepath.Dir(full), 0o777) == nil {
				_ = os.WriteFile(full, nil, 0o666) // a folder may be there
			}
		}
		var files []string
		for _, dir := range []string{"", "a", "ab/build"} {
			if info, err := os.Stat(filepath.Join(root, dir)); err != nil || !info.IsDir() {
				continue
			}
			var lines []string
			for range 1 + rnd.IntN(4) {
				lines = append(lines, pick("! _ _ _ _")+pick("/ ** _ _ _ _")+pick("a b ab *.log a* *b x? [ab] build build/ a/b a/**/b **/b a/** */a ab/ /a/ab"))
			}
			text := strings.ReplaceAll(strings.ReplaceAll(strings.Join(lines, "\n"), "_", ""), "***", "*") + "\n"
			files = append(files, dir+": "+text)
			plant(t, root, filepath.ToSlash(filepath.Join(dir, ".gitignore"))+": "+text)
		}
		plant(t, root, ".git/info/exclude: x1\n")
		want := strings.Fields(git(t, root, "ls-files", "-co", "--exclude-standard"))
		slices.Sort(want)
		if got := walked(t, "", root); !slices.Equal(got, want) {
			t.Fatalf("round %d: with %q\nseen %q\ngit  %q", round, files, got, want)
		}
	}
}

func git(t *testing.T, root string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", root, "-c", "core.excludesFile="}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func TestIgnoreFiles(t *testing.T) {
	for _, c := range []struct {
		what  string
		names []string
		root  string
		want  string
	}{
		{"no repository, no .gitignore", []string{".gitignore: *.log\n", "a.log", "b"}, "", ".gitignore a.log b"},
		{".ignore counts anywhere", []string{".ignore: *.log\n", "sub/a.log", "b"}, "", ".ignore b"},
		{"and from above the root", []string{".ignore: *.log\n", "sub/a.log", "sub/b"}, "sub", "b"},
		{"as does .gitignore in a repository", []string{".git/", ".gitignore: *.log\n", "sub/a.log", "sub/b"}, "sub", "b"},
		{".ignore is stronger", []string{".git/", ".gitignore: *.log\n", ".ignore: !a.log\n", "a.log", "b.log"}, "", ".gitignore .ignore a.log"},
		{"the nearest file decides", []string{".git/", ".gitignore: *.log\n", "sub/.gitignore: !a.log\n", "sub/a.log", "sub/b.log"}, "", ".gitignore sub/.gitignore sub/a.log"},
		{"a repository in another is its own", []string{".git/", ".gitignore: *.log\n", "in/.git/", "in/a.log"}, "", ".gitignore in/a.log"},
		{"info/exclude", []string{".git/info/exclude: *.log\n", "a.log", "b"}, "", "b"},
		{"of a linked tree", []string{"main/.git/info/exclude: *.log\n", "main/.git/worktrees/w/commondir: ../..\n", "w/.git: gitdir: ../main/.git/worktrees/w\n", "w/a.log", "w/b"}, "w", ".git b"},
	} {
		root := tree(t, c.names...)
		if got := strings.Join(walked(t, "", filepath.Join(root, c.root)), " "); got != c.want {
			t.Errorf("%s: seen %s, want %s", c.what, got, c.want)
		}
	}
}

func TestIgnoreUsersOwnRules(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "")
	work := tree(t, ".git/", "a.log", "a.tmp", "b")
	usual := tree(t, ".config/git/ignore: *.log\n")
	named := tree(t, ".gitconfig: [user]\n\tname = x\n[core]\n\texcludesFile = ~/rules\n", "rules: *.tmp\n")
	for home, want := range map[string]string{usual: "a.tmp b", named: "a.log b", "": "a.log a.tmp b"} {
		if got := strings.Join(walked(t, home, work), " "); got != want {
			t.Errorf("with home %s: seen %s, want %s", home, got, want)
		}
	}
}

// walked lists the files that a walk visits but those in a .git folder, sorted.
func walked(t *testing.T, home string, roots ...string) []string {
	t.Helper()
	lists := make([][]string, workers())
	err := newWalk(roots, home, func(worker int, f *folder) {
		for i := range f.ends {
			name, isFolder := f.entry(i)
			if path := f.path + name; !isFolder && !strings.HasPrefix(path, ".git/") && !strings.Contains(path, "/.git/") {
				lists[worker] = append(lists[worker], path)
			}
		}
	}).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(lists...)
	slices.Sort(all)
	return all
}

func FuzzGlob(f *testing.F) {
	f.Add("a/**/b*[c-d]?", "a/x/bcd")
	f.Add("[[:alpha:]", "x")
	f.Add(`\`, `\`)
	f.Fuzz(func(t *testing.T, line, path string) {
		if g, ok := parseGlob(line); ok && len(line) < 100 && len(path) < 200 {
			g.matches(path, path[strings.LastIndex(path, "/")+1:], false)
		}
	})
}
