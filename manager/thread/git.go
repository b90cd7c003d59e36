package thread

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// GitInfo is what a thread remembers of the repository it was started in. It is
// read from git's own files: starting git would cost more than the whole turn.
type GitInfo struct {
	Commit, Branch, OriginURL string // empty where unknown
}

// ReadGitInfo reads the state of the repository that cwd lies in. It returns
// nil outside of one. Files in a newer format than it knows leave fields empty.
func ReadGitInfo(cwd string) *GitInfo {
	dir := gitDir(cwd)
	if dir == "" {
		return nil
	}
	common := dir
	if b, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		common = absolute(dir, strings.TrimSpace(string(b)))
	}
	info := &GitInfo{OriginURL: originURL(filepath.Join(common, "config"))}
	head, err := os.ReadFile(filepath.Join(dir, "HEAD"))
	if err != nil {
		return info
	}
	line := strings.TrimSpace(string(head))
	ref, symbolic := strings.CutPrefix(line, "ref: ")
	if !symbolic {
		info.Commit = line
		return info
	}
	info.Branch = strings.TrimPrefix(ref, "refs/heads/")
	info.Commit = resolveRef(dir, common, ref)
	return info
}

// gitDir finds the git folder for a directory, following a worktree's ".git" file.
func gitDir(cwd string) string {
	for dir := cwd; ; {
		p := filepath.Join(dir, ".git")
		if info, err := os.Stat(p); err == nil {
			if info.IsDir() {
				return p
			}
			b, err := os.ReadFile(p)
			if err != nil {
				return ""
			}
			to, ok := strings.CutPrefix(strings.TrimSpace(string(b)), "gitdir: ")
			if !ok {
				return ""
			}
			return absolute(dir, to)
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

// resolveRef is the commit a ref names: a loose file, else a line of packed-refs.
func resolveRef(dir, common, ref string) string {
	for _, base := range []string{dir, common} {
		if b, err := os.ReadFile(filepath.Join(base, filepath.FromSlash(ref))); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	f, err := os.Open(filepath.Join(common, "packed-refs"))
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if sha, name, ok := strings.Cut(lines.Text(), " "); ok && name == ref {
			return sha
		}
	}
	return ""
}

// originURL is the url of the remote "origin" in a git config file.
func originURL(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	in := false
	for line := range bytes.Lines(b) {
		s := strings.TrimSpace(string(line))
		if strings.HasPrefix(s, "[") {
			in = s == `[remote "origin"]`
			continue
		}
		if key, value, ok := strings.Cut(s, "="); in && ok && strings.TrimSpace(key) == "url" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
