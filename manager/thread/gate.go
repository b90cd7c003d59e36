package thread

import (
	"context"
	"sync"
	"time"
)

// releaseWait bounds how long a thread waits for a submitter to answer its caller.
const releaseWait = 2 * time.Second

// A gate holds back what an op causes until its submitter has answered its own
// caller, so that an answer leaves before the notifications it brings about.
type gate struct {
	opened chan struct{}
	open   func() // idempotent
}

func newGate() gate {
	ch := make(chan struct{})
	return gate{ch, sync.OnceFunc(func() { close(ch) })}
}

// wait returns when the gate is open, ctx ends, or releaseWait has passed: only
// a submitter that died before it could answer takes that long. The zero gate is
// open.
func (g gate) wait(ctx context.Context) {
	if g.opened == nil {
		return
	}
	late := time.NewTimer(releaseWait)
	defer late.Stop()
	select {
	case <-g.opened:
	case <-late.C:
	case <-ctx.Done():
	}
}
