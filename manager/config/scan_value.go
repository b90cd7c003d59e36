package config

import "strings"

// value reads one value; the caller stands on its first byte.
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
	switch {
	case plausibleBare(word):
	case strings.HasSuffix(word, `"`) && strings.Count(word, `"`) == 1 && len(word) > 1:
		s.fail(start, "missing opening quote, expected `\"`")
	default:
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
		if s.src[s.pos] == ',' {
			s.fail(s.pos, "extra comma in array, expected value")
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
