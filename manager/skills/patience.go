package skills

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// errLate is the cause of the end of a call whose time was up.
var errLate = errors.New("the provider has taken too long")

// withPatience bounds a call of a provider by d. Where the provider may ask the
// user, the time that the user takes does not count: such a call has no deadline
// that could travel with it, and is withdrawn instead.
func withPatience(ctx context.Context, d time.Duration) (_ context.Context, end func()) {
	ask := plugins.AskerOf(ctx)
	if ask == nil {
		return context.WithTimeoutCause(ctx, d, errLate)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{left: d, late: func() { cancel(errLate) }}
	p.resume(time.Now())
	ctx = plugins.WithAsker(ctx, func(ctx context.Context, plugin string, params json.RawMessage) (json.RawMessage, error) {
		p.pause(time.Now())
		defer func() { p.resume(time.Now()) }()
		return ask(ctx, plugin, params)
	})
	return ctx, func() {
		p.pause(time.Now())
		cancel(nil)
	}
}

// patience is a clock that stands still while somebody thinks.
type patience struct {
	late func()

	mu    sync.Mutex // guards what follows
	holds int        // how many hold it
	left  time.Duration
	since time.Time
	timer *time.Timer
}

func (p *patience) resume(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.holds--
	}
	if p.holds == 0 {
		p.since, p.timer = now, time.AfterFunc(p.left, p.late)
	}
}

func (p *patience) pause(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds++; p.holds == 1 {
		p.timer.Stop()
		p.left = max(0, p.left-now.Sub(p.since))
	}
}
