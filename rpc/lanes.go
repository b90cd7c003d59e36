package rpc

import "sync"

// A lane is a queue of requests that are served one after another.
type lane struct{ key string }

var (
	connectionLane = lane{"connection"}
	alone          = lane{} // shares with nobody
)

// mostWaiting is how many requests may wait in all lanes together before the
// reader is held up: a client that pipelines more is slowed down, not refused.
const mostWaiting = 4096

// lanes run the requests of a connection. A lane has a goroutine only while
// requests wait in it.
type lanes struct {
	mu      sync.Mutex
	room    sync.Cond // signalled when waiting falls below mostWaiting
	waiting int
	queues  map[string][]func()
	work    sync.WaitGroup
}

func (l *lanes) init() {
	l.queues = make(map[string][]func())
	l.room.L = &l.mu
}

// run puts f in a lane. It blocks while too many requests wait.
func (l *lanes) run(in lane, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.waiting >= mostWaiting {
		l.room.Wait()
	}
	l.waiting++
	if in == alone {
		l.work.Go(func() { f(); l.done() })
		return
	}
	queue, busy := l.queues[in.key]
	l.queues[in.key] = append(queue, f)
	if !busy {
		l.work.Go(func() { l.drain(in.key) })
	}
}

// beside runs what is left of a request that has had its turn in its lane. It
// does not block, but the reader does while too much goes on.
func (l *lanes) beside(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	l.work.Go(func() { f(); l.done() })
}

// drain serves a lane until it is empty.
func (l *lanes) drain(key string) {
	for {
		l.mu.Lock()
		batch := l.queues[key]
		if len(batch) == 0 {
			delete(l.queues, key)
			l.mu.Unlock()
			return
		}
		l.queues[key] = nil
		l.mu.Unlock()
		for _, f := range batch {
			f()
			l.done()
		}
	}
}

func (l *lanes) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	l.room.Signal()
}

// close waits until every request has been served.
func (l *lanes) close() { l.work.Wait() }
