package hooks

import (
	"context"
	"sync"
	"time"
)

// A Background runs what nobody waits for, until the host ends. It is safe for
// concurrent use.
type Background struct {
	ctx    context.Context // of everything that runs; ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// NewBackground makes a background in which nothing runs yet.
func NewBackground() *Background {
	b := &Background{}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Start runs work in a goroutine. Work must end soon after its context. After
// Close nothing is run.
func (b *Background) Start(work func(ctx context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Go(func() { work(b.ctx) })
	}
}

// Close gives what runs a time to end, as long as ctx lives, then ends it and
// waits. It may be called more than once.
func (b *Background) Close(ctx context.Context, grace time.Duration) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	ended := make(chan struct{})
	go func() { // ends with what runs, which ends with the context
		b.running.Wait()
		close(ended)
	}()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	b.cancel()
	<-ended
}
