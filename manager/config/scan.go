package config

import (
	"strings"
	"unicode/utf8"
)

// The scanner finds where things are in a TOML text: it keeps byte ranges and throws away nothing, so one pass serves
// editing, error positions and error texts. It does not check the language: go-toml decides what is valid, and the
// scanner is asked either about valid text (ranges) or about invalid text (the likeliest reason).

type exprKind uint8

const (
	exprKeyValue exprKind = iota
	exprTable
	exprArrayTable
)

// expr is one top-level expression: a header, or a key with its value.
type expr struct {
	kind  exprKind
	path  []string // absolute; an element of an array of tables adds its index as a segment
	keys  []keyPart
	value value // key values only
	start int   // of the first key byte or the opening bracket
	end   int   // behind the value or the closing bracket
	line  span  // from the start of its first line to behind the newline of its last
}

type keyPart struct {
	name string
	at   span
}

type span struct{ start, end int }

// value is the place of a value; tables and arrays carry their children.
type value struct {
	kind    byte // '{', '[' or 0 for a scalar
	at      span
	entries []entry // inline table
	items   []value // array
}

type entry struct {
	keys  []keyPart
	value value
	at    span
}

// scanError is the scanner's explanation of invalid text; at is a byte offset.
type scanError struct {
	at  int
	why string
}

type scanner struct {
	src string
	pos int
	err *scanError
	// last is behind the last byte that was neither blank nor comment: where an unclosed bracket is reported.
	last int
}

// scan splits src into expressions. The second result is nil for text that is valid as far as the scanner can see.
func scan(src string) ([]expr, *scanError) {
	s := &scanner{src: src}
	if strings.HasPrefix(src, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	var out []expr
	var table []string
	counts := map[string]int{}
	for s.err == nil {
		s.skipBlank()
		if s.pos >= len(src) {
			break
		}
		e := expr{start: s.pos}
		if src[s.pos] == '[' {
			s.header(&e)
			if s.err != nil {
				break
			}
			table = resolve(e, counts)
			e.path = table
		} else {
			e.keys = s.key()
			s.equals()
			if s.err != nil {
				break
			}
			e.value = s.value()
			e.path = append(append([]string(nil), table...), names(e.keys)...)
		}
		if s.err != nil {
			break
		}
		e.end = s.pos
		s.endOfLine()
		e.line = span{lineStart(src, e.start), s.pos}
		out = append(out, e)
	}
	return out, s.err
}

// resolve gives a header its absolute path: prefixes that name an array of tables point into its last element.
func resolve(e expr, counts map[string]int) []string {
	var path []string
	for i, k := range e.keys {
		path = append(path, k.name)
		id := strings.Join(path, "\x00")
		last := i == len(e.keys)-1
		switch n := counts[id]; {
		case last && e.kind == exprArrayTable:
			counts[id] = n + 1
			path = append(path, index(n))
		case n > 0 && !last:
			path = append(path, index(n-1))
		}
	}
	return path
}

func names(keys []keyPart) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.name
	}
	return out
}

func (s *scanner) fail(at int, why string) {
	if s.err == nil {
		s.err = &scanError{at, why}
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.src) && (s.src[s.pos] == ' ' || s.src[s.pos] == '\t') {
		s.pos++
	}
}

// skipBlank skips spaces, newlines and comments.
func (s *scanner) skipBlank() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			s.skipComment()
		default:
			return
		}
	}
}

func (s *scanner) skipComment() {
	for s.pos < len(s.src) && s.src[s.pos] != '\n' {
		s.pos++
	}
}

func (s *scanner) atNewline() bool {
	return s.pos >= len(s.src) || s.src[s.pos] == '\n' || strings.HasPrefix(s.src[s.pos:], "\r\n")
}

func (s *scanner) endOfLine() {
	s.skipSpace()
	if s.peek() == '#' {
		s.skipComment()
	}
	switch {
	case s.pos >= len(s.src):
	case s.src[s.pos] == '\n':
		s.pos++
	case strings.HasPrefix(s.src[s.pos:], "\r\n"):
		s.pos += 2
	default:
		s.fail(s.pos, "unexpected key or value, expected newline, `#`")
	}
}

func (s *scanner) header(e *expr) {
	e.kind = exprTable
	s.pos++
	if s.peek() == '[' {
		e.kind = exprArrayTable
		s.pos++
	}
	e.keys = s.key()
	closing := "]"
	if e.kind == exprArrayTable {
		closing = "]]"
	}
	if s.err != nil {
		return
	}
	if !strings.HasPrefix(s.src[s.pos:], closing) {
		s.fail(s.pos, "unclosed table, expected `"+closing+"`")
		return
	}
	s.pos += len(closing)
}

// key reads a dotted key and the blanks behind it.
func (s *scanner) key() []keyPart {
	var out []keyPart
	for s.err == nil {
		s.skipSpace()
		start := s.pos
		var name string
		switch s.peek() {
		case '"', '\'':
			v := s.str()
			name = unquote(s.src[v.at.start:v.at.end])
		default:
			for s.pos < len(s.src) && isBare(s.src[s.pos]) {
				s.pos++
			}
			if s.pos == start {
				s.fail(s.pos, "unquoted keys cannot be empty, expected letters, numbers, `-`, `_`")
				return out
			}
			name = s.src[start:s.pos]
		}
		out = append(out, keyPart{name, span{start, s.pos}})
		s.skipSpace()
		if s.peek() != '.' {
			return out
		}
		s.pos++
	}
	return out
}

func (s *scanner) equals() {
	if s.err != nil {
		return
	}
	if s.peek() != '=' {
		s.fail(s.pos, "key with no value, expected `=`")
		return
	}
	s.pos++
	s.skipSpace()
}

func isBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func (s *scanner) value() value {
	var v value
	switch s.peek() {
	case '"', '\'':
		v = s.str()
	case '[':
		v = s.array()
	case '{':
		v = s.inlineTable()
	default:
		v = s.bare()
	}
	s.last = s.pos
	return v
}

// bare reads a number, a date or a boolean; anything else is most often a string without its quotes.
func (s *scanner) bare() value {
	start := s.pos
	for s.pos < len(s.src) && !strings.ContainsRune(" \t\r\n,]}#", rune(s.src[s.pos])) {
		s.pos++
	}
	word := s.src[start:s.pos]
	// A date and its time may be a blank apart.
	if len(word) == 10 && word[4] == '-' && s.peek() == ' ' && s.pos+1 < len(s.src) && isDigit(s.src[s.pos+1]) {
		s.pos++
		for s.pos < len(s.src) && !strings.ContainsRune(" \t\r\n,]}#", rune(s.src[s.pos])) {
			s.pos++
		}
		word = s.src[start:s.pos]
	}
	if !plausibleBare(word) {
		s.fail(start, "string values must be quoted, expected literal string")
	}
	return value{at: span{start, s.pos}}
}

func plausibleBare(w string) bool {
	switch strings.TrimLeft(w, "+-") {
	case "":
		return false
	case "inf", "nan", "true", "false":
		return true
	}
	w = strings.TrimLeft(w, "+-")
	if !isDigit(w[0]) {
		return false
	}
	if strings.HasPrefix(w, "0x") {
		return true
	}
	for i := range len(w) {
		if !isDigit(w[i]) && !strings.ContainsRune("_.:-+eETtZz box", rune(w[i])) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) str() value {
	start := s.pos
	q := s.src[s.pos]
	if triple := strings.Repeat(string(q), 3); strings.HasPrefix(s.src[s.pos:], triple) {
		s.multiline(q, triple)
		return value{at: span{start, s.pos}}
	}
	s.pos++
	for {
		if s.atNewline() {
			kind := map[byte]string{'"': "basic", '\'': "literal"}[q]
			s.fail(s.pos, "invalid "+kind+" string, expected `"+string(q)+"`")
			break
		}
		c := s.src[s.pos]
		s.pos++
		if c == q {
			break
		}
		if c == '\\' && q == '"' && s.pos < len(s.src) {
			if !strings.ContainsRune("befnr\\\"xuUt", rune(s.src[s.pos])) {
				s.fail(s.pos, "missing escaped value, expected `b`, `e`, `f`, `n`, `r`, `\\`, `\"`, `x`, `u`, `U`")
			}
			s.pos++
		}
	}
	return value{at: span{start, s.pos}}
}

func (s *scanner) multiline(q byte, triple string) {
	s.pos += 3
	for {
		if s.pos >= len(s.src) {
			kind := map[byte]string{'"': "basic", '\'': "literal"}[q]
			s.fail(s.pos, "invalid multi-line "+kind+" string, expected `"+triple+"`")
			return
		}
		switch {
		case s.src[s.pos] == '\\' && q == '"':
			s.pos = min(s.pos+2, len(s.src))
		case strings.HasPrefix(s.src[s.pos:], triple):
			s.pos += 3
			// Up to two quotes may belong to the text itself.
			for i := 0; i < 2 && s.peek() == q; i++ {
				s.pos++
			}
			return
		default:
			s.pos++
		}
	}
}

func (s *scanner) array() value {
	v := value{kind: '[', at: span{start: s.pos}}
	s.pos++
	s.last = s.pos
	for {
		s.skipBlank()
		switch {
		case s.pos >= len(s.src):
			// The text ends inside: that outweighs whatever was wrong with an element.
			s.err = &scanError{s.last, "unclosed array, expected `]`"}
			return v
		case s.src[s.pos] == ']':
			s.pos++
			v.at.end = s.pos
			return v
		}
		before := s.pos
		v.items = append(v.items, s.value())
		s.skipBlank()
		switch {
		case s.peek() == ',':
			s.pos++
			s.last = s.pos
		case s.pos >= len(s.src) || s.src[s.pos] == ']':
		default:
			s.fail(s.pos, "missing comma between array elements, expected `,`")
			return v
		}
		if s.pos == before {
			s.fail(s.pos, "unexpected character in array, expected `]`")
			return v
		}
	}
}

func (s *scanner) inlineTable() value {
	v := value{kind: '{', at: span{start: s.pos}}
	s.pos++
	s.last = s.pos
	for s.err == nil {
		s.skipBlank()
		switch {
		case s.pos >= len(s.src):
			s.fail(s.last, "unclosed inline table, expected `}`")
			return v
		case s.src[s.pos] == '}':
			s.pos++
			v.at.end = s.pos
			return v
		}
		e := entry{at: span{start: s.pos}}
		e.keys = s.key()
		s.equals()
		if s.err != nil {
			return v
		}
		e.value = s.value()
		e.at.end = s.pos
		v.entries = append(v.entries, e)
		s.skipBlank()
		switch s.peek() {
		case ',':
			s.pos++
			s.last = s.pos
		case '}':
		default:
			s.fail(s.last, "unclosed inline table, expected `}`")
		}
	}
	return v
}

func lineStart(src string, at int) int { return strings.LastIndexByte(src[:at], '\n') + 1 }

// position turns a byte offset into a line and a column, both from 1; columns count characters.
func position(src string, at int) (line, col int) {
	at = min(at, len(src))
	return strings.Count(src[:at], "\n") + 1, utf8.RuneCountInString(src[lineStart(src, at):at]) + 1
}
