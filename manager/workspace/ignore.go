package workspace

import (
	"os"
	"path/filepath"
	"strings"
)

// rules say what of a folder a search leaves out: the ignore files in it and,
// through up, those above it.
//
// A folder's .ignore always counts. Its .gitignore counts in a repository, and
// only up to the repository's root; then its .git/info/exclude, then the user's
// own rules. Of each kind the nearest file decides, and in it the last line that
// matches.
type rules struct {
	up      *rules
	base    string // the folder, with a separator at its end
	ignore  []glob
	git     []glob
	exclude []glob
	root    bool   // of a repository
	inGit   bool   // this folder or one above it is a repository's root
	global  []glob // the user's own; on the root of the chain
}

type verdict uint8

const (
	undecided verdict = iota
	left              // out of the search
	kept
)

// ignored says whether an entry of the folder path is left out.
func (r *rules) ignored(folder, name string, isFolder bool) bool {
	if r == nil {
		return false
	}
	full := ""
	rel := func(base string) string {
		if full == "" {
			full = folder + name
		}
		return filepath.ToSlash(full[len(base):])
	}
	git, exclude, global := undecided, undecided, undecided
	outside := false
	for at := r; at != nil; at = at.up {
		if v := decide(at.ignore, at.base, rel, name, isFolder); v != undecided {
			return v == left
		}
		if r.inGit && !outside {
			if git == undecided {
				git = decide(at.git, at.base, rel, name, isFolder)
			}
			if exclude == undecided {
				exclude = decide(at.exclude, at.base, rel, name, isFolder)
			}
			outside = at.root
		}
		if r.inGit && at.global != nil {
			global = decide(at.global, at.base, rel, name, isFolder)
		}
	}
	for _, v := range [...]verdict{git, exclude, global} {
		if v != undecided {
			return v == left
		}
	}
	return false
}

func decide(globs []glob, base string, rel func(base string) string, name string, isFolder bool) verdict {
	for i := len(globs) - 1; i >= 0; i-- {
		g := &globs[i]
		path := ""
		if g.how == globPath {
			path = rel(base)
		}
		if g.matches(path, name, isFolder) {
			if g.not {
				return kept
			}
			return left
		}
	}
	return undecided
}

// found is which of the names that matter a folder has.
type found struct{ ignore, gitignore, git bool }

func (f *found) see(name string) {
	switch name {
	case ".ignore":
		f.ignore = true
	case ".gitignore":
		f.gitignore = true
	case ".git":
		f.git = true
	}
}

// in gives the rules of a folder, which ends in a separator. Most folders have none of their own.
func (r *rules) in(folder string, f found) *rules {
	if f == (found{}) {
		return r
	}
	own := &rules{up: r, base: folder, root: f.git, inGit: f.git || r != nil && r.inGit}
	if f.ignore {
		own.ignore = readGlobs(folder + ".ignore")
	}
	if f.gitignore {
		own.git = readGlobs(folder + ".gitignore")
	}
	if f.git {
		own.exclude = readGlobs(filepath.Join(gitFolder(folder+".git"), "info", "exclude"))
	}
	return own
}

// above gives the rules of everything above a folder.
func above(folder string, global []glob) *rules {
	up := filepath.Dir(folder)
	if up == folder {
		return &rules{base: up, global: global}
	}
	var f found
	up = withSep(up)
	for _, name := range [...]string{".ignore", ".gitignore", ".git"} {
		if _, err := os.Stat(up + name); err == nil {
			f.see(name)
		}
	}
	return above(filepath.Clean(up), global).in(up, f)
}

func withSep(folder string) string {
	if strings.HasSuffix(folder, sep) {
		return folder
	}
	return folder + sep
}

// gitFolder is where a repository keeps what its working trees share. In a linked
// one, .git is a file that leads there.
func gitFolder(dotGit string) string {
	text, err := readSmall(dotGit)
	if err != nil {
		return dotGit
	}
	dir, ok := strings.CutPrefix(text, "gitdir:")
	if !ok {
		return dotGit
	}
	dir = resolve(filepath.Dir(dotGit), strings.TrimSpace(dir))
	if common, err := readSmall(filepath.Join(dir, "commondir")); err == nil {
		dir = resolve(dir, strings.TrimSpace(common))
	}
	return dir
}

func resolve(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

// globalGlobs are the user's own rules for all repositories; none without a home.
func globalGlobs(home string) []glob {
	if home == "" {
		return nil
	}
	return readGlobs(globalFile(home))
}

// globalFile is where git looks for them: where its configuration says, or a usual place.
func globalFile(home string) string {
	config := os.Getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	for _, name := range []string{filepath.Join(home, ".gitconfig"), filepath.Join(config, "git", "config")} {
		if path := excludesFile(name); path != "" {
			if rest, ok := strings.CutPrefix(path, "~/"); ok {
				path = filepath.Join(home, rest)
			}
			return path
		}
	}
	return filepath.Join(config, "git", "ignore")
}

// excludesFile finds core.excludesFile in a file of git's configuration.
func excludesFile(name string) string {
	text, err := readSmall(name)
	if err != nil {
		return ""
	}
	inCore, path := false, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inCore = strings.EqualFold(line, "[core]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && inCore && strings.EqualFold(strings.TrimSpace(key), "excludesfile") {
			path = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return path
}

// readGlobs reads an ignore file. One that cannot be read has no rules.
func readGlobs(name string) []glob {
	text, err := readSmall(name)
	if err != nil {
		return nil
	}
	var globs []glob
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if g, ok := parseGlob(strings.TrimSuffix(line, "\n")); ok {
			globs = append(globs, g)
		}
	}
	return globs
}

// mostRules is how long a file of rules may be, in bytes.
const mostRules = 4 << 20

// readSmall reads a regular file that no one needs to be large.
func readSmall(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > mostRules {
		return "", os.ErrInvalid
	}
	b, err := os.ReadFile(name)
	return string(b), err
}
