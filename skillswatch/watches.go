package skillswatch

import (
	"path/filepath"
	"strings"
	"sync"
)

// watches is the bookkeeping between sources and registry. Its lock is held for moments only, never across a call of a
// source: a source may wait for its notices to be taken before it accepts another folder.
type watches struct {
	wmu   sync.Mutex
	dirs  map[string]*dirWatch // by canonical path
	own   []string
	heard heard
	os    int // folders that the system watches
}

// dirWatch is one watched folder and who cares for what in it.
type dirWatch struct {
	all   int            // how many want every entry
	names map[string]int // how many want this entry only
	how   watchKind
	stale bool // what was watched is gone or replaced; watch again before relying on it
}

type watchKind uint8

const (
	unwatched watchKind = iota
	byEvents
	byPolling
)

// heard is what came in since the last report. Too much of it turns into overflow: the answer is a rescan either way.
type heard struct {
	paths    map[string]bool
	overflow bool
}

const maxHeard = 8192

// note takes in one notice; false when nobody cares.
func (w *watches) note(n Notice) bool {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if n.Overflow {
		w.heard.overflow, w.heard.paths = true, nil
		for _, d := range w.dirs {
			d.stale = true // which of them was replaced is among the things that were lost
		}
		return true
	}
	path := filepath.Clean(n.Path)
	self := w.dirs[path]
	if self != nil && (n.Gone || n.New) {
		w.staleBelow(path)
	}
	if self == nil || !n.Gone && !n.New {
		parent := w.dirs[filepath.Dir(path)]
		if parent == nil || parent.all == 0 && parent.names[filepath.Base(path)] == 0 {
			return false
		}
	}
	if w.isOwn(path) {
		return false
	}
	switch {
	case w.heard.overflow:
	case len(w.heard.paths) >= maxHeard:
		w.heard.overflow, w.heard.paths = true, nil
	default:
		if w.heard.paths == nil {
			w.heard.paths = map[string]bool{}
		}
		w.heard.paths[path] = true
	}
	return true
}

// staleBelow marks a folder that moved or went, with everything that was watched in it.
func (w *watches) staleBelow(path string) {
	for dir, d := range w.dirs {
		if dir == path || strings.HasPrefix(dir, path+string(filepath.Separator)) {
			d.stale = true
		}
	}
}

func (w *watches) isOwn(path string) bool {
	for _, own := range w.own {
		if path == own || strings.HasPrefix(path, own+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

func (w *watches) take() heard {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	h := w.heard
	w.heard = heard{}
	return h
}

func (w *watches) counts() (events, polled int) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	for _, d := range w.dirs {
		if d.how == byPolling {
			polled++
		}
	}
	return w.os, polled
}

// wantedNames are the entries of a folder that somebody cares for; nil is all of them.
func (w *watches) wantedNames(dir string) []string {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	d := w.dirs[dir]
	if d == nil || d.all > 0 {
		return nil
	}
	out := make([]string, 0, len(d.names))
	for name := range d.names {
		out = append(out, name)
	}
	return out
}

// forget drops what the lost event source watched. Called with the Watcher's mu held.
func (w *watches) forget() {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	for _, d := range w.dirs {
		if d.how == byEvents {
			d.how, d.stale = unwatched, true
		}
	}
	w.os = 0
}

// want is one reason to watch a folder: every entry (name empty) or one.
type want struct {
	dir  string // canonical
	name string
}

// hold counts a reason and sees to it that the folder is watched. Interest is noted before the watch exists, so that its
// first notice finds it. Called with mu held, for a reason held already too: that renews a stale watch.
func (w *Watcher) hold(x want, again bool) {
	w.wmu.Lock()
	d := w.dirs[x.dir]
	if d == nil {
		d = &dirWatch{stale: true}
		w.dirs[x.dir] = d
	}
	switch {
	case again:
	case x.name == "":
		d.all++
	default:
		if d.names == nil {
			d.names = map[string]int{}
		}
		d.names[x.name]++
	}
	stale, old := d.stale, d.how
	d.stale = false
	if stale && old == byEvents {
		w.os--
	}
	room := w.os < w.opts.MaxWatches
	w.wmu.Unlock()
	if stale {
		how := w.attach(x.dir, old, room)
		w.wmu.Lock()
		d.how = how
		if how == byEvents {
			w.os++
		}
		w.wmu.Unlock()
	}
}

// attach makes a source watch the folder: events where they work and there is room, else polling.
func (w *Watcher) attach(dir string, old watchKind, room bool) watchKind {
	w.detach(dir, old)
	if w.events != nil {
		switch {
		case w.opts.Eventless(dir):
			w.warn("eventless", "%s is on a file system without change events; looking for changes there every %v", dir, w.opts.PollInterval)
		case !room:
			w.warn("full", "more than %d folders to watch; the others are looked at every %v", w.opts.MaxWatches, w.opts.PollInterval)
		default:
			err := w.events.Add(dir)
			if err == nil {
				return byEvents
			}
			if gone(dir) {
				return unwatched
			}
			w.warn("refused", "watching %s: %v; looking for changes every %v", dir, err, w.opts.PollInterval)
		}
	}
	return w.attachPolling(dir)
}

func (w *Watcher) attachPolling(dir string) watchKind {
	if w.opts.Off || w.opts.PollInterval < 0 {
		return unwatched
	}
	if _, polled := w.counts(); polled >= 4*w.opts.MaxWatches {
		w.warn("too many", "more than %d folders to look at; changes in the others are not noticed", 4*w.opts.MaxWatches)
		return unwatched
	}
	if w.poll == nil {
		w.poll = newPollSource(w.opts.PollInterval, w.wantedNames)
		w.forward(w.poll)
	}
	if w.poll.Add(dir) != nil {
		return unwatched
	}
	return byPolling
}

func (w *Watcher) detach(dir string, how watchKind) {
	switch {
	case how == byEvents && w.events != nil:
		w.events.Remove(dir)
	case how == byPolling && w.poll != nil:
		w.poll.Remove(dir)
	}
}

// detachStale lets go of everything stale before anything is watched anew. A folder that was renamed keeps its inode, and
// the system knows one watch per inode: taking the old name's watch away later would take the new name's.
func (w *Watcher) detachStale() {
	old := map[string]watchKind{}
	w.wmu.Lock()
	for dir, d := range w.dirs {
		if d.stale && d.how != unwatched {
			old[dir] = d.how
			if d.how == byEvents {
				w.os--
			}
			d.how = unwatched
		}
	}
	w.wmu.Unlock()
	for dir, how := range old {
		w.detach(dir, how)
	}
}

// drop takes a reason back, and the watch with the last one. Called with mu held.
func (w *Watcher) drop(x want) {
	w.wmu.Lock()
	d := w.dirs[x.dir]
	if d == nil {
		w.wmu.Unlock()
		return
	}
	if x.name == "" {
		d.all--
	} else if d.names[x.name]--; d.names[x.name] <= 0 {
		delete(d.names, x.name)
	}
	last := d.all <= 0 && len(d.names) == 0
	if last {
		delete(w.dirs, x.dir)
		if d.how == byEvents {
			w.os--
		}
	}
	w.wmu.Unlock()
	if last {
		w.detach(x.dir, d.how)
	}
}
