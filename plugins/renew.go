package plugins

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/codexhost/codexhost/skillswatch"
)

// programWatch watches the programs of plugins that were needed, and has each
// looked at when something happened around it. Nothing is watched before.
type programWatch struct {
	host    *Host
	watcher *skillswatch.Watcher // nil: nothing is noticed

	mu           sync.Mutex // guards the rest
	applying     bool
	stale        bool // the wanted files may be others since they were applied
	registration *skillswatch.Registration
}

// refresh has the files watched, from soon on, that are wanted now.
func (w *programWatch) refresh() {
	if w.watcher == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stale = true; !w.applying {
		w.applying = w.host.begin(w.apply)
	}
}

// apply watches until nothing has changed meanwhile. What happened to a program
// before it was watched is looked for afterwards.
func (w *programWatch) apply() {
	var applied []string
	for {
		w.mu.Lock()
		if !w.stale {
			w.applying = false
			w.mu.Unlock()
			return
		}
		w.stale = false
		registration := w.registration
		w.mu.Unlock()
		paths := w.wanted()
		if slices.Equal(paths, applied) {
			continue
		}
		applied = paths
		roots := make([]skillswatch.Root, len(paths))
		for i, p := range paths {
			roots[i] = skillswatch.Root{Path: p, File: true}
		}
		if registration != nil {
			registration.Update(roots)
		} else {
			registration = w.watcher.Watch(roots, func(skillswatch.Event) { w.host.renewAll() })
		}
		w.mu.Lock()
		w.registration = registration
		w.mu.Unlock()
		w.host.renewAll()
	}
}

// wanted are the files of all programs that were tried, sorted.
func (w *programWatch) wanted() []string {
	var paths []string
	for _, s := range w.host.supervisors() {
		s.mu.Lock()
		if s.needed() {
			paths = append(paths, s.spec.files()...)
		}
		s.mu.Unlock()
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// close ends the watching. Nothing adds to it any more.
func (w *programWatch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.registration != nil {
		w.registration.Close()
	}
}

// renewAll looks at the programs of all plugins that were needed, without
// waiting.
func (h *Host) renewAll() {
	for _, s := range h.supervisors() {
		s.renewSoon()
	}
}

// renewSoon has the program looked at, and once more if that is under way.
func (s *supervisor) renewSoon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || !s.needed():
	case s.renewing:
		s.again = true
	default:
		s.renewing = s.host.begin(s.renewLoop)
	}
}

func (s *supervisor) specNow() *Spec {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec := s.spec
	return &spec
}

// needed tells whether somebody has asked for the plugin. The lock is held.
func (s *supervisor) needed() bool { return s.generation > 0 && s.spec.Path != "" }

func (s *supervisor) renewLoop() {
	for more := true; more; {
		if s.changedProgram() {
			s.renew()
		}
		s.mu.Lock()
		more = s.again && !s.closed
		s.again, s.renewing = false, more
		s.mu.Unlock()
	}
}

// changedProgram tells whether the program is another than the one that runs, or
// was tried last. It waits until nobody works on it any more: a build that is
// seen halfway is not run, and one that has removed the old program is awaited.
func (s *supervisor) changedProgram() bool {
	limit := time.NewTimer(s.host.times.Start)
	defer limit.Stop()
	for before := stamp(""); ; {
		s.mu.Lock()
		spec, tried, in, starting := s.spec, s.tried, s.current, s.launching != nil
		s.mu.Unlock()
		now := spec.stamp()
		switch {
		case now == tried || in != nil && !in.dead() && now == in.program || now == "" && !spec.there():
			return false
		case now != "" && now == before && !starting: // a process that starts may be of this very program
			return true
		}
		before = now
		if !s.host.sleep(s.host.times.Settle, limit.C) {
			return false // whoever still writes it will be heard
		}
	}
}

// renew runs the changed program. Where none runs, the deaths of the old program
// are forgotten; if it had failed, the new one is tried at once, for those who
// wait for it to be mended.
func (s *supervisor) renew() {
	if in, l := s.running(); in == nil && l == nil {
		program := s.specNow().stamp()
		s.mu.Lock()
		s.breaker.reset()
		s.tried = program
		s.changed()
		failed := s.last != nil
		s.mu.Unlock()
		if failed {
			s.warm()
		}
		return
	}
	switch err := s.swap(s.host.ctx); {
	case err == nil:
		s.host.logger.Info("plugin's program has changed; the new one serves", "plugin", s.name)
	case s.host.ctx.Err() == nil && !errors.Is(err, ErrClosed):
		s.host.logger.Error("plugin's program has changed, and the old one goes on", "plugin", s.name, "error", err)
	}
}
