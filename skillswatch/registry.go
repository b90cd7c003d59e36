package skillswatch

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
)

// Root is one thing to watch. It need not exist: then its nearest existing ancestor is watched for the next name on the
// way, and the watch moves closer as the way appears.
type Root struct {
	Path string
	// File says that Path is a single file; it is watched through its folder, and through its target's when it is a link.
	File bool
	// Recursive enters the folders below, Depth levels deep (0: no limit), links to folders included.
	Recursive bool
	Depth     int
	// Ignore adds patterns to Options.Ignore for this root.
	Ignore []string
	// MaxDirs limits the folders below this root; default 2000, in breadth-first order.
	MaxDirs int
}

// Registration is one interest. Close it to end it.
type Registration struct {
	w      *Watcher
	fn     func(Event)
	roots  []*rootState // guarded by w.mu
	callMu sync.Mutex
	closed bool // guarded by callMu
}

// rootState is a root and what is watched for it at the moment.
type rootState struct {
	Root
	// wants leads to the caller's spelling: of the folder, or of the one entry to report ("" for a step on the way).
	wants  map[want]string
	dirs   map[string]bool // the folders of wants
	exists bool
	target string // canonical path, to notice a link that was turned elsewhere
}

// Update replaces the roots. Watches that both sets need stay; changes in between are not lost.
func (r *Registration) Update(roots []Root) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if !r.isClosed() {
		r.update(roots)
	}
}

// update is Update with w.mu held: first the new watches, then the old ones go.
func (r *Registration) update(roots []Root) {
	old := r.roots
	r.roots = nil
	for _, root := range roots {
		s := &rootState{Root: root}
		s.Path = filepath.Clean(root.Path)
		if s.MaxDirs <= 0 {
			s.MaxDirs = 2000
		}
		r.roots = append(r.roots, s)
		s.sync(r.w)
	}
	for _, s := range old {
		s.release(r.w)
	}
}

// Close ends the registration: no call of fn begins after it returned. A call that is running is not waited for, so fn
// itself may close its registration.
func (r *Registration) Close() {
	r.end()
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for _, s := range r.roots {
		s.release(r.w)
	}
	r.roots = nil
	r.w.regs = slices.DeleteFunc(r.w.regs, func(x *Registration) bool { return x == r })
}

func (r *Registration) end() {
	r.callMu.Lock()
	r.closed = true
	r.callMu.Unlock()
}

func (r *Registration) isClosed() bool {
	r.callMu.Lock()
	defer r.callMu.Unlock()
	return r.closed
}

func (r *Registration) call(e Event) {
	if !r.isClosed() {
		r.fn(e)
	}
}

// absorb works what was heard into the roots and says what to report. Called with w.mu held.
func (r *Registration) absorb(h heard) (Event, bool) {
	found := map[string]bool{}
	for _, s := range r.roots {
		if h.overflow {
			s.sync(r.w)
			found[s.Path] = true
			continue
		}
		s.absorb(r.w, h.paths, found)
	}
	if len(found) == 0 {
		return Event{}, false
	}
	return Event{Paths: slices.Sorted(maps.Keys(found)), Overflow: h.overflow}, true
}

// absorb adds the changed paths of this root to found. Everything that may have changed which folders there are makes
// the root walk again.
func (s *rootState) absorb(w *Watcher, paths map[string]bool, found map[string]bool) {
	existed, target := s.exists, s.target
	walk := false
	for p := range paths {
		walk = walk || s.dirs[p] // a watched folder itself came or went
		dir, name := filepath.Dir(p), filepath.Base(p)
		if spelled, mine := s.wants[want{dir, name}]; mine {
			walk = true // the root, the file behind it or a step towards it
			if spelled != "" && (existed || present(s.Path)) {
				found[spelled] = true
			}
		}
		if spelled, mine := s.wants[want{dir, ""}]; mine && !s.ignored(w, name) {
			found[filepath.Join(spelled, name)] = true
			walk = walk || s.Recursive && isDir(p)
		}
	}
	if !walk {
		return
	}
	s.sync(w)
	if s.exists != existed || s.target != target {
		found[s.Path] = true
	}
}

