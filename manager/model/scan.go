package model

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The stream's JSON is scanned by hand: an event is read once, only the members in use are
// decoded, and an item's bytes are taken as they are. The scanner checks structure, not every
// token; whoever keeps raw bytes validates them.

// object walks the members of a JSON object.
type object struct {
	b   []byte
	i   int
	bad bool
}

// openObject positions before the first member of b; ok is false if b is no object.
func openObject(b []byte) (o object, ok bool) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return o, false
	}
	return object{b: b, i: i + 1}, true
}

// next gives the next member: the key without its quotes, still escaped, and the raw value. It
// returns false at the end of the object and where it is malformed; bad tells which.
func (o *object) next() (key, val []byte, ok bool) {
	i := skipSpace(o.b, o.i)
	if i < len(o.b) && o.b[i] == ',' {
		i = skipSpace(o.b, i+1)
	}
	if i < len(o.b) && o.b[i] == '}' {
		return nil, nil, false
	}
	o.bad = true
	if i >= len(o.b) || o.b[i] != '"' {
		return nil, nil, false
	}
	end := skipString(o.b, i)
	if end < 0 {
		return nil, nil, false
	}
	key = o.b[i+1 : end-1]
	i = skipSpace(o.b, end)
	if i >= len(o.b) || o.b[i] != ':' {
		return nil, nil, false
	}
	i = skipSpace(o.b, i+1)
	end = skipValue(o.b, i)
	if end < 0 {
		return nil, nil, false
	}
	o.i, o.bad = end, false
	return key, o.b[i:end], true
}

// elements calls f with each raw element of the JSON array b, and reports whether b is one.
func elements(b []byte, f func(raw []byte)) bool {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return false
	}
	for i++; ; {
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		if i >= len(b) {
			return false
		}
		if b[i] == ']' {
			return true
		}
		end := skipValue(b, i)
		if end < 0 {
			return false
		}
		f(b[i:end])
		i = end
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index after the string that begins at b[i], or -1.
func skipString(b []byte, i int) int {
	for j := i + 1; ; {
		k := bytes.IndexByte(b[j:], '"')
		if k < 0 {
			return -1
		}
		q := j + k
		n := 0
		for q-1-n > i && b[q-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return q + 1
		}
		j = q + 1
	}
}

// skipValue returns the index after the value that begins at b[i], or -1.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	j := i
	for j < len(b) && !isDelimiter(b[j]) {
		j++
	}
	if j == i {
		return -1
	}
	return j
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			if i = skipString(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

func isDelimiter(c byte) bool {
	switch c {
	case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// text decodes a raw JSON string to valid UTF-8; ok is false for any other value.
func text(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	raw = raw[1 : len(raw)-1]
	at := bytes.IndexByte(raw, '\\')
	if at < 0 {
		return validText(raw), true
	}
	out := make([]byte, 0, len(raw))
	for at >= 0 {
		out = append(out, raw[:at]...)
		var n int
		if out, n = appendEscape(out, raw[at:]); n == 0 {
			return "", false
		}
		raw = raw[at+n:]
		at = bytes.IndexByte(raw, '\\')
	}
	return validText(append(out, raw...)), true
}

func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}

// appendEscape decodes the escape at the start of b and returns its length, 0 if it is none. A
// lone surrogate becomes U+FFFD, as in encoding/json.
func appendEscape(out, b []byte) ([]byte, int) {
	if len(b) < 2 {
		return out, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return append(out, b[1]), 2
	case 'n':
		return append(out, '\n'), 2
	case 't':
		return append(out, '\t'), 2
	case 'r':
		return append(out, '\r'), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'u':
		r := hex4(b)
		if r < 0 {
			return out, 0
		}
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(out, r), 6
		}
		if pair := utf16.DecodeRune(r, hex4(b[6:])); pair != utf8.RuneError {
			return utf8.AppendRune(out, pair), 12
		}
		return utf8.AppendRune(out, utf8.RuneError), 6
	}
	return out, 0
}

// hex4 is the value of the \uXXXX at the start of b, or -1.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// number reads a small non-negative integer, 0 for anything else.
func number(raw []byte) int {
	n := 0
	for _, c := range raw {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// cleanRaw copies a valid raw value so that any reader of JSON lines takes it: on one line, with
// U+FFFD for bad UTF-8 and for lone surrogate escapes, which strict parsers refuse together with
// the whole line that holds them.
func cleanRaw(raw []byte) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		var one bytes.Buffer
		_ = json.Compact(&one, raw)
		raw = one.Bytes()
	} else {
		raw = bytes.Clone(raw)
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	for at := 0; ; {
		i := bytes.Index(raw[at:], []byte(`\`))
		if i < 0 {
			return raw
		}
		at += i
		r := hex4(raw[at:])
		switch {
		case r < 0:
			at += 2
		case !utf16.IsSurrogate(r):
			at += 6
		case utf16.DecodeRune(r, hex4(raw[at+6:])) != utf8.RuneError:
			at += 12
		default:
			copy(raw[at:], `\ufffd`)
			at += 6
		}
		if at >= len(raw) {
			return raw
		}
	}
}
