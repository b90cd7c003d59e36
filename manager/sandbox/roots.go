package sandbox

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findRoots resolves the writable roots of a policy. Links are followed once, here: everything after works on the
// resolved paths, so that a link changed later leads nowhere new.
func findRoots(p Policy, tmpdir string) []Root {
	cwd, _ := filepath.EvalSymlinks(p.Cwd)
	paths := make([]string, 0, 4+len(p.WritableRoots))
	add := func(path string) {
		if !filepath.IsAbs(path) {
			return
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil || slices.Contains(paths, real) {
			return
		}
		paths = append(paths, real)
	}
	add(p.Cwd)
	for _, r := range p.WritableRoots {
		add(r)
	}
	if !p.ExcludeSlashTmp && os.PathSeparator == '/' {
		add("/tmp")
	}
	if !p.ExcludeTmpdir && tmpdir != "" {
		add(tmpdir)
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	var also []string
	for _, path := range p.Protected {
		if real, ok := realPath(path); ok {
			also = append(also, real)
		}
	}
	roots := make([]Root, 0, len(paths))
	for _, path := range paths {
		roots = append(roots, protect(path, path == cwd, also))
	}
	// A git folder outside its root may lie inside another one.
	for i := range roots {
		for _, dir := range gitDirs(filepath.Join(roots[i].Path, ".git")) {
			for j := range roots {
				if within(dir, roots[j].Path) && dir != roots[j].Path && !slices.Contains(roots[j].ReadOnly, dir) {
					roots[j].ReadOnly = append(roots[j].ReadOnly, dir)
				}
			}
		}
	}
	return roots
}

// protect lists what stays read-only in one root. Names that are missing are guarded only where isCwd.
func protect(path string, isCwd bool, also []string) Root {
	r := Root{Path: path}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return r
	}
	for _, name := range protectedNames {
		at := filepath.Join(path, name)
		switch there := exists(at); {
		case there && !isEmptyDir(at):
			r.ReadOnly = append(r.ReadOnly, at)
		case there || isCwd:
			r.Missing = append(r.Missing, at)
		}
	}
	for _, at := range also {
		if within(at, path) && at != path && !slices.Contains(r.ReadOnly, at) && exists(at) {
			r.ReadOnly = append(r.ReadOnly, at)
		}
	}
	return r
}

// pins are the folders on the way from a writable root to something inside it that is treated differently: another root,
// a protected name, a hidden path. Such a folder could be renamed, with all it holds, and another be put in its place; so
// each must be kept where it is.
func pins(roots []Root, hidden []Hide) []string {
	var out []string
	add := func(path string) {
		i := slices.IndexFunc(roots, func(r Root) bool { return within(path, r.Path) }) // the outermost comes first
		if i < 0 {
			return
		}
		for up := filepath.Dir(path); len(up) > len(roots[i].Path); up = filepath.Dir(up) {
			if !slices.Contains(out, up) {
				out = append(out, up)
			}
		}
	}
	for _, r := range roots {
		add(r.Path)
		for _, path := range slices.Concat(r.ReadOnly, r.Missing) {
			add(path)
		}
	}
	for _, h := range hidden {
		add(h.Path)
	}
	return out
}

// gitDirs follows a .git file (worktrees, submodules) or link to the folders that govern the repository: the one it
// names, and the common one that holds configuration and hooks. Nothing for a plain folder.
func gitDirs(dotGit string) []string {
	info, err := os.Lstat(dotGit)
	if err != nil || info.IsDir() {
		return nil
	}
	dir := dotGit
	if info.Mode().IsRegular() {
		text, err := readSmall(dotGit)
		rest, ok := bytes.CutPrefix(text, []byte("gitdir:"))
		if err != nil || !ok {
			return nil
		}
		dir = join(filepath.Dir(dotGit), string(bytes.TrimSpace(rest)))
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	out := []string{dir}
	if text, err := readSmall(filepath.Join(dir, "commondir")); err == nil {
		if common, err := filepath.EvalSymlinks(join(dir, string(bytes.TrimSpace(text)))); err == nil && common != dir {
			out = append(out, common)
		}
	}
	return out
}

// readSmall reads a file that git keeps to one line.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return nil, os.ErrInvalid
	}
	return os.ReadFile(path)
}

func join(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

// realPath resolves the links of the longest existing part of an absolute path. A dangling link is resolved too: whoever
// writes through it creates its target. False for relative paths and loops.
func realPath(path string) (string, bool) {
	if !filepath.IsAbs(path) {
		return "", false
	}
	path = filepath.Clean(path)
	for range 40 {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return real, true
		}
		dir, rest := path, ""
		for {
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				path = filepath.Join(real, rest)
				return path, true
			}
			if target, err := os.Readlink(dir); err == nil {
				parent, ok := filepath.EvalSymlinks(filepath.Dir(dir))
				if ok != nil {
					return "", false
				}
				path = filepath.Join(join(parent, target), rest)
				break
			}
			up := filepath.Dir(dir)
			if up == dir {
				return path, true
			}
			rest = filepath.Join(filepath.Base(dir), rest)
			dir = up
		}
	}
	return "", false
}

func writableUnder(roots []Root, real string) bool {
	in := false
	for _, r := range roots {
		if !within(real, r.Path) {
			continue
		}
		in = true
		for _, no := range slices.Concat(r.ReadOnly, r.Missing) {
			if within(real, no) {
				return false
			}
		}
		for _, name := range protectedNames {
			if within(real, filepath.Join(r.Path, name)) {
				return false
			}
		}
	}
	return in
}

// within tells whether path is dir or lies below it. Both are clean and absolute.
func within(path, dir string) bool {
	if path == dir || dir == string(os.PathSeparator) {
		return true
	}
	return len(path) > len(dir) && strings.HasPrefix(path, dir) && os.IsPathSeparator(path[len(dir)])
}

// isEmptyDir tells a folder with nothing in it, which may be the placeholder of another command and go at any time.
func isEmptyDir(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return err == io.EOF
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
