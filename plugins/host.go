package plugins

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/skillswatch"
)

// Options says what a host is made of.
type Options struct {
	Kinds []Kind
	Specs []Spec

	// Executable stands for the own executable in tests; empty means the real one.
	Executable string
	// RunDir is the folder in which the host makes its private one, short
	// enough for a socket's path; empty means a usual place.
	RunDir string
	// Owner tells this host from others of the same user that serve something
	// else, as by their home folder; see [Hosts].
	Owner string
	// Environ returns the variables that specs choose from; nil means the process's.
	Environ func() []string
	// Logger gets the plugins' and our own messages; nil means none.
	Logger hclog.Logger
	// LogDir, if set, is the folder in which what plugins say is kept, for people;
	// see [LogFile]. It is made when one says something.
	LogDir string
	// CacheDir, if set, is the folder in which answers of plugins are remembered;
	// see [Host.Remember]. It is made when there is one.
	CacheDir string
	// OnLine, if set, is told every line that a plugin says, on whatever stream,
	// and why it ended. It must not block, nor call the host.
	OnLine func(plugin string, pid int, line string)
	// OnWire, if set, is shown every message between the host and its plugins. It
	// may be called concurrently, and holds up the call.
	OnWire func(WireMessage)
	// Watcher, if set, is asked to watch the programs of plugins that were needed:
	// one that changes is replaced while it runs, as by [Host.Swap]. It is closed
	// by its owner, before the host or after it.
	Watcher *skillswatch.Watcher
	// Times replaces the default waits where a field is not zero.
	Times Times
	// OnState, if set, is told of every change of a plugin's status. It is
	// called from the goroutine that made the change and must not block, nor
	// call the host.
	OnState func(Status)
	// OnChanged, if set, is told that a plugin's listings do not hold any more. It
	// is called from a goroutine of the plugin's own, which a call that waits
	// holds up.
	OnChanged func(plugin string)
}

// Times holds every wait of the package.
type Times struct {
	Start  time.Duration // from the start of a process to its handshake
	Polite time.Duration // after asking it to end
	Term   time.Duration // after the end of its stdin and SIGTERM
	Kill   time.Duration // after SIGKILL, before it is given up
	Drain  time.Duration // after its death, for pipes that others hold open
	Retire time.Duration // for the calls on a plugin that was replaced
	Settle time.Duration // for which a changed program must not change again before it is run

	PingEvery time.Duration // between pings, while calls are under way
	PingWait  time.Duration // for the answer to one

	BackoffMin time.Duration // before the second restart; the first is at once
	BackoffMax time.Duration
	Restarts   int           // that many within Window; one more death opens the breaker
	Window     time.Duration // ...
	Cooldown   time.Duration // how long the breaker stays open
}

// DefaultTimes returns the waits that are used where nothing else is said.
func DefaultTimes() Times {
	return Times{
		Start: 10 * time.Second, Polite: 1500 * time.Millisecond, Term: 500 * time.Millisecond,
		Kill: 2 * time.Second, Drain: 100 * time.Millisecond, Retire: 5 * time.Minute,
		Settle:    100 * time.Millisecond,
		PingEvery: 2 * time.Second, PingWait: 2 * time.Second,
		BackoffMin: 200 * time.Millisecond, BackoffMax: 5 * time.Second,
		Restarts: 3, Window: 5 * time.Minute, Cooldown: 5 * time.Minute,
	}
}

