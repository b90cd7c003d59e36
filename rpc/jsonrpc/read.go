package jsonrpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
)

const (
	firstBuffer = 16 << 10  // what the reader starts with, and mostly needs
	growth      = 8         // buffers grow by this factor: the garbage of growing is a seventh of the frame
	keepBuffer  = 1 << 20   // a larger buffer is given back once its frame is dealt with
	readSize    = 256 << 10 // the most that one Read gets, and so the most that is moved when a buffer is given back
	headSize    = 64 << 10  // how much of an oversized frame is searched for its id
	headerLine  = 8 << 10   // the longest header line
)

// tooLarge is the answer to a frame over the limit, after it was skipped.
type tooLarge struct {
	head []byte // its first bytes, a copy
	size int64
}

func (e *tooLarge) Error() string { return fmt.Sprintf("frame of %d bytes", e.size) }

// badFrame is input that is no frame at all. Reading goes on at the next one.
type badFrame struct{ refusal }

func (e *badFrame) Error() string { return e.message }

// reader cuts the input into frames. Memory follows the largest frame, is given back after it, and no byte is looked at
// or moved more than a constant number of times, whatever the sizes of frames and reads.
type reader struct {
	in   io.Reader
	max  int
	buf  []byte
	r, w int   // unread bytes are buf[r:w]
	err  error // sticky; told after the bytes before it

	headers bool // Content-Length framing
	settled bool // a frame was understood: the framing is decided
	lost    bool // a header block was not understood: look for the next one
}

func newReader(in io.Reader, limit int) *reader {
	return &reader{in: in, max: limit, buf: make([]byte, firstBuffer)}
}

// next returns the next frame, without blanks only. It is valid until the following call. Errors of type *tooLarge and
// *badFrame are answered and reading goes on; others, io.EOF included, end the input.
func (rd *reader) next() ([]byte, error) {
	rd.shrink()
	for {
		if rd.headers {
			return rd.body()
		}
		line, err := rd.line(rd.max)
		if err != nil {
			return nil, err
		}
		if line = trim(line); len(line) == 0 {
			continue
		}
		if rd.settled || !isHeader(line) {
			return line, nil
		}
		rd.headers = true
		return rd.bodyAfter(line)
	}
}

// detach hands the buffer over to whoever keeps a part of it.
func (rd *reader) detach() {
	rest := rd.buf[rd.r:rd.w]
	rd.buf = make([]byte, max(firstBuffer, len(rest)))
	rd.r, rd.w = 0, copy(rd.buf, rest)
}

func (rd *reader) shrink() {
	if len(rd.buf) > keepBuffer && rd.w-rd.r <= readSize {
		rd.detach()
	}
}

// line returns the next line without its end; the last one may lack it.
func (rd *reader) line(limit int) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(rd.buf[rd.r+seen:rd.w], '\n'); i >= 0 {
			line := rd.buf[rd.r : rd.r+seen+i]
			rd.r += seen + i + 1
			if len(line) > limit {
				return nil, &tooLarge{head: head(line), size: int64(len(line))}
			}
			return line, nil
		}
		seen = rd.w - rd.r
		if seen > limit || seen > headSize && !rd.hopeful() {
			return nil, rd.skipLine()
		}
		if err := rd.fill(limit + 1); err != nil {
			if err != io.EOF || seen == 0 {
				return nil, err
			}
			line := rd.buf[rd.r:rd.w]
			rd.r = rd.w
			return line, nil
		}
	}
}

// hopeful reports whether the unread bytes may be the start of a message. What is not is skipped without being kept.
func (rd *reader) hopeful() bool {
	b := trim(rd.buf[rd.r:rd.w])
	return len(b) == 0 || b[0] == '{' || b[0] == '['
}

// skipLine drops the line that began in the buffer.
func (rd *reader) skipLine() error {
	e := &tooLarge{head: head(rd.buf[rd.r:rd.w]), size: int64(rd.w - rd.r)}
	rd.r, rd.w = 0, 0
	rd.shrink()
	for {
		if err := rd.fill(0); err != nil {
			return e // the error is sticky and comes next
		}
		if i := bytes.IndexByte(rd.buf[rd.r:rd.w], '\n'); i >= 0 {
			rd.r += i + 1
			e.size += int64(i)
			return e
		}
		e.size += int64(rd.w - rd.r)
		rd.r, rd.w = 0, 0
	}
}

// body reads a header block and the body that it announces.
func (rd *reader) body() ([]byte, error) {
	for {
		line, err := rd.line(headerLine)
		if _, long := err.(*tooLarge); long && rd.lost {
			continue
		}
		if err != nil {
			return nil, rd.badHeader(err)
		}
		if line = trim(line); len(line) == 0 {
			continue
		}
		if rd.lost {
			// A body without line end may stand before the header that we look for.
			i := lastHeader(line)
			if i < 0 {
				continue
			}
			line = line[i:]
		}
		return rd.bodyAfter(line)
	}
}

