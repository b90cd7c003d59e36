package config

import (
	"os"
	"path/filepath"
	"strings"
)

// Trust is what the user decided about a project folder.
type Trust uint8

// Undecided is the zero value: nobody was asked yet.
const (
	Undecided Trust = iota
	Trusted
	Untrusted
)

func (t Trust) String() string {
	return [...]string{"undecided", "trusted", "untrusted"}[min(t, Untrusted)]
}

func readTrust(n *node) map[string]Trust {
	t := n.table("projects", "a map")
	if t == nil {
		return nil
	}
	out := make(map[string]Trust, len(t.vals))
	for _, dir := range t.keys() {
		p := t.child(dir, "struct ProjectConfig")
		if p == nil {
			continue
		}
		switch p.oneOf("trust_level", "trusted", "untrusted") {
		case "trusted":
			out[filepath.Clean(dir)] = Trusted
		case "untrusted":
			out[filepath.Clean(dir)] = Untrusted
		}
		p.done()
	}
	return out
}

// TrustOf looks a folder up: itself, then its project root, then the main repository of a worktree. The second result is
// the folder that an entry exists for or should be written for.
func (c *Config) TrustOf(dir string) (Trust, string) {
	p := prober{}
	return trustOf(c.trusts, dir, p.root(dir, c.Docs.RootMarkers))
}

func trustOf(trusts map[string]Trust, dir, root string) (Trust, string) {
	if root == "" {
		root = dir
	}
	if len(trusts) > 0 {
		for _, candidate := range []string{dir, root, mainRepository(root)} {
			if t := trustAt(trusts, candidate); t != Undecided {
				return t, candidate
			}
		}
	}
	return Undecided, root
}

// trustAt accepts both spellings of a folder, as given and with its links resolved.
func trustAt(trusts map[string]Trust, dir string) Trust {
	if dir == "" {
		return Undecided
	}
	if t, ok := trusts[dir]; ok {
		return t
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir {
		return trusts[real]
	}
	return Undecided
}

// prober looks for project roots and notes every place it looked at, so that a cached answer knows when it is stale.
type prober struct {
	marks []mark
}

// mark is one existence check: path and what was found.
type mark struct {
	path  string
	found bool
}

// root is the nearest ancestor of dir (dir included) that holds a marker; empty when there is none.
func (p *prober) root(dir string, markers []string) string {
	for d := dir; ; d = filepath.Dir(d) {
		for _, m := range markers {
			if p.holds(d, m) {
				return d
			}
		}
		if parent := filepath.Dir(d); parent == d {
			return ""
		}
	}
}

// holds says whether the marker is in the folder. An empty .git folder is no repository.
func (p *prober) holds(dir, marker string) bool {
	path := filepath.Join(dir, marker)
	fi, err := os.Stat(path)
	p.marks = append(p.marks, mark{path, err == nil})
	if err != nil || marker != ".git" || !fi.IsDir() {
		return err == nil
	}
	head := filepath.Join(path, "HEAD")
	_, err = os.Lstat(head)
	p.marks = append(p.marks, mark{head, err == nil})
	return err == nil
}

// mainRepository follows the .git file of a worktree to the folder of the repository it belongs to.
func mainRepository(root string) string {
	b, err := os.ReadFile(filepath.Join(root, ".git"))
	if err != nil {
		return ""
	}
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir:")
	if !ok {
		return ""
	}
	dir = strings.TrimSpace(dir)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	// <main>/.git/worktrees/<name>
	if filepath.Base(filepath.Dir(dir)) != "worktrees" || filepath.Base(filepath.Dir(filepath.Dir(dir))) != ".git" {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(dir)))
}
