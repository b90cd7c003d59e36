package mcp

import (
	"sync"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// maxQueued bounds the messages that wait for a provider which does not read.
// Calls beyond it are refused; what settles or withdraws something is always
// taken, and there is at most one of those for each call or question.
const maxQueued = 1024

// outbox is the queue in front of a stream. A caller never waits in Send, which
// would not notice that the caller's context has ended.
type outbox struct {
	mu    *sync.Mutex
	queue *[]*mcpv1.HostMessage
	more  chan struct{} // has one token when the queue is not empty
}

func newOutbox() outbox {
	return outbox{mu: new(sync.Mutex), queue: new([]*mcpv1.HostMessage), more: make(chan struct{}, 1)}
}

// put queues m.
func (o outbox) put(m *mcpv1.HostMessage) { o.offer(m, false) }

// offer queues m unless it is bounded and the queue is full.
func (o outbox) offer(m *mcpv1.HostMessage, bounded bool) bool {
	o.mu.Lock()
	if bounded && len(*o.queue) >= maxQueued {
		o.mu.Unlock()
		return false
	}
	*o.queue = append(*o.queue, m)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return true
}

// drain sends what is queued until done is closed or send fails.
func (o outbox) drain(done <-chan struct{}, send func(*mcpv1.HostMessage) error) {
	var batch []*mcpv1.HostMessage
	for {
		select {
		case <-o.more:
		case <-done:
			return
		}
		o.mu.Lock()
		batch, *o.queue = *o.queue, batch[:0]
		o.mu.Unlock()
		for i, m := range batch {
			if send(m) != nil {
				return
			}
			batch[i] = nil
		}
	}
}
