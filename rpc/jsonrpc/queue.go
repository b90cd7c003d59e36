package jsonrpc

import (
	"bytes"
	"context"
	"io"
	"sync"
)

const (
	chunkSize  = 32 << 10  // frames are gathered in chunks of this size
	writeSize  = 256 << 10 // the most that one Write gets
	mergeAbove = 256 << 10 // deltas are merged when more than this waits: the client is slow
	mergeText  = 64 << 10  // the most text that one merged delta carries
	smallPipe  = 64 << 10  // what a pipe holds by default
	firstText  = 4 << 10   // what a merged delta begins with
	mergeReach = 16        // how many waiting deltas are looked at for one of the same item
	deltaCost  = 160       // bytes that a waiting delta takes beside its text
)

// queue is the way out: frames in order, bounded in bytes, written by the one goroutine that runs run.
//
// put never blocks and never drops while the writer lives. delta waits while more than max bytes are held, and so does
// the reader, through room; that keeps the bound. After a write error or close, puts are discarded.
type queue struct {
	style *style
	max   int
	done  chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	work    sync.Cond
	segs    []segment // waiting from first on, oldest first
	first   int
	spare   []byte // an empty chunk
	held    int    // bytes of segs and of what is being written
	pushed  uint64 // segments ever pushed
	written uint64 // segments ever written
	moved   chan struct{}
	closed  bool
	err     error // why the writer ended, or will not be waited for
}

// segment is a run of rendered frames, or a delta that is rendered when its turn comes.
type segment struct {
	buf    []byte
	delta  *waitingDelta
	cost   int
	sealed bool // a flush waits for it: nothing may be added
}

type waitingDelta struct {
	method string
	head   []byte
	text   []byte
	base64 bool
	at     int64 // ms, of the first piece
}

func newQueue(s *style, limit int) *queue {
	q := &queue{style: s, max: limit, done: make(chan struct{})}
	q.work.L = &q.mu
	return q
}

// put appends a rendered frame. A frame over maxPooled is kept, a smaller one is copied.
func (q *queue) put(frame []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.stopped(); err != nil {
		return err
	}
	q.add(frame)
	return nil
}

// putApart is put for a frame that shares its Write with no other.
func (q *queue) putApart(frame []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.stopped(); err != nil {
		return err
	}
	if len(frame) <= maxPooled {
		frame = bytes.Clone(frame)
	}
	q.push(segment{buf: frame, cost: cap(frame), sealed: true})
	return nil
}

// delta appends d, or joins it to one of the same head that still waits when the client is slow. It blocks while the
// queue is over its bound.
func (q *queue) delta(ctx context.Context, d *Delta, at int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.waitRoom(ctx); err != nil {
		return err
	}
	if q.held <= mergeAbove {
		f := frames.Get().(*frame)
		w := waitingDelta{method: d.Method, head: d.Head, text: []byte(d.Text), base64: d.Base64, at: at}
		q.add(f.appendDelta(q.style, &w))
		f.release()
		return nil
	}
	if !q.merge(d) {
		w := &waitingDelta{method: d.Method, head: d.Head, text: []byte(d.Text), base64: d.Base64, at: at}
		q.push(segment{delta: w, cost: deltaCost + cap(w.text)})
	}
	return nil
}

// merge joins d to a waiting delta of the same item. Only deltas of other items may stand between the two: then no
// reader can tell the order apart from one in which the items streamed in longer pieces.
func (q *queue) merge(d *Delta) bool {
	for i := len(q.segs) - 1; i >= max(q.first, len(q.segs)-mergeReach); i-- {
		s := &q.segs[i]
		if s.delta == nil || s.sealed {
			return false
		}
		w := s.delta
		if w.method != d.Method || w.base64 != d.Base64 || !bytes.Equal(w.head, d.Head) {
			continue
		}
		if len(w.text)+len(d.Text) > mergeText {
			return false
		}
		before := cap(w.text)
		w.text = append(growText(w.text, len(d.Text)), d.Text...)
		s.cost += cap(w.text) - before
		q.held += cap(w.text) - before
		return true
	}
	return false
}

// growText makes room for n bytes in few steps: texts that come in small pieces would leave several times their size
// behind.
func growText(text []byte, n int) []byte {
	size := len(text) + n
	if size <= cap(text) {
		return text
	}
	room := mergeText
	if size <= firstText {
		room = firstText
	}
	return append(make([]byte, 0, room), text...)
}

