package skills

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// Providers is where skills come from. [FromHost] makes one of a plugin host.
type Providers interface {
	// Names returns the names of the skill providers, in order of precedence.
	Names() []string
	// Use calls f with a client of the named provider. Clients compare equal as
	// long as they lead to the same process.
	Use(ctx context.Context, name string, f func(context.Context, skill.Provider) error) error
}

// Watcher reports changes of files. Implementations watch folders with all that
// is below, and paths that do not exist yet through their nearest ancestor.
type Watcher interface {
	// Watch calls changed, from any goroutine, soon after something changed at
	// or below path, with what that was, or with nothing if it may be anything.
	// When it returns, nothing that happens from then on is missed. stop ends it:
	// no call begins after it returned.
	Watch(path string, changed func(paths ...string)) (stop func(), err error)
}

// Options says what a catalogue is made of.
type Options struct {
	Providers Providers
	// Builtin is the name of the provider whose word on scopes counts.
	Builtin string
	// Bundled is the folder for the skills that come with the host, which are
	// put there when skills are first asked for; empty for none.
	Bundled string
	// Watcher may be nil: then nothing is noticed, only told.
	Watcher Watcher
	// OnChange, if set, is called when skills may have changed. It must not block.
	OnChange func()
	Logger   hclog.Logger // nil means none
	// Timeout bounds each question to a provider, its start included; 10 s unless set.
	Timeout time.Duration
}

// Catalogue answers which skills there are. Its methods may be called
// concurrently. Whoever made it closes it, before the providers.
type Catalogue struct {
	providers Providers
	builtin   string
	onChange  func()
	logger    hclog.Logger
	timeout   time.Duration
	watches   watches
	bundled   func() string // the folder, once the skills are there

	generation atomic.Uint64 // of what there may be to find

	mu       sync.Mutex // guards the rest
	entries  map[string]*entry
	touches  []touch              // the last ones, oldest first
	listed   map[string]*Snapshot // the last one for each working directory
	listings uint64               // how many different ones there were
}

// maxListed bounds the working directories whose last listing is remembered.
const maxListed = 256

// maxEntries bounds the cache. Entries that are held do not count.
const maxEntries = 64

// entry is the cache for one set of settings.
type entry struct {
	settings Settings
	roots    []skill.Root
	holds    int // guarded by Catalogue.mu

	turn chan struct{} // has a token while nobody scans; guards the rest

	fresh   uint64            // the generation for which said holds; 0 if the providers have to be asked
	said    *content          // nil before the first answer
	found   []found           // what said was made of
	asked   map[string]answer // by provider
	watched map[string]bool   // paths acquired beyond the roots
}

// answer is what a provider said last, and from which process.
type answer struct {
	client  skill.Provider
	listing *skill.Listing
}

// New makes a catalogue.
func New(o Options) *Catalogue {
	c := &Catalogue{
		providers: o.Providers, builtin: o.Builtin, onChange: o.OnChange, logger: o.Logger,
		timeout: o.Timeout, entries: make(map[string]*entry),
		listed: make(map[string]*Snapshot),
	}
	if c.onChange == nil {
		c.onChange = func() {}
	}
	if c.logger == nil {
		c.logger = hclog.NewNullLogger()
	}
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	c.bundled = sync.OnceValue(func() string { return c.install(o.Bundled) })
	c.generation.Store(1)
	c.watches.init(o.Watcher, c.logger, c.Changed)
	return c
}

// Invalidate makes the next List look anew. To be called when something changed
// that no file tells of: a provider was restarted, a plugin came or went. It
// does not call OnChange.
func (c *Catalogue) Invalidate() { c.generation.Add(1) }

// Changed raises the generation and calls OnChange. Others than the watcher call
// it for what happened out of its sight, as when a provider says that its skills
// are others now. paths are what changed, as far as known.
func (c *Catalogue) Changed(paths ...string) {
	c.mu.Lock()
	c.touches = append(c.touches, touch{c.generation.Add(1), paths[:min(len(paths), maxTouched)]})
	if len(c.touches) > maxTouches {
		c.touches = c.touches[len(c.touches)-maxTouches:]
	}
	c.mu.Unlock()
	c.onChange()
}

