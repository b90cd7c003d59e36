package mcp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxResult bounds what a server may answer. The contract would carry four times
// as much, but each copy on the way to the model and the client costs its size,
// in this process and in the host, and nobody can use that much.
const maxResult = 16 << 20

// maxLine bounds one message. It is above maxResult by the room that an envelope
// takes, so that what is refused is refused for its payload.
const maxLine = maxResult + 4<<10

// edge is how much is kept of both ends of a line that is too long: enough to
// find the id of the answer that it was.
const edge = 4 << 10

// line is one line of a server's stdout, without its end.
type line struct {
	text []byte
	// size is that of the whole line; over maxLine, text is its two edges.
	size int
}

func (l *line) cut() bool { return l.size > maxLine }

// lineReader reads lines of any length in bounded memory.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next line, which is the caller's. A last line without an end
// counts.
func (lr *lineReader) next() (line, error) {
	chunk, err := lr.r.ReadSlice('\n')
	if err == nil {
		text := bytes.Clone(trim(chunk))
		return line{text, len(text)}, nil
	}
	text := bytes.Clone(chunk)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(text) > maxLine {
			return lr.skip(text)
		}
		chunk, err = lr.r.ReadSlice('\n')
		text = append(text, chunk...)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0) {
		return line{}, err
	}
	text = trim(text)
	if len(text) > maxLine {
		return line{append(bytes.Clone(text[:edge]), text[len(text)-edge:]...), len(text)}, nil
	}
	return line{text, len(text)}, nil
}

// skip drops the rest of a line that is too long, all but its edges.
func (lr *lineReader) skip(head []byte) (line, error) {
	size := len(head)
	tail := bytes.Clone(head[len(head)-edge:])
	head = bytes.Clone(head[:edge])
	for {
		chunk, err := lr.r.ReadSlice('\n')
		size += len(chunk)
		tail = append(tail, chunk...)
		if len(tail) > edge {
			tail = append(tail[:0], tail[len(tail)-edge:]...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF):
			return line{append(head, trim(tail)...), size}, nil
		default:
			return line{}, err
		}
	}
}

func trim(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }

// tail keeps the last bytes of a stream.
type tail struct {
	buf  []byte
	full bool // something was dropped
}

// maxTail is how much of a server's stderr is kept.
const maxTail = 8 << 10

func (t *tail) write(b []byte) {
	if len(b) >= maxTail {
		t.full = t.full || len(t.buf) > 0 || len(b) > maxTail
		t.buf = append(t.buf[:0], b[len(b)-maxTail:]...)
		return
	}
	if over := len(t.buf) + len(b) - maxTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
		t.full = true
	}
	t.buf = append(t.buf, b...)
}

// lines returns the last whole lines, oldest first.
func (t *tail) lines() []string {
	b := t.buf
	if t.full {
		_, rest, ok := bytes.Cut(b, []byte("\n"))
		if ok && len(rest) > 0 {
			b = rest
		}
	}
	b = bytes.TrimRight(b, "\r\n")
	if len(b) == 0 {
		return nil
	}
	var out []string
	for l := range bytes.SplitSeq(b, []byte("\n")) {
		out = append(out, string(trim(l)))
	}
	if len(out) > maxTailLines {
		out = out[len(out)-maxTailLines:]
	}
	return out
}

const maxTailLines = 20
