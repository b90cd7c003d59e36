package skills

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins/skill"
)

// Memory keeps what providers listed, and gives it back while they still have to
// start; plugins.Host is one. Neither method waits for a process.
type Memory interface {
	Recall(provider string, request []byte) (answer []byte, ok bool)
	Remember(provider string, request, answer []byte)
}

// Recalling is Providers whose listings of the last time stand in for them while
// they start: nobody waits for a slow one. It then asks the provider itself, and
// says so if the answer is another. Whoever made it closes it, before the
// providers.
type Recalling struct {
	Providers
	memory Memory
	logger hclog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex // guards the rest
	closed  bool
	changed func()
	asking  map[string]bool // requests whose fresh answer is on its way
}

// Recall makes Recalling of providers.
func Recall(p Providers, m Memory, logger hclog.Logger) *Recalling {
	if logger == nil {
		logger = hclog.NewNullLogger()
	}
	r := &Recalling{Providers: p, memory: m, logger: logger, changed: func() {}, asking: make(map[string]bool)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// OnChange has f called when a provider lists other than was recalled, or cannot
// be asked. To be called before the first Use.
func (r *Recalling) OnChange(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = f
}

type freshKey struct{}

// afresh marks a question that no recollection answers.
func afresh(ctx context.Context) context.Context { return context.WithValue(ctx, freshKey{}, true) }

// errNotRecalled sends a question on to the provider.
var errNotRecalled = errors.New("not recalled")

// Use implements Providers. f may be called twice: first with what is recalled,
// which knows listings alone, and then with the provider.
func (r *Recalling) Use(ctx context.Context, name string, f func(context.Context, skill.Provider) error) error {
	if ctx.Value(freshKey{}) == nil {
		if err := f(ctx, recalled{r, name}); !errors.Is(err, errNotRecalled) {
			return err
		}
	}
	return r.Providers.Use(ctx, name, func(ctx context.Context, p skill.Provider) error {
		return f(ctx, remembered{p, r, name})
	})
}

// recalled stands in for a provider that still has to start.
type recalled struct {
	all  *Recalling
	name string
}

func (p recalled) List(_ context.Context, req skill.ListRequest) (skill.Listing, error) {
	request := encodeRequest(req)
	answer, ok := p.all.memory.Recall(p.name, request)
	var l skill.Listing
	if !ok || json.Unmarshal(answer, &l) != nil {
		return skill.Listing{}, errNotRecalled
	}
	p.all.askSoon(p.name, req, l)
	return l, nil
}

func (recalled) Read(context.Context, skill.ReadRequest) (skill.Content, error) {
	return skill.Content{}, errNotRecalled
}

// remembered is a provider whose listings are kept.
type remembered struct {
	skill.Provider
	all  *Recalling
	name string
}

func (p remembered) List(ctx context.Context, req skill.ListRequest) (skill.Listing, error) {
	l, err := p.Provider.List(ctx, req)
	if err == nil && !l.Unchanged {
		if answer, err := json.Marshal(l); err == nil {
			p.all.memory.Remember(p.name, encodeRequest(req), answer)
		}
	}
	return l, err
}

// encodeRequest is what a listing depends on.
func encodeRequest(req skill.ListRequest) []byte {
	req.Known = 0
	b, err := json.Marshal(req)
	if err != nil {
		panic("skills: bug: " + err.Error()) // strings always encode
	}
	return b
}

// askPatience bounds the question behind a listing that was recalled.
const askPatience = time.Minute

// askSoon asks the provider what was recalled, without waiting, unless that is
// under way.
func (r *Recalling) askSoon(name string, req skill.ListRequest, was skill.Listing) {
	key := name + "\x00" + string(encodeRequest(req))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.asking[key] {
		return
	}
	r.asking[key] = true
	r.work.Go(func() {
		same := r.ask(name, req, was)
		r.mu.Lock()
		delete(r.asking, key)
		changed := r.changed
		r.mu.Unlock()
		if !same && r.ctx.Err() == nil {
			changed()
		}
	})
}

// ask tells whether the provider lists what it listed before.
func (r *Recalling) ask(name string, req skill.ListRequest, was skill.Listing) bool {
	ctx, cancel := context.WithTimeout(afresh(r.ctx), askPatience)
	defer cancel()
	req.Known = 0
	var now skill.Listing
	err := r.Use(ctx, name, func(ctx context.Context, p skill.Provider) (err error) {
		now, err = p.List(ctx, req)
		return err
	})
	if err != nil {
		r.logger.Warn("a skill provider was spoken for, and cannot be asked", "provider", name, "error", err)
		return false
	}
	now.Generation, was.Generation = 0, 0 // they count for one process
	a, errA := json.Marshal(now)
	b, errB := json.Marshal(was)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Close ends what is under way and waits for it.
func (r *Recalling) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.work.Wait()
}