// touch is what changed with a generation.
type touch struct {
	generation uint64
	paths      []string
}

// Bounds of the changes that are remembered, and of the files of each.
const (
	maxTouches = 64
	maxTouched = 512
)

// touched returns the files that changed after a generation, as far as remembered.
func (c *Catalogue) touched(after uint64) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.touchedLocked(after)
}

func (c *Catalogue) touchedLocked(after uint64) []string {
	var paths []string
	for _, t := range c.touches {
		if t.generation > after {
			paths = append(paths, t.paths...)
		}
	}
	return paths
}

// List returns the skills for s. With force, the providers are asked in any
// case. A provider that fails is an error entry of the snapshot, not an error;
// that is left for the end of ctx.
func (c *Catalogue) List(ctx context.Context, s Settings, force bool) (*Snapshot, error) {
	e := c.entry(s)
	select {
	case <-e.turn:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another listing of skills: %w", ctx.Err())
	}
	defer func() { e.turn <- struct{}{} }()
	if e.fresh == c.generation.Load() && !force {
		return c.snapshot(e, e.fresh), nil
	}
	if force {
		ctx = afresh(ctx)
	}
	return c.scan(ctx, e)
}

func (c *Catalogue) entry(s Settings) *entry {
	roots := c.roots(&s)
	key := s.key(roots)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entryLocked(key, s, roots)
}

// roots returns where to look, the skills that come with the host included.
func (c *Catalogue) roots(s *Settings) []skill.Root {
	if s.bundled = ""; !s.NoBundled {
		s.bundled = c.bundled()
	}
	return s.Roots()
}

// install writes the bundled skills. Where that cannot be done, in a home that is
// read-only, there are none.
func (c *Catalogue) install(dir string) string {
	if dir == "" {
		return ""
	}
	if err := InstallBundled(dir); err != nil {
		c.logger.Warn("there are no bundled skills", "error", err)
		return ""
	}
	return dir
}

func (c *Catalogue) entryLocked(key string, s Settings, roots []skill.Root) *entry {
	e, ok := c.entries[key]
	if !ok {
		if len(c.entries) >= maxEntries {
			for k, old := range c.entries {
				if old.holds == 0 {
					delete(c.entries, k)
				}
			}
		}
		e = &entry{
			settings: s, roots: roots, turn: make(chan struct{}, 1),
			asked: make(map[string]answer), watched: make(map[string]bool),
		}
		e.turn <- struct{}{}
		c.entries[key] = e
	}
	return e
}

// scan asks the providers. The entry's turn is ours.
func (c *Catalogue) scan(ctx context.Context, e *entry) (*Snapshot, error) {
	held := c.held(e)
	if held {
		c.watches.ready(ctx, paths(e.roots))
	}
	// Links may lead to places that are known only now. They are watched, and
	// looked at once more, since they may have changed in between.
	for round := 0; ; round++ {
		generation := c.generation.Load()
		all, complete := c.askAll(ctx, e)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("listing skills: %w", err)
		}
		if held && round < 3 && c.watchFound(ctx, e, all) {
			continue
		}
		if e.said == nil || !slices.EqualFunc(e.found, all, found.same) {
			e.said, e.found = build(&e.settings, e.roots, all), all
		}
		if e.fresh = generation; !complete {
			e.fresh = 0 // asked again the next time
		}
		return c.snapshot(e, generation), nil
	}
}

// snapshot numbers what is there for an entry. It has the number of the last
// listing for the directory if nothing became different since.
func (c *Catalogue) snapshot(e *entry, at uint64) *Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	cwd := e.settings.Cwd
	sn := c.listed[cwd]
	switch {
	case sn == nil || sn.content != e.said || len(sn.holding(c.touchedLocked(sn.at))) > 0:
		c.listings++
		sn = &Snapshot{Generation: c.listings, at: at, content: e.said}
	case sn.at != at:
		sn = &Snapshot{Generation: sn.Generation, at: at, content: e.said}
	}
	if len(c.listed) >= maxListed {
		clear(c.listed) // then there are new numbers
	}
	c.listed[cwd] = sn
	return sn
}

