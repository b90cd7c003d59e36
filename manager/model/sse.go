package model

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

const (
	sseBuffer = 32 << 10
	sseKeep   = 1 << 20  // a larger buffer is given back after its event
	sseMost   = 64 << 20 // bytes of the largest event; a server has no reason to send more
)

var errEventTooLarge = errors.New("an event is too large")

var sseBuffers = sync.Pool{New: func() any { b := make([]byte, sseBuffer); return &b }}

// sseReader cuts a byte stream into the data of its server-sent events. Only the data lines
// matter: the Responses API repeats an event's name inside. Each byte is looked at once; the
// buffer holds the current event and grows when that does not fit. Lines end with LF or CRLF.
type sseReader struct {
	r      io.Reader
	most   int
	pooled *[]byte
	buf    []byte
	begin  int // of what must be kept
	line   int // start of the current line
	seen   int // up to here the current line has no LF
	end    int // of what has been read
	from   int // data of the current event is buf[from:to], unless joined
	to     int
	data   bool   // the current event has data
	joined []byte // data of an event with several data lines
	multi  bool
	eof    bool
}

func newSSEReader(r io.Reader, most int) *sseReader {
	p := sseBuffers.Get().(*[]byte)
	return &sseReader{r: r, most: most, pooled: p, buf: *p}
}

// close gives the buffer back; data returned earlier is invalid then.
func (s *sseReader) close() {
	if s.pooled != nil {
		sseBuffers.Put(s.pooled)
		s.pooled, s.buf = nil, nil
	}
}

// used says that the data of the last event is not needed any more: a buffer that it made large is given back.
func (s *sseReader) used() {
	rest := s.buf[s.line:s.end]
	if len(s.buf) <= sseKeep || len(rest) > len(*s.pooled) {
		return
	}
	s.seen -= s.line
	s.end = copy(*s.pooled, rest)
	s.buf, s.begin, s.line, s.joined = *s.pooled, 0, 0, nil
}

// next returns the data of the next event, valid until the next call. At the end of the stream
// it gives an event that lacks its empty line, then io.EOF.
func (s *sseReader) next() ([]byte, error) {
	s.begin, s.data, s.multi = s.line, false, false
	for {
		i := bytes.IndexByte(s.buf[s.seen:s.end], '\n')
		if i < 0 {
			s.seen = s.end
			if !s.eof {
				if err := s.fill(); err != nil {
					return nil, err
				}
				continue
			}
			last := s.buf[s.line:s.end]
			s.take(last)
			s.line = s.end
			if s.data {
				return s.event(), nil
			}
			return nil, io.EOF
		}
		line := s.buf[s.line : s.seen+i]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 && s.data {
			d := s.event()
			s.line = s.seen + i + 1
			s.seen = s.line
			return d, nil
		}
		s.take(line)
		s.line = s.seen + i + 1
		s.seen = s.line
		if !s.data {
			s.begin = s.line
		}
	}
}

func (s *sseReader) event() []byte {
	if s.multi {
		return s.joined
	}
	return s.buf[s.from:s.to]
}

// take notes a data line and ignores every other one.
func (s *sseReader) take(line []byte) {
	value, ok := bytes.CutPrefix(line, []byte("data"))
	if !ok || len(value) > 0 && value[0] != ':' {
		return
	}
	skip := min(len(value), 1)
	if len(value) > 1 && value[1] == ' ' {
		skip = 2
	}
	from := s.line + len("data") + skip
	to := s.line + len(line)
	if !s.data {
		s.from, s.to, s.data = from, to, true
		return
	}
	if !s.multi {
		s.joined, s.multi = append(s.joined[:0], s.buf[s.from:s.to]...), true
	}
	s.joined = append(append(s.joined, '\n'), s.buf[from:to]...)
}

// fill reads more, first making room.
func (s *sseReader) fill() error {
	if s.begin > 0 && (s.begin == s.end || s.end == len(s.buf)) {
		copy(s.buf, s.buf[s.begin:s.end])
		s.line -= s.begin
		s.seen -= s.begin
		s.end -= s.begin
		s.from -= s.begin
		s.to -= s.begin
		s.begin = 0
	}
	if s.end == len(s.buf) {
		if s.end >= s.most {
			return errEventTooLarge
		}
		grown := make([]byte, min(4*len(s.buf), s.most)) // pages that are not written cost nothing
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if err == io.EOF {
		s.eof = true
		return nil
	}
	if n > 0 {
		return nil // the error, if any, comes again
	}
	return err
}