func present(p string) bool {
	_, err := os.Lstat(p)
	return err == nil
}

func (s *rootState) ignored(w *Watcher, name string) bool {
	for _, list := range [][]string{w.opts.Ignore, s.Ignore} {
		for _, pattern := range list {
			if ok, _ := path.Match(pattern, name); ok {
				return true
			}
		}
	}
	return false
}

func (s *rootState) release(w *Watcher) {
	for x := range s.wants {
		w.drop(x)
	}
	s.wants, s.dirs = nil, nil
}

// sync makes the watches what the file system asks for now. New ones come first, so nothing falls between.
func (s *rootState) sync(w *Watcher) {
	old := s.wants
	s.wants, s.dirs = make(map[want]string, len(old)+2), make(map[string]bool, len(old)+2)
	hold := func(dir, name, spelled string) {
		x := want{dir, name}
		if _, twice := s.wants[x]; twice {
			return
		}
		_, held := old[x]
		s.wants[x], s.dirs[dir] = spelled, true
		w.hold(x, held)
	}
	s.approach(hold)
	if s.exists && !s.File {
		s.walk(w, hold)
	}
	for x := range old {
		if _, still := s.wants[x]; !still {
			w.drop(x)
		}
	}
}

// approach watches the way to the root: its name in its folder, or the next name in the nearest folder that exists. It
// looks again after every watch, because the way may have appeared just before.
func (s *rootState) approach(hold func(dir, name, spelled string)) {
	for range 64 {
		dir, name := filepath.Dir(s.Path), filepath.Base(s.Path)
		for !isDir(dir) && filepath.Dir(dir) != dir {
			dir, name = filepath.Dir(dir), filepath.Base(dir)
		}
		report := ""
		if dir == filepath.Dir(s.Path) {
			report = s.Path
		}
		hold(canonical(dir), name, report)
		fi, err := os.Stat(s.Path)
		s.exists = err == nil && (s.File || fi.IsDir())
		if s.exists || dir == filepath.Dir(s.Path) || !isDir(filepath.Join(dir, name)) {
			break
		}
	}
	s.target = canonical(s.Path)
	if s.File && s.exists {
		// The file behind a link changes in a folder of its own.
		if real := filepath.Dir(s.target); real != canonical(filepath.Dir(s.Path)) || filepath.Base(s.target) != filepath.Base(s.Path) {
			hold(real, filepath.Base(s.target), s.Path)
		}
	}
}

// walk watches the folder and what is below it, each before it is listed, nearest first.
func (s *rootState) walk(w *Watcher, hold func(dir, name, spelled string)) {
	type step struct {
		dir, spelled string
		depth        int
	}
	queue := []step{{s.target, s.Path, 0}}
	seen := map[string]bool{s.target: true}
	full := false
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		hold(at.dir, "", at.spelled)
		if full || !s.Recursive || s.Depth > 0 && at.depth >= s.Depth {
			continue
		}
		entries, err := os.ReadDir(at.dir)
		if err != nil {
			continue // gone again, or not ours to read
		}
		for _, e := range entries {
			if !e.IsDir() && e.Type()&os.ModeSymlink == 0 || s.ignored(w, e.Name()) {
				continue
			}
			dir := filepath.Join(at.dir, e.Name())
			if !e.IsDir() {
				if dir = canonical(dir); !isDir(dir) {
					continue
				}
			}
			if seen[dir] || w.isOwn(dir) {
				continue
			}
			if full = len(seen) >= s.MaxDirs; full {
				w.warn("folders of "+s.Path, "%s holds more than %d folders; changes in the others are not noticed", s.Path, s.MaxDirs)
				break // what is in the queue is still watched
			}
			seen[dir] = true
			queue = append(queue, step{dir, filepath.Join(at.spelled, e.Name()), at.depth + 1})
		}
	}
}

func isDir(p string) bool {
	fi, err := os.Stat(p)
	return err == nil && fi.IsDir()
}

func gone(p string) bool {
	_, err := os.Lstat(p)
	return os.IsNotExist(err)
}
