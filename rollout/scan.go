package rollout

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"
)

// This file is a JSON scanner that finds values without building any: rollout lines are read by the tens of
// megabytes, and nearly all that is asked of a value is where it ends and that the bytes are sound.

// maxDepth is what encoding/json accepts too: a deeper value could be read but never decoded by anybody.
const maxDepth = 10000

// skipSpace returns the index of the first byte at or after i that is no JSON white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index after the string whose opening quote is b[i], or -1.
func skipString(b []byte, i int) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	for i++; ; {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^(low*'"'), w^(low*'\\')
			// A byte of m has its top bit set where w holds a quote, a backslash or a control character. Borrows
			// can only mark bytes above the first true one, and only the first is used.
			m := ((quote - low) &^ quote) | ((slash - low) &^ slash) | ((w - low*0x20) &^ w)
			if m &= high; m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = skipEscape(b, i); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			i++
		}
	}
}

// skipEscape returns the index after the escape whose backslash is b[i], or -1.
func skipEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(b) {
			return -1
		}
		for _, c := range b[i+2 : i+6] {
			if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
				return -1
			}
		}
		return i + 6
	}
	return -1
}

// skipNumber returns the index after the number at b[i], or -1.
func skipNumber(b []byte, i int) int {
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

func skipWord(b []byte, i int, word string) int {
	if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// skipScalar returns the index after the string, number or word at b[i], or -1.
func skipScalar(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case 't':
		return skipWord(b, i, "true")
	case 'f':
		return skipWord(b, i, "false")
	case 'n':
		return skipWord(b, i, "null")
	}
	return skipNumber(b, i)
}

// skipKey returns the index of the value after the member key at b[i], or -1.
func skipKey(b []byte, i int) int {
	if i = skipSpace(b, i); i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = skipString(b, i); i < 0 {
		return -1
	}
	if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

// skipValue returns the index after the JSON value at b[i] (white space before it is allowed), or -1 if there is
// no sound value. It keeps its own stack: a line of a million brackets costs an error, not the goroutine's stack.
func skipValue(b []byte, i int) int {
	var room [32]byte
	open := room[:0]
	for {
		if i = skipSpace(b, i); i >= len(b) {
			return -1
		}
		switch c := b[i]; c {
		case '{', '[':
			if len(open) == maxDepth {
				return -1
			}
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == c+2 {
				i++
				break
			}
			open = append(open, c)
			if c == '{' {
				if i = skipKey(b, i); i < 0 {
					return -1
				}
			}
			continue
		default:
			if i = skipScalar(b, i); i < 0 {
				return -1
			}
		}
		if i, open = skipClosers(b, i, open); i < 0 || len(open) == 0 {
			return i
		}
	}
}

// skipClosers goes on after a complete value: over closing brackets, and over the comma (and key) before the
// next value.
func skipClosers(b []byte, i int, open []byte) (int, []byte) {
	for len(open) > 0 {
		if i = skipSpace(b, i); i >= len(b) {
			return -1, open
		}
		top := open[len(open)-1]
		switch b[i] {
		case ',':
			if i++; top == '{' {
				i = skipKey(b, i)
			}
			return i, open
		case top + 2: // '{'+2 is '}', '['+2 is ']'
			open = open[:len(open)-1]
			i++
		default:
			return -1, open
		}
	}
	return i, open
}

// validJSON reports whether b is exactly one JSON value in UTF-8.
func validJSON(b []byte) bool {
	i := skipValue(b, 0)
	return i >= 0 && skipSpace(b, i) == len(b) && utf8.Valid(b)
}

// members calls f with each member of the object b, keys decoded, values raw, until f says false. It reports
// whether b is a sound object up to there.
func members(b []byte, f func(key, value []byte) bool) bool {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return true
	}
	for {
		from := skipSpace(b, i)
		after := skipKey(b, from)
		if after < 0 {
			return false
		}
		value := skipSpace(b, after)
		end := skipValue(b, value)
		if end < 0 {
			return false
		}
		if !f(keyBytes(b[from:after-1]), b[value:end]) {
			return true
		}
		if i = skipSpace(b, end); i >= len(b) {
			return false
		}
		switch b[i] {
		case '}':
			return true
		case ',':
			i++
		default:
			return false
		}
	}
}

// keyBytes takes the quotes off a key; raw ends at the closing quote or in white space after it.
func keyBytes(raw []byte) []byte {
	end := len(raw) - 1
	for raw[end] != '"' {
		end--
	}
	key := raw[1:end]
	for _, c := range key {
		if c == '\\' {
			return []byte(decodeString(raw[:end+1]))
		}
	}
	return key
}

// elements calls f with each element of the array b until f says false, and reports whether b is a sound array
// up to there.
func elements(b []byte, f func(value []byte) bool) bool {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return false
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return true
	}
	for {
		i = skipSpace(b, i)
		end := skipValue(b, i)
		if end < 0 {
			return false
		}
		if !f(b[i:end]) {
			return true
		}
		if i = skipSpace(b, end); i >= len(b) {
			return false
		}
		switch b[i] {
		case ']':
			return true
		case ',':
			i++
		default:
			return false
		}
	}
}

// member returns the raw value of the named member of the object b, or nil.
func member(b []byte, name string) []byte {
	var found []byte
	members(b, func(key, value []byte) bool {
		if string(key) == name {
			found = value
			return false
		}
		return true
	})
	return found
}

// memberString returns the named member where it is a string, else "".
func memberString(b []byte, name string) string { return decodeString(member(b, name)) }

// decodeString decodes a raw JSON string; anything else gives "".
func decodeString(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= utf8.RuneSelf {
			var s string
			if json.Unmarshal(raw, &s) != nil {
				return ""
			}
			return s
		}
	}
	return string(inner)
}

// decodeUint decodes a raw non-negative integer.
func decodeUint(raw []byte) (uint64, bool) {
	if len(raw) == 0 || len(raw) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// isNull reports whether a raw value is absent or null.
func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Unlike encoding/json it leaves <, > and & alone, as the other
// writer of these files does; bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[from:i]...), "\uFFFD"...)
		} else {
			dst = appendEscape(append(dst, s[from:i]...), c)
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
