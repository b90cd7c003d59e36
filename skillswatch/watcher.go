package skillswatch

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Options configure a Watcher; the zero value is usable.
type Options struct {
	Debounce    time.Duration // silence that ends a burst; default 50 ms
	MaxDebounce time.Duration // longest wait for that silence; default 250 ms
	// MaxWatches limits the system's watches for the whole Watcher; default 1024. Folders beyond it are polled, up to
	// four times as many; the rest is not watched. Both are said in Warnings.
	MaxWatches   int
	PollInterval time.Duration // default 1 s; negative forbids polling
	// Ignore holds patterns (as path.Match) of entry names that are neither entered nor reported; nil takes DefaultIgnore.
	Ignore []string
	// Own are files and folders that the host writes itself: nothing in them is ever reported.
	Own    []string
	Logger *slog.Logger
	// OnWarning is told each of Warnings once, as it is found out. It must not block nor use the Watcher.
	OnWarning func(text string)
	Source    Source // replaces the system's; the Watcher closes it
	// Eventless replaces the way to tell that a folder's file system sends no events.
	Eventless func(dir string) bool
	Off       bool // accept registrations and never call back
}

// DefaultIgnore are names whose changes never matter to skills or settings.
func DefaultIgnore() []string {
	return []string{".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".DS_Store", "*.swp", "*.swx", "*~", ".#*", "4913"}
}

// Mode says how changes are noticed.
type Mode string

// The modes. Idle is before the first Watch, Inert a watcher that will never report anything.
const (
	Idle    Mode = "idle"
	Events  Mode = "events"
	Polling Mode = "polling"
	Mixed   Mode = "mixed"
	Inert   Mode = "inert"
)

// Event is what changed since the last one, in the spelling of the roots. With Overflow anything may have changed, and
// Paths are the roots.
type Event struct {
	Paths    []string // sorted, no duplicates
	Overflow bool
}

// Watcher watches for any number of registrations. It is safe for concurrent use.
type Watcher struct {
	opts Options
	log  *slog.Logger

	mu     sync.Mutex // registrations, their roots and life cycle; held while folders are walked
	regs   []*Registration
	state  lifeState
	wg     sync.WaitGroup
	done   chan struct{}
	kick   chan struct{}
	events Source // nil: none to be had
	poll   Source // nil until needed

	watches           // what is watched and what was heard; has a lock of its own
	said    []warning // guarded by mu
}

// warning is what is said once of a trouble, for the first folder that has it.
type warning struct{ trouble, text string }

type lifeState uint8

const (
	stateNew lifeState = iota
	stateRunning
	stateClosed
)

// New starts nothing: no descriptor and no goroutine exists before the first Watch.
func New(o Options) *Watcher {
	if o.Debounce <= 0 {
		o.Debounce = 50 * time.Millisecond
	}
	if o.MaxDebounce <= 0 {
		o.MaxDebounce = 250 * time.Millisecond
	}
	if o.MaxWatches <= 0 {
		o.MaxWatches = 1024
	}
	if o.PollInterval == 0 {
		o.PollInterval = time.Second
	}
	if o.Ignore == nil {
		o.Ignore = DefaultIgnore()
	}
	if o.Eventless == nil {
		o.Eventless = func(dir string) bool { return o.Source == nil && eventless(dir) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	own := make([]string, len(o.Own))
	for i, p := range o.Own {
		own[i] = canonical(p)
	}
	return &Watcher{
		opts: o, log: o.Logger, done: make(chan struct{}), kick: make(chan struct{}, 1),
		watches: watches{dirs: map[string]*dirWatch{}, own: own},
	}
}

// Watch reports changes below the roots to fn until the registration is closed. When it returns, everything that exists
// is watched. fn must not call Close of the Watcher.
func (w *Watcher) Watch(roots []Root, fn func(Event)) *Registration {
	r := &Registration{w: w, fn: fn}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == stateClosed {
		r.closed = true
		return r
	}
	if w.state == stateNew {
		w.start()
	}
	w.regs = append(w.regs, r)
	r.update(roots)
	return r
}

// start picks the sources. Called with mu held.
func (w *Watcher) start() {
	w.state = stateRunning
	if w.opts.Off {
		return
	}
	w.events = w.opts.Source
	if w.events == nil {
		s, err := newEventSource(w.log)
		if err != nil {
			w.warn("source", "file changes cannot be watched (%v); looking for them every %v instead", err, w.opts.PollInterval)
		} else {
			w.events = s
		}
	}
	if w.events == nil && w.opts.PollInterval < 0 {
		w.warn("inert", "file changes are not noticed: there is no watcher and polling is switched off")
		return
	}
	if w.events != nil {
		w.forward(w.events)
	}
	w.wg.Go(w.loop)
}

// forward moves notices into memory as fast as they come, so that a slow callback does not make the system lose any.
func (w *Watcher) forward(s Source) {
	w.wg.Go(func() {
		for n := range s.Notices() {
			if w.note(n) {
				w.wake()
			}
		}
		select {
		case <-w.done:
		default:
			w.sourceEnded(s)
		}
	})
}

// sourceEnded goes on without a source that gave up.
func (w *Watcher) sourceEnded(s Source) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == stateClosed || s != w.events {
		return
	}
	w.warn("broken", "the file watcher broke down; looking for changes every %v instead", w.opts.PollInterval)
	w.events = nil
	w.wg.Go(func() { _ = s.Close() })
	w.forget()
	w.note(Notice{Overflow: true})
	w.wake()
}

func (w *Watcher) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// loop waits for news, lets a burst end and reports it.
func (w *Watcher) loop() {
	d := debouncer{quiet: w.opts.Debounce, max: w.opts.MaxDebounce}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-w.kick:
			d.add(time.Now())
		case <-timer.C:
			d.done()
			w.report()
		}
		if at, ok := d.due(); ok {
			timer.Reset(time.Until(at))
		}
	}
}

