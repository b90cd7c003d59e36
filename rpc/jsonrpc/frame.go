package jsonrpc

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"sync"
	"sync/atomic"
)

// style is how frames look on the way out. It follows what the client sent, so the reader sets it and senders read it.
type style struct {
	headers atomic.Bool // Content-Length framing instead of lines
	version atomic.Bool // frames carry "jsonrpc":"2.0"
}

// headerRoom is kept free before a body until its length is known.
const headerRoom = len("Content-Length: 9223372036854775807\r\n\r\n")

// frame is one message being rendered: begin, append members to b, finish.
type frame struct {
	b       []byte
	headers bool
}

var frames = sync.Pool{New: func() any { return &frame{b: make([]byte, 0, 1024)} }}

// maxPooled keeps one large result from staying in the pool for ever. Frames over it are handed to the queue as they
// are, smaller ones are copied into its chunks.
const maxPooled = 16 << 10

// begin opens the object of a message, up to and without its first own member.
func (f *frame) begin(s *style) {
	f.headers = s.headers.Load()
	f.b = f.b[:0]
	if f.headers {
		f.b = append(f.b, "                                              "[:headerRoom]...)
	}
	f.b = append(f.b, '{')
	if f.headers || s.version.Load() {
		f.b = append(f.b, `"jsonrpc":"2.0",`...)
	}
}

// finish closes the object and returns the bytes of the whole frame, a part of f.b.
func (f *frame) finish() []byte {
	f.b = append(f.b, '}')
	if !f.headers {
		oneLine(f.b)
		f.b = append(f.b, '\n')
		return f.b
	}
	var room [headerRoom]byte
	head := append(room[:0], "Content-Length: "...)
	head = strconv.AppendInt(head, int64(len(f.b)-headerRoom), 10)
	head = append(head, "\r\n\r\n"...)
	start := headerRoom - len(head)
	copy(f.b[start:], head)
	return f.b[start:]
}

// release puts f back unless the queue kept its bytes.
func (f *frame) release() {
	if cap(f.b) <= maxPooled {
		frames.Put(f)
	}
}

// oneLine blanks line ends. Raw values that came in with Content-Length framing, or from a file, may be spread over
// lines; inside JSON a line end is always white space.
func oneLine(b []byte) {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return
		}
		b[i] = ' '
		b = b[i+1:]
	}
}

// appendDelta renders the notification that a delta is, with the text joined so far.
func (f *frame) appendDelta(s *style, d *waitingDelta) []byte {
	f.begin(s)
	f.b = append(f.b, `"method":`...)
	f.b = appendString(f.b, d.method)
	f.b = append(f.b, `,"params":`...)
	f.b = append(f.b, d.head...)
	if d.base64 {
		f.b = append(f.b, '"')
		f.b = base64.StdEncoding.AppendEncode(f.b, d.text)
		f.b = append(f.b, '"')
	} else {
		f.b = appendText(f.b, d.text)
	}
	f.b = append(f.b, '}')
	f.stamp(d.at)
	return f.finish()
}

// stamp says when a notification was made, in milliseconds. Language-server
// libraries, which send headers, know no such member, and some refuse it.
func (f *frame) stamp(ms int64) {
	if f.headers {
		return
	}
	f.b = append(f.b, `,"emittedAtMs":`...)
	f.b = strconv.AppendInt(f.b, ms, 10)
}