// orDefault fills the zero fields of t.
func (t Times) orDefault() Times {
	d := DefaultTimes()
	for _, f := range []struct{ have, def *time.Duration }{
		{&t.Start, &d.Start}, {&t.Polite, &d.Polite}, {&t.Term, &d.Term}, {&t.Kill, &d.Kill},
		{&t.Drain, &d.Drain}, {&t.Retire, &d.Retire}, {&t.Settle, &d.Settle}, {&t.PingEvery, &d.PingEvery}, {&t.PingWait, &d.PingWait},
		{&t.BackoffMin, &d.BackoffMin}, {&t.BackoffMax, &d.BackoffMax},
		{&t.Window, &d.Window}, {&t.Cooldown, &d.Cooldown},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	if t.Restarts <= 0 {
		t.Restarts = d.Restarts
	}
	return t
}

// Host holds the plugins of one process. Its methods may be called
// concurrently. Whoever made it closes it.
type Host struct {
	kinds      map[string]Kind
	executable string
	environ    func() []string
	logger     hclog.Logger
	times      Times
	onState    func(Status)
	onChanged  func(plugin string)
	run        runDir
	programs   programWatch
	owner      string
	facts      factsFile
	logDir     string
	cacheDir   string
	recalled   sync.Mutex // held while an answer is written
	onLine     func(plugin string, pid int, line string)
	onWire     func(WireMessage)

	ctx    context.Context // ends when closing begins; for the host's own goroutines
	cancel context.CancelFunc
	work   sync.WaitGroup // launches, retirements

	mu      sync.Mutex // guards the rest
	closed  bool
	plugins map[string]*supervisor
	spawn   *spawner
	done    chan struct{} // closed when Close has finished
}

// New makes a host. It starts nothing; an error is a mistake in the options.
func New(o Options) (*Host, error) {
	h := &Host{
		kinds: make(map[string]Kind, len(o.Kinds)), executable: o.Executable, environ: o.Environ,
		logger: o.Logger, times: o.Times.orDefault(), onState: o.OnState, onChanged: o.OnChanged, run: runDir{parent: o.RunDir},
		plugins: make(map[string]*supervisor, len(o.Specs)), done: make(chan struct{}),
	}
	h.owner, h.logDir, h.cacheDir, h.onLine, h.onWire = o.Owner, o.LogDir, o.CacheDir, o.OnLine, o.OnWire
	h.facts = factsFile{host: h, began: time.Now(), dirty: make(chan struct{}, 1)}
	h.programs = programWatch{host: h, watcher: o.Watcher}
	if h.environ == nil {
		h.environ = os.Environ
	}
	if h.logger == nil {
		h.logger = hclog.NewNullLogger()
	}
	if h.onState == nil {
		h.onState = func(Status) {}
	}
	if h.onChanged == nil {
		h.onChanged = func(string) {}
	}
	for _, k := range o.Kinds {
		h.kinds[k.Name] = k
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	for _, s := range o.Specs {
		if err := s.validate(h.kinds); err != nil {
			return nil, err
		}
		if _, ok := h.plugins[s.Name]; ok {
			return nil, fmt.Errorf("plugin %s: there are two of that name", s.Name)
		}
		h.plugins[s.Name] = newSupervisor(h, s)
	}
	return h, nil
}

// Get returns a client of the named plugin, which it starts if need be. C is
// the Go interface of the plugin's kind. Fails with an *Error, ErrUnknown,
// ErrClosed, or the error of ctx.
//
// The client is good for the life of the process behind it; ask again rather
// than keep it. A plugin that is being replaced ends when the calls on it have
// ended: use [Use] where several calls must reach the same one.
func Get[C any](ctx context.Context, h *Host, name string) (C, error) {
	var none C
	s, err := h.supervisor(name)
	if err != nil {
		return none, err
	}
	in, err := s.get(ctx, false)
	if err != nil {
		return none, err
	}
	return clientAs[C](in)
}

// Use calls f with a client of the named plugin, which is not replaced under f.
// It does not call f again when the plugin dies; see [Gone].
func Use[C any](ctx context.Context, h *Host, name string, f func(context.Context, C) error) error {
	s, err := h.supervisor(name)
	if err != nil {
		return err
	}
	in, err := s.get(ctx, true)
	if err != nil {
		return err
	}
	defer in.calls.leave()
	c, err := clientAs[C](in)
	if err != nil {
		return err
	}
	return f(ctx, c)
}

func clientAs[C any](in *instance) (C, error) {
	c, ok := in.client.(C)
	if !ok {
		return c, fmt.Errorf("plugin %s: its client is a %T, not a %T", in.spec.Name, in.client, *new(C))
	}
	return c, nil
}

func (h *Host) supervisor(name string) (*supervisor, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	s, ok := h.plugins[name]
	if !ok {
		return nil, fmt.Errorf("plugin %q: %w", name, ErrUnknown)
	}
	return s, nil
}

// supervisors returns all of them. A supervisor is never locked with the host
// locked: they lock in the other order.
func (h *Host) supervisors() []*supervisor {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.plugins))
}

