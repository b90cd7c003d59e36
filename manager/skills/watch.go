package skills

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins/skill"
)

// watches counts who wants a path watched, and registers each path once. The
// watcher may take a while for a big folder: it is asked in the background.
type watches struct {
	watcher Watcher
	logger  hclog.Logger
	changed func(paths ...string)
	work    sync.WaitGroup

	mu     sync.Mutex // guards the rest
	closed bool
	paths  map[string]*watch
}

// watch is one registration.
type watch struct {
	refs  int
	begun chan struct{} // closed when the watcher has answered
	stop  func()        // valid then; nil if the watcher failed
}

// readyWait bounds how long a listing waits for the watching to begin.
const readyWait = 2 * time.Second

func (w *watches) init(watcher Watcher, logger hclog.Logger, changed func(paths ...string)) {
	w.watcher, w.logger, w.changed = watcher, logger, changed
	w.paths = make(map[string]*watch)
}

// acquire has the paths watched; true if one of them was not so far.
func (w *watches) acquire(paths []string) (fresh bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watcher == nil || w.closed {
		return false
	}
	for _, p := range paths {
		e, ok := w.paths[p]
		if !ok {
			fresh = true
			e = &watch{begun: make(chan struct{})}
			w.paths[p] = e
			w.work.Go(func() { w.begin(p, e) })
		}
		e.refs++
	}
	return fresh
}

func (w *watches) begin(path string, e *watch) {
	defer close(e.begun)
	stop, err := w.watcher.Watch(path, w.changed)
	if err != nil {
		w.logger.Warn("changes of skills will not be noticed", "path", path, "error", err)
		return
	}
	e.stop = stop
}

// ready waits until the watching of the paths has begun, or does not.
func (w *watches) ready(ctx context.Context, paths []string) {
	timeout := time.NewTimer(readyWait)
	defer timeout.Stop()
	for _, p := range paths {
		w.mu.Lock()
		e := w.paths[p]
		w.mu.Unlock()
		if e == nil {
			continue
		}
		select {
		case <-e.begun:
		case <-ctx.Done():
			return
		case <-timeout.C:
			w.logger.Warn("watching takes long to begin", "path", p)
			return
		}
	}
}

// release lets go of paths that were acquired.
func (w *watches) release(paths []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range paths {
		e := w.paths[p]
		if e == nil {
			continue // closed meanwhile, or nobody watches
		}
		if e.refs--; e.refs == 0 {
			delete(w.paths, p)
			w.work.Go(e.end)
		}
	}
}

func (e *watch) end() {
	<-e.begun
	if e.stop != nil {
		e.stop()
	}
}

func (w *watches) close() {
	w.mu.Lock()
	w.closed = true
	for _, e := range w.paths {
		w.work.Go(e.end)
	}
	clear(w.paths)
	w.mu.Unlock()
	w.work.Wait()
}

// paths returns the roots that need a watch of their own: those below another
// are covered by it.
func paths(roots []skill.Root) []string {
	var out []string
	for i, r := range roots {
		own := true
		for j, o := range roots {
			own = own && (i == j || !below(o, r.Path))
		}
		if own {
			out = append(out, r.Path)
		}
	}
	return out
}

// covered tells whether the watch of a root sees path, too.
func covered(roots []skill.Root, path string) bool {
	for _, r := range roots {
		if path == r.Path || below(r, path) {
			return true
		}
	}
	return false
}
