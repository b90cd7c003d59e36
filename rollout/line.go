package rollout

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// maxLine bounds the memory that one line may take. Longer lines are skipped like any bad line.
const maxLine = 512 << 20

// lineReader cuts a file into lines without copying them. A line is valid until the next call.
type lineReader struct {
	r     io.Reader
	buf   []byte
	start int   // of what is not yet handed out, in buf
	end   int   // of what was read, in buf
	off   int64 // file offset of buf[start]
	err   error
}

// newLineReader reads from r, whose first byte has file offset off; size is how much there is, as a hint.
func newLineReader(r io.Reader, off, size int64) *lineReader {
	return &lineReader{r: r, off: off, buf: make([]byte, min(max(size, 0)+1, 256<<10))}
}

var errLineTooLong = errors.New("line too long")

// next returns the next line without its newline, where it starts and whether a newline ended it. At the end
// it returns io.EOF; a line that exceeds maxLine gives errLineTooLong and is passed over.
func (l *lineReader) next() (line []byte, off int64, whole bool, err error) {
	off = l.off
	for seen := 0; ; {
		if i := bytes.IndexByte(l.buf[l.start+seen:l.end], '\n'); i >= 0 {
			line = l.buf[l.start : l.start+seen+i]
			l.advance(seen + i + 1)
			return line, off, true, nil
		}
		seen = l.end - l.start
		if l.err != nil {
			if l.err != io.EOF || seen == 0 {
				return nil, off, false, l.err
			}
			line = l.buf[l.start:l.end]
			l.advance(seen)
			return line, off, false, nil
		}
		if seen >= maxLine {
			return nil, off, false, l.skipLine()
		}
		l.fill()
	}
}

func (l *lineReader) advance(n int) {
	l.start += n
	l.off += int64(n)
}

// fill reads more, moving or growing the buffer as needed.
func (l *lineReader) fill() {
	if l.start > 0 && l.end == len(l.buf) {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start = 0
	}
	if l.end == len(l.buf) {
		grown := make([]byte, max(2*len(l.buf), 4096))
		l.end = copy(grown, l.buf[l.start:l.end])
		l.start, l.buf = 0, grown
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	if err != nil {
		l.err = err
	}
}

func (l *lineReader) skipLine() error {
	for {
		if i := bytes.IndexByte(l.buf[l.start:l.end], '\n'); i >= 0 {
			l.advance(i + 1)
			return errLineTooLong
		}
		l.advance(l.end - l.start)
		l.start, l.end = 0, 0
		if l.err != nil {
			return errLineTooLong
		}
		l.fill()
	}
}

// record is one line of a file, its parts still raw and pointing into the reader's buffer.
type record struct {
	stamp      []byte // without quotes
	ordinal    uint64
	hasOrdinal bool
	kind       []byte // session_meta, response_item, event_msg, ...
	event      []byte // payload.type where it could be seen at once, else nil
	payload    []byte // not checked unless the line needed the slow way
	checked    bool
	off        int64 // of the line, in its file
}

var bom = []byte("\xef\xbb\xbf")

// parseLine takes a line apart. The lines of both known writers have their members in a fixed order, so most
// are split by prefix alone and their payload is left unchecked; see [record.sound].
func parseLine(line []byte) (rec record, ok bool) {
	if rec, ok = parsePrefix(line); ok {
		return rec, true
	}
	if rec, ok = parseMembers(line); ok {
		return rec, true
	}
	// A writer that appended to a torn line has glued its record to the fragment: look for the whole one.
	if i := bytes.LastIndex(line, []byte(`{"timestamp":"`)); i > 0 {
		return parseMembers(line[i:])
	}
	return record{}, false
}

// parsePrefix splits `{"timestamp":"T","ordinal":N,"type":"K","payload":P}`, ordinal optional.
func parsePrefix(line []byte) (rec record, ok bool) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	rest, ok := bytes.CutPrefix(line, []byte(`{"timestamp":"`))
	if !ok {
		return rec, false
	}
	if rec.stamp, rest, ok = cutQuote(rest); !ok {
		return rec, false
	}
	if digits, found := bytes.CutPrefix(rest, []byte(`,"ordinal":`)); found {
		n := 0
		for n < len(digits) && digits[n] >= '0' && digits[n] <= '9' {
			n++
		}
		if rec.ordinal, rec.hasOrdinal = decodeUint(digits[:n]); !rec.hasOrdinal {
			return rec, false
		}
		rest = digits[n:]
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"type":"`)); !ok {
		return rec, false
	}
	if rec.kind, rest, ok = cutQuote(rest); !ok {
		return rec, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"payload":`)); !ok || len(rest) < 3 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return rec, false
	}
	rec.payload = rest[:len(rest)-1]
	if inner, found := bytes.CutPrefix(rec.payload, []byte(`{"type":"`)); found {
		rec.event, _, _ = cutQuote(inner)
	}
	return rec, true
}

// cutQuote cuts b at its first quote, if no escape comes before it and it comes soon.
func cutQuote(b []byte) (before, after []byte, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), 80)], '"')
	if i < 0 || bytes.IndexByte(b[:i], '\\') >= 0 {
		return nil, nil, false
	}
	return b[:i], b[i+1:], true
}