// bodyAfter reads the rest of a header block whose first line was read, and its body.
func (rd *reader) bodyAfter(line []byte) ([]byte, error) {
	size := int64(-1)
	for len(line) > 0 {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return nil, rd.badHeader(fmt.Errorf("%.40q is no header line", line))
		}
		if bytes.EqualFold(trim(name), []byte("content-length")) {
			n, err := strconv.ParseInt(string(trim(value)), 10, 64)
			if err != nil || n < 0 {
				return nil, rd.badHeader(fmt.Errorf("Content-Length %.40q is no length", trim(value)))
			}
			size = n
		}
		next, err := rd.line(headerLine)
		if err != nil {
			return nil, rd.badHeader(err)
		}
		line = trim(next)
	}
	if size < 0 {
		return nil, rd.badHeader(errors.New("a header block without Content-Length"))
	}
	rd.lost = false
	if size > int64(rd.max) {
		return nil, rd.skipBody(size)
	}
	for rd.w-rd.r < int(size) {
		if err := rd.fill(int(size)); err != nil {
			return nil, rd.badHeader(err)
		}
	}
	body := rd.buf[rd.r : rd.r+int(size)]
	rd.r += int(size)
	return body, nil
}

// badHeader turns err into the answer to a broken header block; the end of the input stays what it is.
func (rd *reader) badHeader(err error) error {
	var long *tooLarge
	if rd.err != nil && errors.Is(err, rd.err) {
		if err != io.EOF || rd.r == rd.w {
			return err
		}
		rd.r = rd.w
		return &badFrame{parseError("the input ends within a message", "Send as many bytes as Content-Length says.")}
	}
	if errors.As(err, &long) {
		err = fmt.Errorf("a header line of %d bytes", long.size)
	}
	rd.lost = true
	return &badFrame{parseError(err.Error(), "Begin each message with `Content-Length: <bytes>`, CRLF, CRLF; reading goes on at the next such line.")}
}

func (rd *reader) skipBody(size int64) error {
	for rd.w-rd.r < headSize {
		if rd.fill(headSize) != nil {
			break
		}
	}
	left := size - int64(rd.w-rd.r)
	e := &tooLarge{head: head(rd.buf[rd.r:min(int64(rd.w), int64(rd.r)+size)]), size: size}
	if left < 0 {
		rd.r += int(size)
		return e
	}
	rd.r, rd.w = 0, 0
	for left > 0 && rd.fill(0) == nil {
		n := min(left, int64(rd.w-rd.r))
		rd.r += int(n)
		left -= n
	}
	return e
}

// fill reads once, after making room for more: at least a byte, growing towards want unread bytes.
func (rd *reader) fill(want int) error {
	if rd.r == rd.w {
		rd.r, rd.w = 0, 0
	}
	if rd.w == len(rd.buf) {
		rd.makeRoom(want)
	}
	for range 100 {
		if rd.err != nil {
			return rd.err
		}
		// Whoever serves the last frame goes on here, and this goroutine on another thread: were it the other way round,
		// the read would take the processor into the system along with what waits on it.
		runtime.Gosched()
		n, err := rd.in.Read(rd.buf[rd.w:min(len(rd.buf), rd.w+readSize)])
		rd.w += n
		rd.err = err
		if n > 0 {
			return nil
		}
	}
	rd.err = io.ErrNoProgress
	return rd.err
}

// makeRoom moves the unread bytes to the front when that frees half of the buffer, else to a larger one.
func (rd *reader) makeRoom(want int) {
	rest := rd.buf[rd.r:rd.w]
	if len(rest) <= len(rd.buf)/2 {
		rd.r, rd.w = 0, copy(rd.buf, rest)
		return
	}
	// In steps, as a large buffer must be earned by input; the last step goes to the top at once, not near it. A fresh
	// large buffer costs only the pages that are written.
	size, top := len(rd.buf)*growth, max(want, len(rd.buf))+readSize
	if size > top/2 {
		size = top
	}
	buf := make([]byte, size)
	rd.r, rd.w = 0, copy(buf, rest)
	rd.buf = buf
}

func head(b []byte) []byte { return bytes.Clone(b[:min(len(b), headSize)]) }

// trim removes blanks, and a byte order mark in front.
func trim(b []byte) []byte {
	b = bytes.TrimPrefix(bytes.TrimLeft(b, " \t\r"), []byte("\xef\xbb\xbf"))
	return bytes.Trim(b, " \t\r")
}

// isHeader reports whether a line is one of the headers that the base protocol of LSP knows.
func isHeader(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(":"))
	name = trim(name)
	return ok && (bytes.EqualFold(name, []byte("content-length")) || bytes.EqualFold(name, []byte("content-type")))
}

// lastHeader finds the last `Content-Length:` in a line, or returns -1.
func lastHeader(line []byte) int {
	return bytes.LastIndex(bytes.ToLower(line), []byte("content-length:"))
}
