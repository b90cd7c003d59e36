package jsonrpc

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns how many bytes at the start of b can stand in a JSON string as they are, in ASCII: neither control
// character, quote, backslash nor the start of a longer rune. Eight bytes a step: strings are most of what passes.
func plain(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		// The lowest flagged byte is exact: borrows only travel upwards.
		m := ((w - lows*0x20) | ((w ^ lows*'"') - lows) | ((w ^ lows*'\\') - lows) | w) & highs
		if m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// appendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD; `<>&` stay as they are.
func appendString(b []byte, s string) []byte { return appendText(b, []byte(s)) }

// appendText is appendString for bytes.
func appendText(b, s []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		if n := plain(s[i:]); n > 0 {
			b = append(b, s[i:i+n]...)
			i += n
			continue
		}
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
	}
	return append(b, '"')
}

// unquote decodes a validated JSON string, and reports whether every surrogate had its other half.
func unquote(v []byte) (str []byte, whole bool) {
	v = v[1 : len(v)-1]
	i := 0
	for i < len(v) && v[i] != '\\' {
		i++
	}
	if i == len(v) {
		return v, true
	}
	out, whole := append(make([]byte, 0, len(v)), v[:i]...), true
	for i < len(v) {
		if v[i] != '\\' {
			out = append(out, v[i])
			i++
			continue
		}
		if c := v[i+1]; c != 'u' {
			out = append(out, unescaped(c))
			i += 2
			continue
		}
		r := hex4(v[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if i+6 <= len(v) && v[i] == '\\' && v[i+1] == 'u' {
				pair = utf16.DecodeRune(r, hex4(v[i+2:]))
			}
			if r = pair; pair == utf8.RuneError {
				whole = false
			} else {
				i += 6
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, whole
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			r = r<<4 | rune(c-'0')
		default:
			r = r<<4 | rune(c|0x20-'a'+10)
		}
	}
	return r
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
