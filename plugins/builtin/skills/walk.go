package skills

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/plugins/skill"
)

const (
	maxDepth   = 6    // folders below a root
	maxFolders = 2000 // looked into per root, the root included
)

// walk is one pass over the roots of a request.
type walk struct {
	memory *memory
	roots  []place
	seen   map[string]bool // canonical paths of the SKILL.md files taken

	hits     []hit
	problems []skill.Problem
	watch    []string
}

// place is a root with its links resolved.
type place struct {
	skill.Root
	real   string // canonical; empty if it does not exist
	within string // canonical; empty for no limit
}

// hit is a skill under a root.
type hit struct {
	found *found
	root  int
	via   string // how it was reached, if not by its own path
}

func newWalk(m *memory, roots []skill.Root) *walk {
	w := &walk{memory: m, seen: make(map[string]bool)}
	for _, r := range roots {
		p := place{Root: r}
		p.real, _ = filepath.EvalSymlinks(r.Path)
		if r.Within != "" {
			if p.within, _ = filepath.EvalSymlinks(r.Within); p.within == "" {
				p.within = filepath.Clean(r.Within)
			}
		}
		w.roots = append(w.roots, p)
		w.watch = append(w.watch, r.Path)
		if p.real != "" && p.real != filepath.Clean(r.Path) {
			w.watch = append(w.watch, p.real)
		}
	}
	return w
}

func (w *walk) run(ctx context.Context) error {
	for i := range w.roots {
		if err := w.root(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// stop is a folder to look into.
type stop struct {
	path   string // canonical
	via    string // as reached from the root's path, links as they are
	folder *folder
	err    error
}

// root walks one root, breadth first, level by level.
func (w *walk) root(ctx context.Context, i int) error {
	r := &w.roots[i]
	if r.real == "" {
		if _, err := os.Lstat(r.Path); err == nil {
			w.problem(r, r.Path, "link leads nowhere")
		}
		return nil
	}
	if info, err := os.Stat(r.real); err != nil || !info.IsDir() {
		return nil
	}
	if !w.allowed(r, r.real) {
		w.problem(r, r.Path, "links outside the repository: "+r.real)
		return nil
	}
	visited := map[string]bool{r.real: true}
	level := []stop{{path: r.real, via: filepath.Clean(r.Path)}}
	count := 1
	for depth := 0; len(level) > 0; depth++ {
		if err := w.lookAll(ctx, level); err != nil {
			return err
		}
		var next []stop
		for _, s := range level {
			if s.err != nil {
				if !errors.Is(s.err, fs.ErrNotExist) { // gone since it was listed
					w.problem(r, s.path, "failed to read folder: "+bare(s.err))
				}
				continue
			}
			w.take(i, s)
			if depth == maxDepth {
				continue
			}
			for _, sub := range w.below(r, s) {
				if visited[sub.path] {
					continue
				}
				if count == maxFolders {
					w.problem(r, r.Path, fmt.Sprintf("there are more than %d folders; the rest is not looked at", maxFolders))
					count++ // said once
				}
				if count > maxFolders {
					break
				}
				visited[sub.path] = true
				count++
				next = append(next, sub)
			}
		}
		level = next
	}
	return nil
}

// lookAll looks into the folders of one level, side by side.
func (w *walk) lookAll(ctx context.Context, level []stop) error {
	workers := min(runtime.GOMAXPROCS(0), 8, (len(level)+31)/32)
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			var r reader
			for i := n; i < len(level) && ctx.Err() == nil; i += workers {
				s := &level[i]
				old := w.memory.get(s.path)
				if s.folder, s.err = r.look(s.path, old); s.err == nil && s.folder != old {
					w.memory.put(s.path, s.folder)
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// take adds the skill of a folder to the listing.
func (w *walk) take(i int, s stop) {
	switch s.folder.mark {
	case markFile:
		w.add(i, s.folder.found, s.via)
	case markLink:
		w.addLinked(i, s)
	}
}

// add adds what was found in a folder that was reached as via.
func (w *walk) add(i int, f *found, via string) {
	if f == nil || w.seen[f.skill.Path] {
		return
	}
	w.seen[f.skill.Path] = true
	if f.problem != "" {
		w.problem(&w.roots[i], f.skill.Path, f.problem)
		return
	}
	if f.linked != "" {
		w.watchLink(f.linked)
	}
	h := hit{found: f, root: i}
	if via = filepath.Join(via, skillFile); via != f.skill.Path {
		h.via = via
	}
	w.hits = append(w.hits, h)
}

// addLinked adds a skill whose SKILL.md is a link to a file. It is known by
// the file, and lives in the folder that holds the link. It is read each time:
// such skills are few.
func (w *walk) addLinked(i int, s stop) {
	r := &w.roots[i]
	link := filepath.Join(s.path, skillFile)
	if r.Scope == skill.ScopeSystem {
		return
	}
	real, ok := w.resolve(r, link)
	if !ok {
		return
	}
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
		return
	}
	w.watchLink(real)
	var rd reader
	w.add(i, w.memory.same(link, rd.read(real, s.path, true)), s.via)
}

// below returns the folders to look into next.
func (w *walk) below(r *place, s stop) []stop {
	out := make([]stop, 0, len(s.folder.subs)+len(s.folder.links))
	for _, name := range s.folder.subs {
		out = append(out, stop{path: filepath.Join(s.path, name), via: filepath.Join(s.via, name)})
	}
	if r.Scope == skill.ScopeSystem {
		return out
	}
	for _, name := range s.folder.links {
		link := filepath.Join(s.path, name)
		if info, err := os.Stat(link); err == nil && !info.IsDir() {
			continue // some other file
		}
		if real, ok := w.resolve(r, link); ok {
			w.watchLink(real)
			out = append(out, stop{path: real, via: filepath.Join(s.via, name)})
		}
	}
	return out
}

// resolve follows a link. One that leads nowhere, or out of the root's bounds,
// is a problem; a circle is not, there is just nothing to be found in it.
func (w *walk) resolve(r *place, link string) (real string, ok bool) {
	real, err := filepath.EvalSymlinks(link)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		target, _ := os.Readlink(link)
		w.watchLink(absolute(filepath.Dir(link), target))
		w.problem(r, link, fmt.Sprintf("link leads nowhere: %s", target))
		return "", false
	case err != nil:
		return "", false
	case !w.allowed(r, real):
		w.problem(r, link, "links outside the repository: "+real)
		return "", false
	}
	return real, true
}

func absolute(dir, target string) string {
	if filepath.IsAbs(target) {
		return filepath.Clean(target)
	}
	return filepath.Join(dir, target)
}

// allowed tells whether what is found at a canonical path may count for r: it
// lies within r's bounds, or below another root, where it would count anyway.
func (w *walk) allowed(r *place, real string) bool {
	if r.within == "" || inside(r.within, real) {
		return true
	}
	for i := range w.roots {
		o := &w.roots[i]
		if o != r && o.real != "" && o.real != r.real && inside(o.real, real) {
			return true
		}
	}
	return false
}

// inside tells whether path is dir or below it.
func inside(dir, path string) bool {
	if path == dir {
		return true
	}
	dir = strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator)
	return strings.HasPrefix(path, dir)
}

// watchLink adds what a link leads to, unless a root's watch covers it.
func (w *walk) watchLink(real string) {
	for i := range w.roots {
		if w.roots[i].real != "" && inside(w.roots[i].real, real) {
			return
		}
	}
	w.watch = append(w.watch, real)
}

func (w *walk) problem(r *place, path, message string) {
	w.problems = append(w.problems, skill.Problem{Path: path, Message: message, Scope: r.Scope})
}
