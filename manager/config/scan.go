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
	if rest := s.src[s.pos:]; !strings.HasPrefix(rest, closing) {
		at := e.keys[len(e.keys)-1].at.end
		switch {
		case e.kind == exprTable:
			s.fail(at, "unclosed table, expected `]`")
		case strings.HasPrefix(rest, "]"):
			s.fail(s.pos+1, "unclosed array table, expected `]`")
		default:
			s.fail(at, "unclosed array table, expected `]]`")
		}
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
			if c := s.peek(); c != 0 && !strings.ContainsRune(" \t\r\n=.,#[]{}", rune(c)) {
				s.fail(s.pos, "invalid unquoted key, expected letters, numbers, `-`, `_`")
			}
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

func lineStart(src string, at int) int { return strings.LastIndexByte(src[:at], '\n') + 1 }

// position turns a byte offset into a line and a column, both from 1; columns count characters.
func position(src string, at int) (line, col int) {
	at = min(at, len(src))
	return strings.Count(src[:at], "\n") + 1, utf8.RuneCountInString(src[lineStart(src, at):at]) + 1
}