// parseMembers takes any order of members and any white space.
func parseMembers(line []byte) (rec record, ok bool) {
	if bytes.IndexByte(line, 0) == 0 { // a block of zeros, as a crashed file system leaves it
		line = bytes.TrimLeft(line, "\x00")
	}
	end := skipValue(line, 0)
	if end < 0 || skipSpace(line, end) != len(line) {
		return rec, false
	}
	members(line, func(key, value []byte) bool {
		switch string(key) {
		case "timestamp":
			if len(value) > 1 && value[0] == '"' {
				rec.stamp = value[1 : len(value)-1]
			}
		case "ordinal":
			rec.ordinal, rec.hasOrdinal = decodeUint(value)
		case "type":
			rec.kind = []byte(decodeString(value))
		case "payload":
			rec.payload = value
		}
		return true
	})
	if len(rec.kind) == 0 || len(rec.payload) == 0 || rec.payload[0] != '{' {
		return rec, false
	}
	rec.checked = utf8.Valid(rec.payload)
	if string(rec.kind) == kindEvent || string(rec.kind) == kindItem {
		rec.event = []byte(memberString(rec.payload, "type"))
	}
	return rec, true
}

// sound reports whether the payload is JSON, checking it the first time. Bytes that are no UTF-8 are replaced,
// in a copy, and repaired says so: one flipped byte should not cost the user a message.
func (r *record) sound() (ok, repaired bool) {
	if r.checked {
		return true, false
	}
	end := skipValue(r.payload, 0)
	if end < 0 || r.payload[0] != '{' || !siblings(r.payload[end:]) {
		return false, false
	}
	r.payload = r.payload[:end]
	if !utf8.Valid(r.payload) {
		r.payload, repaired = bytes.ToValidUTF8(r.payload, []byte("\uFFFD")), true
	}
	if r.event == nil {
		r.event = []byte(memberString(r.payload, "type"))
	}
	r.checked = true
	return true, repaired
}

// siblings reports whether b, the end of a line, is nothing or more members of the line: response items can have
// a metadata member after the payload.
func siblings(b []byte) bool {
	for i := skipSpace(b, 0); i < len(b); i = skipSpace(b, i) {
		if b[i] != ',' {
			return false
		}
		if i = skipKey(b, i+1); i < 0 {
			return false
		}
		if i = skipValue(b, i); i < 0 {
			return false
		}
	}
	return true
}

// eventType is payload.type; the empty string where there is none or the payload is damaged.
func (r *record) eventType() []byte {
	if r.event == nil {
		if ok, _ := r.sound(); !ok {
			r.event = []byte{}
		}
	}
	return r.event
}
