package skills

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/codexhost/codexhost/plugins/skill"
)

// Settings is what the configuration says about skills for one working
// directory. All paths are absolute; empty ones mean that there is no such place.
type Settings struct {
	Cwd         string
	ProjectRoot string // nearest ancestor of Cwd with a marker, else Cwd
	CodexHome   string
	UserHome    string
	SystemDir   string // /etc/codex, where that layer exists

	// ProjectFolders are the .codex folders of the project layers, nearest
	// first, untrusted ones included.
	ProjectFolders []string
	// NoBundled leaves the system skills out: those that come with the host, and
	// the reference's own.
	NoBundled bool
	// Plugins are the skill folders of enabled plugins, with their namespaces.
	Plugins []skill.Root
	// Extra are the roots that a client set.
	Extra []string

	Rules []Rule
	// Product is who we are for skills that are meant for some products only.
	Product string

	bundled string // where the skills lie that come with the host
}

// Rule switches skills on or off: those of exactly that name, or the one whose
// SKILL.md has that path. Later rules win.
type Rule struct {
	Name    string
	Path    string
	Enabled bool
}

// Roots returns where skills are looked for, in order of precedence.
func (s *Settings) Roots() []skill.Root {
	var roots []skill.Root
	add := func(scope skill.Scope, namespace, path string) {
		path = filepath.Clean(path)
		if slices.ContainsFunc(roots, func(r skill.Root) bool { return r.Path == path }) {
			return
		}
		r := skill.Root{Path: path, Scope: scope, Namespace: namespace}
		if scope == skill.ScopeRepo {
			r.Within = s.ProjectRoot
		}
		roots = append(roots, r)
	}
	for _, f := range s.ProjectFolders {
		add(skill.ScopeRepo, "", filepath.Join(f, "skills"))
	}
	if s.CodexHome != "" {
		add(skill.ScopeUser, "", filepath.Join(s.CodexHome, "skills"))
	}
	if s.UserHome != "" {
		add(skill.ScopeUser, "", filepath.Join(s.UserHome, ".agents", "skills"))
	}
	if s.CodexHome != "" && !s.NoBundled {
		add(skill.ScopeSystem, "", filepath.Join(s.CodexHome, "skills", ".system"))
	}
	if s.bundled != "" {
		add(skill.ScopeSystem, "", s.bundled)
	}
	if s.SystemDir != "" {
		add(skill.ScopeAdmin, "", filepath.Join(s.SystemDir, "skills"))
	}
	for _, p := range s.Plugins {
		add(skill.ScopeUser, p.Namespace, p.Path)
	}
	for _, dir := range down(s.ProjectRoot, s.Cwd) {
		add(skill.ScopeRepo, "", filepath.Join(dir, ".agents", "skills"))
	}
	for _, e := range s.Extra {
		add(skill.ScopeUser, "", e)
	}
	return roots
}

// down returns the directories from root to dir, both included.
func down(root, dir string) []string {
	if dir == "" {
		return nil
	}
	dirs := []string{dir}
	for dir != root {
		parent := filepath.Dir(dir)
		if parent == dir { // root is no ancestor
			return dirs[:1]
		}
		dir = parent
		dirs = append(dirs, dir)
	}
	slices.Reverse(dirs)
	return dirs
}

// key tells two settings apart.
func (s *Settings) key(roots []skill.Root) string {
	var b strings.Builder
	for _, r := range roots {
		for _, f := range []string{r.Path, string(r.Scope), r.Within, r.Namespace} {
			b.WriteString(strconv.Quote(f))
		}
	}
	for _, r := range s.Rules {
		b.WriteString(strconv.Quote(r.Name) + strconv.Quote(r.Path) + strconv.FormatBool(r.Enabled))
	}
	b.WriteString(strconv.Quote(s.Product) + strconv.Quote(s.Cwd))
	return b.String()
}
