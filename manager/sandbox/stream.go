package sandbox

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"
)

// Stream is one output of a process: read all the time, held within a bound, and handed to whoever subscribed.
type Stream struct {
	kept *Buffer
	done chan struct{} // closed at the end of the stream

	mu    sync.Mutex
	subs  []*Subscription
	over  bool
	paced *Subscription // the pump waits while it has more than pace pending; nil for nobody
	pace  int64
	room  sync.Cond // signalled when the paced one has taken, or is no longer
}

func newStream(limit int) *Stream {
	s := &Stream{kept: NewBuffer(limit), done: make(chan struct{})}
	s.room.L = &s.mu
	return s
}

// Snapshot is what the stream holds: head, tail and counts since the start.
func (s *Stream) Snapshot() Output { return s.kept.Snapshot() }

// Done is closed when every writer has closed the stream, or the process was closed.
func (s *Stream) Done() <-chan struct{} { return s.done }

// Subscribe follows the stream from its beginning: what was held so far comes first. A subscriber that does not keep up
// has at most limit bytes pending (and no more than the stream holds); the middle of what it missed is dropped and counted.
func (s *Stream) Subscribe(limit int) *Subscription {
	sub := &Subscription{of: s, pending: NewBuffer(min(limit, s.kept.limit)), more: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	past := s.kept.Snapshot()
	if past.Total > 0 {
		sub.pending.adopt(past)
		sub.wake()
	}
	if !s.over {
		s.subs = append(s.subs, sub)
	}
	return sub
}

// Pace has the command wait while the subscriber has more than most bytes pending: then, if its limit is well above that,
// nothing of what it gets is dropped, and the command, whose pipe fills up, stands still instead. It ends with Unpace or
// with the subscription, and must end before the process is closed. Only one subscriber sets the pace of a stream.
func (s *Subscription) Pace(most int) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.paced, s.of.pace = s, int64(most)
}

// Unpace ends what Pace began.
func (s *Subscription) Unpace() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.unpace(s)
}

func (s *Stream) unpace(sub *Subscription) {
	if s.paced == sub {
		s.paced = nil
		s.room.Signal()
	}
}

// keepPace waits for the subscriber that sets the pace.
func (s *Stream) keepPace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.paced != nil && s.paced.pending.Total() > s.pace {
		s.room.Wait()
	}
}

// adopt starts an empty buffer with the history of another one, whose limit is no smaller: then a head before a gap fills
// this head too, and nothing later is joined to it.
func (b *Buffer) adopt(o Output) {
	_, _ = b.Write(o.Head)
	b.mu.Lock()
	b.total += o.Omitted
	b.mu.Unlock()
	_, _ = b.Write(o.Tail)
}

func (s *Stream) write(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.kept.Write(p)
	for _, sub := range s.subs {
		_, _ = sub.pending.Write(p)
		sub.wake()
	}
}

func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	s.subs = nil
	close(s.done)
}

// pump reads f to its end. A terminal whose last user left reports an input/output error, which is an end too.
func (s *Stream) pump(f *os.File) {
	defer s.end()
	buf := make([]byte, 32<<10)
	for {
		s.keepPace()
		n, err := f.Read(buf)
		if n > 0 {
			s.write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// Subscription is one follower of a [Stream].
type Subscription struct {
	of      *Stream
	pending *Buffer
	more    chan struct{}
}

func (s *Subscription) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Take returns what arrived since the last call, perhaps nothing. It does not block.
func (s *Subscription) Take() Output {
	out := s.pending.Take()
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.of.paced == s {
		s.of.room.Signal()
	}
	return out
}

// Next waits for output and takes it. It returns io.EOF when the stream has ended and nothing is left, or the error of
// ctx.
func (s *Subscription) Next(ctx context.Context) (Output, error) {
	for {
		if s.pending.Total() > 0 {
			return s.Take(), nil
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return Output{}, ctx.Err()
		case <-s.of.done:
			if s.pending.Total() == 0 {
				return Output{}, io.EOF
			}
		}
	}
}

// Close stops following. What is pending stays.
func (s *Subscription) Close() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.unpace(s)
	if i := slices.Index(s.of.subs, s); i >= 0 {
		s.of.subs = slices.Delete(s.of.subs, i, i+1)
	}
}
