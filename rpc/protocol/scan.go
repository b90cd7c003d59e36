package protocol

import (
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deep arrays and objects may nest, as in the reference.
const maxDepth = 128

// scanner reads JSON text. It checks what it reads, raw values included.
type scanner struct {
	data   []byte
	pos    int
	depth  int
	strict bool // refuse what is no Unicode text; otherwise U+FFFD takes its place
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek skips blanks and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) syntax(msg string) *DecodeError {
	return failure(msg + " at byte " + strconv.Itoa(s.pos))
}

func (s *scanner) open() *DecodeError {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return s.syntax("recursion limit exceeded")
	}
	return nil
}

// next stands behind an opening brace or bracket, or behind an element. It steps to the next element, or past the end:
// more tells which.
func (s *scanner) next(first bool, end byte) (more bool, err *DecodeError) {
	c := s.peek()
	switch {
	case c == end:
		s.pos++
		s.depth--
		return false, nil
	case first && c != 0:
		return true, nil
	case c == ',':
		s.pos++
		if s.peek() == end {
			return false, s.syntax("trailing comma")
		}
		return true, nil
	case c == 0:
		return false, s.syntax("EOF while parsing")
	}
	return false, s.syntax("expected `,` or `" + string(end) + "`")
}

// key reads a member's name and the colon. The name may share the input's memory.
func (s *scanner) key() ([]byte, *DecodeError) {
	if s.peek() != '"' {
		return nil, s.syntax("key must be a string")
	}
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.syntax("expected `:`")
	}
	s.pos++
	return name, nil
}

func (s *scanner) literal(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// text reads a string. The result may share the input's memory.
func (s *scanner) text() ([]byte, *DecodeError) {
	start := s.pos + 1
	ascii := true
	for i := start + plain(s.data[start:]); i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			if ascii || utf8.Valid(s.data[start:i]) {
				return s.data[start:i], nil
			}
			return s.escaped(start)
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.pos = i
			return nil, s.syntax("control character (\\u0000-\\u001F) found while parsing a string")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.data)
	return nil, s.syntax("EOF while parsing a string")
}

// escaped reads a string that needs more than copying.
func (s *scanner) escaped(start int) ([]byte, *DecodeError) {
	out := make([]byte, 0, 64)
	s.pos = start
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return out, nil
		case c == '\\':
			var err *DecodeError
			if out, err = s.escape(out); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, s.syntax("control character (\\u0000-\\u001F) found while parsing a string")
		case c < utf8.RuneSelf:
			out = append(out, c)
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 && s.strict {
				return nil, s.syntax("invalid unicode code point")
			}
			out = utf8.AppendRune(out, r)
			s.pos += size
		}
	}
	return nil, s.syntax("EOF while parsing a string")
}

func (s *scanner) escape(out []byte) ([]byte, *DecodeError) {
	if s.pos+1 >= len(s.data) {
		return nil, s.syntax("EOF while parsing a string")
	}
	c := s.data[s.pos+1]
	s.pos += 2
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		r, ok := s.hex()
		if !ok {
			return nil, s.syntax("invalid escape")
		}
		return s.surrogates(out, r)
	}
	return nil, s.syntax("invalid escape")
}

func (s *scanner) hex() (rune, bool) {
	if s.pos+4 > len(s.data) {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.pos : s.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 4
	return r, true
}

// surrogates finishes an escape that may be the first half of a pair.
func (s *scanner) surrogates(out []byte, r rune) ([]byte, *DecodeError) {
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r), nil
	}
	if r < 0xdc00 && s.pos+6 <= len(s.data) && s.data[s.pos] == '\\' && s.data[s.pos+1] == 'u' {
		back := s.pos
		s.pos += 2
		if low, ok := s.hex(); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.AppendRune(out, pair), nil
			}
		}
		s.pos = back
	}
	if s.strict {
		return nil, s.syntax("lone surrogate in hex escape")
	}
	return utf8.AppendRune(out, utf8.RuneError), nil
}

// number steps over a number and tells its text and whether it is written as an integer.
func (s *scanner) number() (text []byte, integer bool, err *DecodeError) {
	start := s.pos
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	switch {
	case s.pos < len(s.data) && s.data[s.pos] == '0':
		s.pos++
	case !s.digits():
		return nil, false, s.syntax("invalid number")
	}
	integer = true
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		integer = false
		s.pos++
		if !s.digits() {
			return nil, false, s.syntax("invalid number")
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		integer = false
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return nil, false, s.syntax("invalid number")
		}
	}
	return s.data[start:s.pos], integer, nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// skip steps over a value of any kind.
func (s *scanner) skip() *DecodeError {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.text()
		return err
	case c == '{' || c == '[':
		return s.skipNested(c)
	case c == '-' || c >= '0' && c <= '9':
		text, integer, err := s.number()
		if err != nil {
			return err
		}
		return s.magnitude(text, integer)
	case s.literal("null"), s.literal("true"), s.literal("false"):
		return nil
	case c == 0:
		return s.syntax("EOF while parsing a value")
	}
	return s.syntax("expected value")
}

func (s *scanner) skipNested(c byte) *DecodeError {
	end := c + 2 // the closing of { and [ is two code points on
	if err := s.open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.next(first, end)
		if err != nil || !more {
			return err
		}
		if c == '{' {
			if _, err := s.key(); err != nil {
				return err
			}
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

// magnitude refuses numbers that strict readers refuse wherever they stand: integers between 64 and 128 bits, because
// the reference does, and what is beyond a float64.
func (s *scanner) magnitude(text []byte, integer bool) *DecodeError {
	if !s.strict || integer && len(text) < 19 {
		return nil
	}
	if _, err := strconv.ParseFloat(borrow(text), 64); err != nil {
		return s.syntax("number out of range")
	}
	if integer && !fits64(text) {
		return huge(text)
	}
	return nil
}

// plain counts the bytes at the start of text which stand for themselves in a JSON string: ASCII but for control
// characters, quotes and backslashes. It looks at eight at a time.
func plain(text []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(text); i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		if (x|(x-ones*' ')|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0 {
			break
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] < utf8.RuneSelf && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// borrow is text as a string for the time of a call that does not keep it.
func borrow(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }
