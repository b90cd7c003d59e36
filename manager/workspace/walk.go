package workspace

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"
)

// A walk goes through folders side by side. Links are followed, but not back to a
// folder that the way leads through.
type walk struct {
	roots []string        // absolute
	begin map[string]bool // the roots again
	visit func(worker int, f *folder)

	mu      sync.Mutex
	news    sync.Cond
	waiting []place // the last one in is the first one out, which keeps them few
	busy    int     // workers that may still add some
	stopped bool
	linked  map[string]int // canonical folders: how often links to them were followed
}

// mostLinked is how often links to one folder are followed. Trees of packages
// that link each other would have no end.
const mostLinked = 4

// A place is a folder to be listed.
type place struct {
	root  int
	real  string // with a separator at its end
	canon string // the same without links on the way
	path  string // from the root, likewise, with slashes
	rules *rules
	links *link // on the way, the last one first
}

// A link on the way to a place.
type link struct {
	up *link
	in string // the canonical folder that it lies in
}

// workers is how many goroutines a walk takes.
func workers() int { return min(max(runtime.GOMAXPROCS(0), 2), 8) }

// run walks until everything was visited or ctx ends. visit is called for each
// folder, by up to workers goroutines at a time, which are numbered. It returns
// when all of them have ended.
func (w *walk) run(ctx context.Context) error {
	w.news.L = &w.mu
	var all sync.WaitGroup
	defer context.AfterFunc(ctx, w.stop)()
	for i := range workers() {
		all.Go(func() { w.work(ctx, i) })
	}
	all.Wait()
	return ctx.Err()
}

func (w *walk) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.news.Broadcast()
}

func (w *walk) work(ctx context.Context, worker int) {
	l := lister{walk: w, scratch: make([]byte, 32<<10)}
	for {
		p, ok := w.next()
		if !ok {
			return
		}
		if f := l.list(p); f != nil && ctx.Err() == nil {
			w.visit(worker, f)
		}
		if ctx.Err() != nil {
			w.stop() // before AfterFunc comes to it
		}
		w.add(l.below)
	}
}

// next takes a place, and waits for one while others may still add some.
func (w *walk) next() (place, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) == 0 && w.busy > 0 && !w.stopped {
		w.news.Wait()
	}
	if len(w.waiting) == 0 || w.stopped {
		return place{}, false
	}
	p := w.waiting[len(w.waiting)-1]
	w.waiting = w.waiting[:len(w.waiting)-1]
	w.busy++
	return p, true
}

// add ends the work on a place with the folders that were found in it.
func (w *walk) add(below []place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, below...)
	w.busy--
	if len(below) > 0 || w.busy == 0 {
		w.news.Broadcast()
	}
}

// newWalk prepares a walk of roots, each of which is visited once. A root in
// another one is not visited from there too.
func newWalk(roots []string, home string, visit func(worker int, f *folder)) *walk {
	w := &walk{visit: visit, begin: make(map[string]bool), linked: make(map[string]int), roots: make([]string, len(roots))}
	global := globalGlobs(home)
	for i, root := range roots {
		abs, err := filepath.Abs(root)
		if err != nil || w.begin[withSep(abs)] {
			continue
		}
		w.roots[i] = withSep(abs)
		w.begin[w.roots[i]] = true
		p := place{root: i, real: w.roots[i], canon: w.roots[i], rules: above(abs, global)}
		if canon, err := filepath.EvalSymlinks(abs); err == nil {
			p.canon = withSep(canon)
		}
		w.waiting = append(w.waiting, p)
	}
	return w
}

// A lister lists folders, one at a time.
type lister struct {
	walk    *walk
	scratch []byte
	names   []byte
	entries []entry
	below   []place
}

// An entry is what a folder was found to hold, before the rules were asked.
type entry struct {
	begin, end int // of the name
	kind       fs.FileMode
}

// list reads a folder and gives what is kept of it; nil if it cannot be read. The
// folders in it are in below.
func (l *lister) list(p place) *folder {
	l.names, l.entries, l.below = l.names[:0], l.entries[:0], l.below[:0]
	var special found
	err := listFolder(p.real, l.scratch, func(name []byte, kind fs.FileMode) {
		if len(name) > 0 && name[0] == '.' {
			special.see(string(name))
		}
		begin := len(l.names)
		l.names = append(l.names, name...)
		l.entries = append(l.entries, entry{begin, len(l.names), kind})
	})
	if err != nil && len(l.entries) == 0 {
		return nil
	}
	p.rules = p.rules.in(p.real, special)
	f := &folder{root: p.root, path: p.path, ends: make([]uint32, 0, len(l.entries))}
	all := string(l.names)
	var kept strings.Builder
	kept.Grow(len(all))
	for _, e := range l.entries {
		name := all[e.begin:e.end]
		isFolder, isLink, ok := look(p, name, e.kind)
		if !ok || !utf8.ValidString(name) || p.rules.ignored(p.real, name, isFolder) {
			continue
		}
		if isFolder && !l.enter(p, name, isLink) {
			continue
		}
		kept.WriteString(name)
		end := uint32(kept.Len())
		if isFolder {
			end |= folderBit
		}
		f.ends = append(f.ends, end)
	}
	f.names = kept.String()
	f.ascii = ascii(f.path) && ascii(f.names)
	return f
}

// look says what an entry is; not ok if it is a link to nowhere.
func look(p place, name string, kind fs.FileMode) (isFolder, isLink, ok bool) {
	if kind&fs.ModeIrregular != 0 {
		info, err := os.Lstat(p.real + name)
		if err != nil {
			return false, false, false
		}
		kind = info.Mode()
	}
	if kind&fs.ModeSymlink == 0 {
		return kind.IsDir(), false, true
	}
	info, err := os.Stat(p.real + name)
	if err != nil {
		return false, true, false
	}
	return info.IsDir(), true, true
}

// enter notes a folder to be listed, if it is not a root of its own. It is false
// for a link that leads back to where the way came through.
func (l *lister) enter(p place, name string, isLink bool) bool {
	next := place{root: p.root, real: p.real + name + sep, path: p.path + name + "/", rules: p.rules, links: p.links}
	if l.walk.begin[next.real] {
		return true
	}
	switch {
	case isLink:
		canon, err := filepath.EvalSymlinks(p.real + name)
		if err != nil || back(p, withSep(canon)) {
			return false
		}
		if next.canon = withSep(canon); !l.walk.follow(next.canon) {
			return true
		}
		next.links = &link{p.links, p.canon}
	case len(p.canon) == len(p.real) && p.canon == p.real:
		next.canon = next.real
	default:
		next.canon = p.canon + name + sep
	}
	l.below = append(l.below, next)
	return true
}

// back reports whether the way to a place leads through a folder.
func back(p place, folder string) bool {
	if strings.HasPrefix(p.canon, folder) {
		return true
	}
	for at := p.links; at != nil; at = at.up {
		if strings.HasPrefix(at.in, folder) {
			return true
		}
	}
	return false
}

// follow counts a link that leads to a folder; false when there were enough.
func (w *walk) follow(folder string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linked[folder]++
	return w.linked[folder] <= mostLinked
}