// report brings the watches up to date and calls back. Callbacks run without a lock.
func (w *Watcher) report() {
	heard := w.take()
	type call struct {
		r *Registration
		e Event
	}
	var calls []call
	w.mu.Lock()
	w.detachStale()
	for _, r := range w.regs {
		if e, ok := r.absorb(heard); ok {
			calls = append(calls, call{r, e})
		}
	}
	w.mu.Unlock()
	for _, c := range calls {
		c.r.call(c.e)
	}
}

// warn says something once: a trouble that a thousand folders have is one. Called with mu held.
func (w *Watcher) warn(trouble, format string, args ...any) {
	if slices.ContainsFunc(w.said, func(o warning) bool { return o.trouble == trouble }) {
		return
	}
	text := fmt.Sprintf(format, args...)
	w.said = append(w.said, warning{trouble, text})
	w.log.Warn(text)
	if w.opts.OnWarning != nil {
		w.opts.OnWarning(text)
	}
}

// Warnings says what is not watched as it should be, in the order it was found out.
func (w *Watcher) Warnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]string, len(w.said))
	for i, s := range w.said {
		out[i] = s.text
	}
	return out
}

// Mode says how changes are noticed right now.
func (w *Watcher) Mode() Mode {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == stateNew {
		return Idle
	}
	if w.events == nil && w.poll == nil {
		if w.opts.Off || w.opts.PollInterval < 0 {
			return Inert
		}
		return Polling
	}
	byEvents, polled := w.counts()
	switch {
	case polled == 0 && w.events != nil:
		return Events
	case byEvents == 0:
		return Polling
	}
	return Mixed
}

// Watches counts the folders watched by the system and those polled.
func (w *Watcher) Watches() (events, polled int) { return w.counts() }

// Close ends all registrations, waits for the goroutines and a running callback. It may be called again.
func (w *Watcher) Close() {
	w.mu.Lock()
	first := w.state != stateClosed
	started := w.state == stateRunning
	w.state = stateClosed
	var sources []Source
	if first {
		close(w.done)
		sources = []Source{w.events, w.poll}
		for _, r := range w.regs {
			r.end()
		}
		w.regs = nil
		if !started && w.opts.Source != nil {
			sources = []Source{w.opts.Source}
		}
	}
	w.mu.Unlock()
	for _, s := range sources {
		if s != nil {
			_ = s.Close() // nothing to be done about it at the end
		}
	}
	w.wg.Wait()
}

// canonical resolves links as far as the path exists.
func canonical(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(canonical(parent), filepath.Base(path))
}
