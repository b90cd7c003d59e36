package sandbox

import "sync"

// Output is what a [Buffer] holds: the beginning, the end, and how much between them was dropped.
type Output struct {
	Head    []byte
	Tail    []byte
	Omitted int64 // bytes dropped between Head and Tail
	Total   int64 // bytes ever written, or written since the last Take
}

// Bytes joins head and tail. Where Omitted is not zero the two do not meet.
func (o Output) Bytes() []byte {
	if len(o.Tail) == 0 {
		return o.Head
	}
	return append(o.Head[:len(o.Head):len(o.Head)], o.Tail...)
}

// Buffer keeps the first and the last half of what is written to it, up to a limit in bytes. Its memory grows with its
// content. It is safe for concurrent use; the zero value holds nothing and counts.
type Buffer struct {
	mu    sync.Mutex
	limit int
	head  []byte
	ring  []byte // the last bytes beyond head
	at    int    // where the oldest byte of a full ring is
	total int64
}

// NewBuffer makes a buffer that holds at most limit bytes.
func NewBuffer(limit int) *Buffer { return &Buffer{limit: max(limit, 0)} }

// Write never fails and never blocks.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += int64(len(p))
	n := len(p)
	if room := b.limit/2 - len(b.head); room > 0 {
		k := min(room, len(p))
		b.head = append(b.head, p[:k]...)
		p = p[k:]
	}
	b.keepLast(p)
	return n, nil
}

func (b *Buffer) keepLast(p []byte) {
	size := b.limit - b.limit/2
	if size == 0 || len(p) == 0 {
		return
	}
	if len(p) > size {
		p = p[len(p)-size:]
	}
	if room := size - len(b.ring); room > 0 {
		k := min(room, len(p))
		b.ring = append(b.ring, p[:k]...)
		p = p[k:]
	}
	for len(p) > 0 {
		k := copy(b.ring[b.at:], p)
		p = p[k:]
		if b.at += k; b.at == size {
			b.at = 0
		}
	}
}

// Snapshot copies what is held.
func (b *Buffer) Snapshot() Output {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.copyOut()
}

// Take returns what is held and empties the buffer, its count included.
func (b *Buffer) Take() Output {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.copyOut()
	b.head, b.ring, b.at, b.total = b.head[:0], b.ring[:0], 0, 0
	return o
}

func (b *Buffer) copyOut() Output {
	o := Output{Total: b.total, Omitted: b.total - int64(len(b.head)+len(b.ring))}
	o.Head = append([]byte(nil), b.head...)
	if len(b.ring) > 0 {
		o.Tail = append(append(make([]byte, 0, len(b.ring)), b.ring[b.at:]...), b.ring[:b.at]...)
	}
	return o
}

// Total is how many bytes were written.
func (b *Buffer) Total() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