// add appends rendered bytes to the last chunk, or starts a chunk.
func (q *queue) add(b []byte) {
	if len(b) > maxPooled {
		q.push(segment{buf: b, cost: cap(b), sealed: true})
		return
	}
	if n := len(q.segs); n > q.first {
		if s := &q.segs[n-1]; s.delta == nil && !s.sealed && len(s.buf)+len(b) <= chunkSize {
			before := cap(s.buf)
			s.buf = append(s.buf, b...)
			s.cost += cap(s.buf) - before
			q.held += cap(s.buf) - before
			return
		}
	}
	var chunk []byte
	if q.held <= mergeAbove { // else chunks grow as needed: between waiting deltas, most hold one frame
		chunk, q.spare = q.spare, nil
		if chunk == nil {
			chunk = make([]byte, 0, chunkSize)
		}
	}
	chunk = append(chunk, b...)
	q.push(segment{buf: chunk, cost: cap(chunk)})
}

func (q *queue) push(s segment) {
	if len(q.segs) == cap(q.segs) && q.first > len(q.segs)/2 {
		n := copy(q.segs, q.segs[q.first:])
		clear(q.segs[n:])
		q.segs, q.first = q.segs[:n], 0
	}
	q.segs = append(q.segs, s)
	q.pushed++
	q.held += s.cost
	q.work.Signal()
}

// room waits until no more than max bytes are held.
func (q *queue) room(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waitRoom(ctx)
}

func (q *queue) waitRoom(ctx context.Context) error {
	for {
		if err := q.stopped(); err != nil {
			return err
		}
		if q.held <= q.max {
			return nil
		}
		if err := q.waitMove(ctx); err != nil {
			return err
		}
	}
}

// flush waits until everything put before it was handed to Write.
func (q *queue) flush(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.segs); n > q.first {
		q.segs[n-1].sealed = true
	}
	for target := q.pushed; q.written < target; {
		if q.err != nil {
			return q.err
		}
		if err := q.waitMove(ctx); err != nil {
			return err
		}
	}
	return q.err
}

// waitMove gives up the lock until something was written or the queue stopped.
func (q *queue) waitMove(ctx context.Context) error {
	if q.moved == nil {
		q.moved = make(chan struct{})
	}
	moved := q.moved
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) stopped() error {
	if q.err == nil && q.closed {
		return ErrClosed
	}
	return q.err
}

// close lets the writer write what waits and end; later puts are discarded.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.work.Signal()
	q.tell()
}

// fail drops what waits. The first cause stays.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.segs, q.first, q.spare, q.held = nil, 0, nil, 0
	q.work.Signal()
	q.tell()
}

func (q *queue) tell() {
	if q.moved != nil {
		close(q.moved)
		q.moved = nil
	}
}

// run writes until close or a write error.
func (q *queue) run(out io.Writer) {
	defer close(q.done)
	var scratch []byte
	var batch []segment
	f := new(frame)
	wide := false
	for {
		batch = q.take(batch[:0])
		if len(batch) == 0 {
			return
		}
		b := batch[0].buf
		if batch[0].delta != nil {
			scratch = scratch[:0]
			for _, s := range batch {
				scratch = append(scratch, f.appendDelta(q.style, s.delta)...)
			}
			b = scratch
		}
		if len(b) > smallPipe && !wide {
			widen(out)
			wide = true
		}
		if err := writeAll(out, b); err != nil {
			q.fail(err)
			return
		}
		if cap(scratch) > writeSize {
			scratch = nil
		}
		q.wrote(batch)
	}
}

// take waits for work and returns one run of rendered frames or several deltas; nothing when the queue is done.
func (q *queue) take(batch []segment) []segment {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.first == len(q.segs) && !q.closed && q.err == nil {
		q.work.Wait()
	}
	for size := 0; q.first < len(q.segs) && size < mergeText; q.first++ {
		s := q.segs[q.first]
		if len(batch) > 0 && (s.delta == nil || batch[0].delta == nil) {
			break
		}
		batch = append(batch, s)
		size += s.cost
		q.segs[q.first] = segment{}
	}
	if q.first == len(q.segs) {
		q.segs, q.first = q.segs[:0], 0
	}
	return batch
}

// wrote gives back what batch held.
func (q *queue) wrote(batch []segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range batch {
		q.held -= batch[i].cost
		if b := batch[i].buf; cap(b) == chunkSize {
			q.spare = b[:0]
		}
		batch[i] = segment{}
	}
	q.held = max(q.held, 0) // fail may have reset it meanwhile
	q.written += uint64(len(batch))
	q.tell()
}

func writeAll(out io.Writer, b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), writeSize)]
		n, err := out.Write(piece)
		if err == nil && n < len(piece) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
