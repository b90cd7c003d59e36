package jsonrpc

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a frame. It is what encoding/json accepts, so what passes here can be decoded later.
const maxDepth = 10_000

// member says what was found under a key of the envelope.
type member uint8

const (
	absent member = iota
	null
	bad // present, of a wrong type
	good
)

// message is the envelope of one frame. Byte slices point into the frame.
type message struct {
	kind    byte // first byte of the top-level value: '{', '[', '"', ...
	idState member
	id      ID
	method  []byte // decoded; set if methodState is good

	methodState member
	params      []byte // nil when absent
	result      []byte
	failure     []byte // the error member
	hasResult   bool   // also set when the value is cut off
	hasFailure  bool
	version2    bool // "jsonrpc":"2.0"
}

// syntaxError says why a frame is no JSON.
type syntaxError struct {
	at   int // offset in the frame, in bytes
	what string
	utf8 bool
	cut  bool // the frame ended too early
	deep bool
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// scanner validates a frame and finds its envelope in one pass, without recursion. The same key twice: the last one
// counts, as in encoding/json and JavaScript. Keys are matched exactly. Unknown members are validated and skipped.
type scanner struct {
	b     []byte
	stack [maxDepth/64 + 1]uint64 // one bit per open bracket: 1 object, 0 array
}

// scan reads one frame. On error, the message holds what was read before it.
func (s *scanner) scan(b []byte) (m message, err *syntaxError) {
	s.b = b
	defer func() { s.b = nil }()
	i := s.blank(0)
	if i == len(b) {
		return m, s.short()
	}
	m.kind = b[i]
	if b[i] == '{' {
		i, err = s.envelope(i+1, &m)
	} else {
		i, err = s.value(i, 0)
	}
	if err != nil {
		return m, err
	}
	if i = s.blank(i); i < len(b) {
		return m, s.unexpected(i, "the end of the message")
	}
	return m, nil
}

// envelope reads the members of the top-level object; i is behind its brace.
func (s *scanner) envelope(i int, m *message) (int, *syntaxError) {
	i = s.blank(i)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1, nil
	}
	for {
		key, j, err := s.key(i)
		if err != nil {
			return j, err
		}
		name := s.unquote(key)
		switch string(name) {
		case "result":
			m.hasResult = true
		case "error":
			m.hasFailure = true
		}
		start := s.blank(j)
		end, err := s.value(start, 1)
		if err != nil {
			return end, err
		}
		i = s.blank(end)
		if i == len(s.b) {
			return i, s.short()
		}
		s.member(m, string(name), s.b[start:end])
		switch s.b[i] {
		case ',':
			i = s.blank(i + 1)
		case '}':
			return i + 1, nil
		default:
			return i, s.unexpected(i, "`,` or `}`")
		}
	}
}

func (s *scanner) member(m *message, name string, v []byte) {
	switch name {
	case "id":
		m.id, m.idState = s.readID(v)
	case "method":
		m.method, m.methodState = nil, bad
		switch v[0] {
		case '"':
			m.method, m.methodState = s.unquote(v), good
		case 'n':
			m.methodState = null
		}
	case "params":
		m.params = v
	case "result":
		m.result = v
	case "error":
		m.failure = v
	case "jsonrpc":
		m.version2 = string(v) == `"2.0"`
	}
}

// readID accepts integers of 64 bits and strings that can be echoed. A lone surrogate cannot.
func (s *scanner) readID(v []byte) (ID, member) {
	switch v[0] {
	case 'n':
		return ID{}, null
	case '"':
		str, whole := unquote(v)
		if !whole {
			return ID{}, bad
		}
		return StringID(string(str)), good
	case '{', '[', 't', 'f':
		return ID{}, bad
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return ID{}, bad
	}
	return IntID(n), good
}

// value validates the value at i, which is nested depth deep, and returns the offset behind it.
func (s *scanner) value(i, depth int) (int, *syntaxError) {
	b, base := s.b, depth
	var err *syntaxError
	for {
		i = s.blank(i)
		if i == len(b) {
			return i, s.short()
		}
		switch c := b[i]; c {
		case '{', '[':
			if depth++; depth > maxDepth {
				return i, &syntaxError{at: i, what: "nesting deeper than " + strconv.Itoa(maxDepth), deep: true}
			}
			s.push(depth, c == '{')
			i = s.blank(i + 1)
			switch {
			case i < len(b) && b[i] == c+2: // the closing bracket is two behind the opening one in ASCII
				i++
				depth--
			case c == '[':
				continue
			default:
				if _, i, err = s.key(i); err != nil {
					return i, err
				}
				continue
			}
		case '"':
			if i, err = s.text(i); err != nil {
				return i, err
			}
		default:
			if i, err = s.scalar(i); err != nil {
				return i, err
			}
		}
		var more bool
		if i, depth, more, err = s.after(i, depth, base); err != nil || !more {
			return i, err
		}
	}
}

