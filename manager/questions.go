package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
)

// errNobody is why a question has no answer when no client hears the thread.
var errNobody = errors.New("no client is subscribed to this thread, so nobody can answer")

// A question waits for the first client that answers it.
type question struct {
	thread.Question
	ctx     context.Context // ends when the question is settled
	replies chan reply      // one from each client that was asked; the channel never fills
	asked   []*Client       // guarded by hub.mu
	left    int             // of those, how many have not failed; guarded by hub.mu
	asking  sync.WaitGroup
}

type reply struct {
	answer []byte
	err    error
}

// mostClients bounds the clients that one question is put to.
const mostClients = 64

// Ask puts a question to all clients that hear the thread, and to those that come
// to hear it while it is open. The first answer wins and withdraws the question
// from the others; it fails when none of them can answer.
func (h *hub) Ask(ctx context.Context, asked thread.Question) ([]byte, error) {
	ctx, withdraw := context.WithCancel(ctx)
	q := &question{Question: asked, ctx: ctx, replies: make(chan reply, mostClients)}
	defer q.asking.Wait()
	defer withdraw()
	h.mu.Lock()
	for _, c := range h.subscribers[asked.ThreadID] {
		q.put(c)
	}
	if q.left == 0 {
		h.mu.Unlock()
		return nil, errNobody
	}
	h.open[asked.ThreadID] = append(h.open[asked.ThreadID], q)
	h.mu.Unlock()
	for {
		r := <-q.replies
		if r.err == nil || h.failed(q) || ctx.Err() != nil {
			h.settle(q)
			return r.answer, r.err
		}
	}
}

// put asks one more client. hub.mu is held.
func (q *question) put(c *Client) {
	if slices.Contains(q.asked, c) || len(q.asked) == mostClients {
		return
	}
	q.asked = append(q.asked, c)
	q.left++
	q.asking.Go(func() {
		a, err := c.observer.Ask(q.ctx, q.Question)
		q.replies <- reply{a, err}
	})
}

// failed notes that one client could not answer, and reports whether it was the last.
func (h *hub) failed(q *question) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	q.left--
	return q.left == 0
}

// settle takes a question from the open ones.
func (h *hub) settle(q *question) {
	h.mu.Lock()
	defer h.mu.Unlock()
	open := slices.DeleteFunc(slices.Clone(h.open[q.ThreadID]), func(x *question) bool { return x == q })
	if len(open) == 0 {
		delete(h.open, q.ThreadID)
	} else {
		h.open[q.ThreadID] = open
	}
}

// CatchUp puts the open questions of a thread to a client that has come to hear it.
func (c *Client) CatchUp(threadID string) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if !slices.Contains(c.hub.subscribers[threadID], c) {
		return
	}
	for _, q := range c.hub.open[threadID] {
		q.put(c)
	}
}

// A patientAsker gives up on questions that nobody answers in time.
type patientAsker struct {
	thread.Asker
	limit time.Duration // 0 for none
}

// Ask implements thread.Asker.
func (a patientAsker) Ask(ctx context.Context, q thread.Question) ([]byte, error) {
	if a.limit <= 0 {
		return a.Asker.Ask(ctx, q)
	}
	late := fmt.Errorf("nobody answered within %s", a.limit)
	ctx, cancel := context.WithTimeoutCause(ctx, a.limit, late)
	defer cancel()
	answer, err := a.Asker.Ask(ctx, q)
	if err != nil && context.Cause(ctx) == late {
		return nil, late
	}
	return answer, err
}
