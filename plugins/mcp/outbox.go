package mcp

import (
	"sync"

	"google.golang.org/protobuf/proto"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// maxQueued bounds the messages that wait for a provider which does not read.
// Calls beyond it are refused; what settles or withdraws something is always
// taken, and there is at most one of those for each call or question.
const maxQueued = 1024

// credit is how many bytes may be on their way to a provider that are not known
// to have arrived. gRPC takes twice as much for a stream before Send waits.
const credit = 32 << 10

// outbox stands in front of a stream. A caller must never wait in Send, which
// would not notice that the caller's context has ended. So what is within the
// credit goes out at once, from the caller's goroutine, which saves a change of
// goroutines; the rest is queued.
type outbox struct {
	send func(*mcpv1.HostMessage) error // set before the first message
	more chan struct{}                  // has one token when the queue may be looked at

	mu    sync.Mutex // guards what follows, and the marks
	queue []*mcpv1.HostMessage
	busy  bool  // somebody is in send
	sent  int64 // bytes, queued ones included
	read  int64 // how many of them the provider has certainly read
}

// waiting is a start or a call without an outcome.
type waiting struct {
	settled chan outcome
	mark    int64 // what was sent up to its end; guarded by outbox.mu
}

func newOutbox() *outbox { return &outbox{more: make(chan struct{}, 1)} }

// put sends m, or queues it.
func (o *outbox) put(m *mcpv1.HostMessage) { o.offer(m, nil) }

// offer is put for a start or a call, w, unless the queue is full.
func (o *outbox) offer(m *mcpv1.HostMessage, w *waiting) bool {
	size := int64(proto.Size(m))
	o.mu.Lock()
	if w != nil && len(o.queue) >= maxQueued {
		o.mu.Unlock()
		return false
	}
	o.sent += size
	if w != nil {
		w.mark = o.sent
	}
	// Before the first answer the stream may still be opening, which takes a while.
	if o.busy || len(o.queue) > 0 || o.read == 0 || o.sent-o.read > credit {
		o.queue = append(o.queue, m)
		o.mu.Unlock()
		o.wake()
		return true
	}
	o.busy = true
	o.mu.Unlock()
	_ = o.send(m) // a stream that cannot send is about to end its Recv too
	o.release()
	return true
}

// release lets others send.
func (o *outbox) release() {
	o.mu.Lock()
	o.busy = false
	waits := len(o.queue) > 0
	o.mu.Unlock()
	if waits {
		o.wake()
	}
}

func (o *outbox) wake() {
	select {
	case o.more <- struct{}{}:
	default:
	}
}

// answered notes that the provider has read w's message, and so all before it.
func (o *outbox) answered(w *waiting) {
	o.mu.Lock()
	o.read = max(o.read, w.mark)
	o.mu.Unlock()
}

// drain sends what is queued until done is closed or send fails.
func (o *outbox) drain(done <-chan struct{}) {
	var batch []*mcpv1.HostMessage
	for {
		select {
		case <-o.more:
		case <-done:
			return
		}
		o.mu.Lock()
		if o.busy { // release wakes us again
			o.mu.Unlock()
			continue
		}
		o.busy = true
		batch, o.queue = o.queue, batch[:0]
		o.mu.Unlock()
		for i, m := range batch {
			if o.send(m) != nil {
				return
			}
			batch[i] = nil
		}
		o.release()
	}
}