// after closes brackets behind a value until another value is due (more) or depth is back at base.
func (s *scanner) after(i, depth, base int) (int, int, bool, *syntaxError) {
	for depth > base {
		i = s.blank(i)
		if i == len(s.b) {
			return i, depth, false, s.short()
		}
		object := s.object(depth)
		switch c := s.b[i]; {
		case c == ',' && object:
			_, j, err := s.key(s.blank(i + 1))
			return j, depth, true, err
		case c == ',':
			return i + 1, depth, true, nil
		case c == '}' && object, c == ']' && !object:
			i++
			depth--
		case object:
			return i, depth, false, s.unexpected(i, "`,` or `}`")
		default:
			return i, depth, false, s.unexpected(i, "`,` or `]`")
		}
	}
	return i, depth, false, nil
}

func (s *scanner) push(depth int, object bool) {
	bit := uint64(1) << (depth % 64)
	s.stack[depth/64] &^= bit
	if object {
		s.stack[depth/64] |= bit
	}
}

func (s *scanner) object(depth int) bool { return s.stack[depth/64]>>(depth%64)&1 == 1 }

// key reads `"key":` at i and returns the quoted key and the offset behind the colon.
func (s *scanner) key(i int) ([]byte, int, *syntaxError) {
	if i == len(s.b) {
		return nil, i, s.short()
	}
	if s.b[i] != '"' {
		return nil, i, s.unexpected(i, "a member name in double quotes")
	}
	end, err := s.text(i)
	if err != nil {
		return nil, end, err
	}
	j := s.blank(end)
	if j == len(s.b) {
		return nil, j, s.short()
	}
	if s.b[j] != ':' {
		return nil, j, s.unexpected(j, "`:`")
	}
	return s.b[i:end], j + 1, nil
}

// text validates the string that opens at i and returns the offset behind its closing quote.
func (s *scanner) text(i int) (int, *syntaxError) {
	b := s.b
	i++
	for {
		i += plain(b[i:])
		if i == len(b) {
			return i, s.short()
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			n, err := s.escape(i)
			if err != nil {
				return i, err
			}
			i += n
		case c < 0x20:
			return i, &syntaxError{at: i, what: fmt.Sprintf("raw control character 0x%02x in a string", c)}
		default:
			for i < len(b) && b[i] >= utf8.RuneSelf {
				r, n := utf8.DecodeRune(b[i:])
				if r == utf8.RuneError && n == 1 {
					return i, s.notUTF8(i)
				}
				i += n
			}
		}
	}
}

// escape returns the length of the escape sequence at i.
func (s *scanner) escape(i int) (int, *syntaxError) {
	if i+1 == len(s.b) {
		return 0, s.short()
	}
	switch s.b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j == len(s.b) {
				return 0, s.short()
			}
			if !isHex(s.b[j]) {
				return 0, s.unexpected(j, "a hexadecimal digit")
			}
		}
		return 6, nil
	}
	return 0, s.unexpected(i+1, "an escape character")
}

// scalar validates a number, true, false or null.
func (s *scanner) scalar(i int) (int, *syntaxError) {
	switch s.b[i] {
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(i)
	}
	return i, s.unexpected(i, "a value")
}

func (s *scanner) literal(i int, word string) (int, *syntaxError) {
	for k := range len(word) {
		if i+k == len(s.b) {
			return i + k, s.short()
		}
		if s.b[i+k] != word[k] {
			return i, s.unexpected(i+k, "`"+word+"`")
		}
	}
	return i + len(word), nil
}

func (s *scanner) number(i int) (int, *syntaxError) {
	var err *syntaxError
	if s.b[i] == '-' {
		i++
	}
	if i < len(s.b) && s.b[i] == '0' {
		i++
	} else if i, err = s.digits(i); err != nil {
		return i, err
	}
	if i < len(s.b) && s.b[i] == '.' {
		if i, err = s.digits(i + 1); err != nil {
			return i, err
		}
	}
	if i < len(s.b) && s.b[i]|0x20 == 'e' {
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i, nil
}

func (s *scanner) digits(i int) (int, *syntaxError) {
	start := i
	for i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
		i++
	}
	if i > start {
		return i, nil
	}
	if i == len(s.b) {
		return i, s.short()
	}
	return i, s.unexpected(i, "a digit")
}

func (s *scanner) blank(i int) int {
	for i < len(s.b) {
		switch s.b[i] {
		case ' ', '\t', '\r', '\n':
			i++
		default:
			return i
		}
	}
	return i
}

func (s *scanner) short() *syntaxError {
	return &syntaxError{at: len(s.b), what: "the message ends too early", cut: true}
}

func (s *scanner) unexpected(i int, want string) *syntaxError {
	if r, n := utf8.DecodeRune(s.b[i:]); r == utf8.RuneError && n == 1 {
		return s.notUTF8(i)
	} else {
		return &syntaxError{at: i, what: fmt.Sprintf("unexpected %q instead of %s", r, want)}
	}
}

func (s *scanner) notUTF8(i int) *syntaxError {
	return &syntaxError{at: i, what: fmt.Sprintf("invalid UTF-8 (byte 0x%02x)", s.b[i]), utf8: true}
}

// unquote decodes a validated JSON string; without escapes it is a view of v.
func (s *scanner) unquote(v []byte) []byte {
	str, _ := unquote(v)
	return str
}