func (c *Catalogue) held(e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.holds > 0
}

// askAll asks all providers side by side. complete tells whether all answered.
func (c *Catalogue) askAll(ctx context.Context, e *entry) (all []found, complete bool) {
	names := c.providers.Names()
	all = make([]found, len(names))
	answers := make([]answer, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		old := e.asked[name]
		wg.Go(func() {
			all[i] = found{provider: name, trusted: name == c.builtin}
			answers[i], all[i].err = c.list(ctx, name, e, old)
			all[i].listing = answers[i].listing
		})
	}
	wg.Wait()
	complete = true
	clear(e.asked)
	for i, name := range names {
		if all[i].err != nil {
			complete = false
			c.logger.Error("skill provider failed", "provider", name, "error", all[i].err)
			continue
		}
		e.asked[name] = answers[i]
	}
	return all, complete
}

// list asks one provider, which need not repeat what it said before.
func (c *Catalogue) list(ctx context.Context, name string, e *entry, old answer) (answer, error) {
	var got answer
	err := c.ask(ctx, name, func(ctx context.Context, p skill.Provider) error {
		req := skill.ListRequest{Roots: e.roots, Cwd: e.settings.Cwd}
		if old.listing != nil && old.client == p {
			req.Known = old.listing.Generation
		}
		l, err := p.List(ctx, req)
		if err != nil {
			return err
		}
		if got = (answer{client: p, listing: &l}); l.Unchanged {
			if req.Known == 0 {
				return errors.New("the provider says that nothing changed, to whom knows nothing yet")
			}
			got.listing = old.listing
		}
		return nil
	})
	return got, err
}

// ask calls f with a provider, within the timeout, and once more if the
// provider's process died under it: neither call of the contract changes
// anything.
func (c *Catalogue) ask(ctx context.Context, name string, f func(context.Context, skill.Provider) error) error {
	ctx, end := withPatience(ctx, c.timeout)
	defer end()
	err := c.providers.Use(ctx, name, f)
	if plugins.Gone(err) {
		err = c.providers.Use(ctx, name, f)
	}
	if err != nil && context.Cause(ctx) == errLate {
		err = fmt.Errorf("no answer within %v: %w", c.timeout, context.DeadlineExceeded)
	}
	return err
}

// Hold says that somebody works with s, a loaded thread: its folders are
// watched until release is called. It does not wait for anything; the next List
// waits until the watching has begun.
func (c *Catalogue) Hold(s Settings) (release func()) {
	roots := c.roots(&s)
	key := s.key(roots)
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entryLocked(key, s, roots)
	if e.holds++; e.holds == 1 && c.watches.acquire(paths(roots)) {
		c.Invalidate() // what was cached may be older than the watching
	}
	return sync.OnceFunc(func() { c.release(e) })
}

func (c *Catalogue) release(e *entry) {
	c.mu.Lock()
	e.holds--
	last := e.holds == 0
	c.mu.Unlock()
	if !last {
		return
	}
	c.watches.release(paths(e.roots))
	// What links led to is let go as soon as no scan runs that may add to it.
	c.watches.work.Go(func() {
		<-e.turn
		defer func() { e.turn <- struct{}{} }()
		if c.held(e) {
			return // again: keep them
		}
		for p := range e.watched {
			c.watches.release([]string{p})
		}
		clear(e.watched)
	})
}

// watchFound watches what the listings name beyond the roots; true if there was
// something new. The entry's turn is ours.
func (c *Catalogue) watchFound(ctx context.Context, e *entry, all []found) bool {
	var fresh []string
	for _, f := range all {
		if f.listing == nil {
			continue
		}
		for _, p := range f.listing.Watch {
			if !e.watched[p] && !covered(e.roots, p) {
				e.watched[p] = true
				fresh = append(fresh, p)
			}
		}
	}
	if len(fresh) == 0 {
		return false
	}
	c.watches.acquire(fresh)
	c.watches.ready(ctx, fresh)
	return true
}

// Close ends all watching and waits for it.
func (c *Catalogue) Close() { c.watches.close() }