// Names returns the names of the plugins of a kind, sorted.
func (h *Host) Names(kind string) []string {
	var names []string
	for _, s := range h.supervisors() {
		if s.kind() == kind {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
}

// Warm starts the named plugins side by side and does not wait. What goes
// wrong shows in the status and at the next Get.
func (h *Host) Warm(names ...string) {
	for _, name := range names {
		if s, err := h.supervisor(name); err == nil {
			s.warm()
		}
	}
}

// Reset forgets the deaths of a plugin: a broken one may start again.
func (h *Host) Reset(name string) error {
	s, err := h.supervisor(name)
	if err != nil {
		return err
	}
	s.reset()
	return nil
}

// Configure makes specs the plugins of the host. A plugin whose spec did not
// change is left alone. A running one whose spec changed is replaced as by
// [Host.Swap]; one that is gone ends when its calls have. The error joins those
// of specs that are wrong or whose replacement did not start; these plugins
// stay as they were.
func (h *Host) Configure(ctx context.Context, specs []Spec) error {
	var errs []error
	want := make(map[string]Spec, len(specs))
	for _, s := range specs {
		if err := s.validate(h.kinds); err != nil {
			errs = append(errs, err)
			continue
		}
		want[s.Name] = s
	}
	keep := func(name string) bool { // a wrong spec keeps what it was to replace
		return slices.ContainsFunc(specs, func(s Spec) bool { return s.Name == name })
	}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrClosed
	}
	changed := make(map[*supervisor]Spec)
	var gone []*supervisor
	for name, s := range h.plugins {
		if spec, ok := want[name]; ok {
			changed[s] = spec
		} else if !keep(name) {
			gone = append(gone, s)
			delete(h.plugins, name)
		}
	}
	for name, spec := range want {
		if _, ok := h.plugins[name]; !ok {
			h.plugins[name] = newSupervisor(h, spec)
		}
	}
	h.mu.Unlock()
	for _, s := range gone {
		s.remove()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for s, spec := range changed {
		wg.Go(func() {
			if err := s.configure(ctx, spec); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	h.programs.refresh()
	return errors.Join(errs...)
}

// Swap starts the named plugin anew beside the running one, as after a change
// of its executable. When the new one is ready it takes over, and the old one
// ends when the calls on it have. When it does not come up, the old one stays
// and the error says why.
func (h *Host) Swap(ctx context.Context, name string) error {
	s, err := h.supervisor(name)
	if err != nil {
		return err
	}
	return s.swap(ctx)
}

// spawning returns the thread that starts processes.
func (h *Host) spawning() (*spawner, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrClosed
	}
	if h.spawn == nil {
		h.spawn = newSpawner()
	}
	return h.spawn, nil
}

// begin runs f in a goroutine that Close waits for; false if it is too late.
func (h *Host) begin(f func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.work.Go(f)
	return true
}

// Close ends all plugins side by side and returns when they are gone: after at
// most Polite, Term and Kill of Times, and at once by force when ctx ends. Calls
// in flight fail. It may be called again, and concurrently; every call waits.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		<-h.done
		return nil
	}
	h.closed = true
	all := slices.Collect(maps.Values(h.plugins))
	spawn := h.spawn
	h.mu.Unlock()

	h.cancel() // ends launches and retirements
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(func() { s.close(ctx) })
	}
	wg.Wait()
	h.work.Wait()
	h.programs.close()
	if spawn != nil {
		spawn.close()
	}
	err := h.run.remove()
	close(h.done)
	return err
}
