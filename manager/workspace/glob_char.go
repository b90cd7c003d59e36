package workspace

import (
	"strings"
	"unicode/utf8"
)

// matchOne holds the first item of a pattern, which is no star, against the first
// character of a name, and says how long both are.
func matchOne(pattern, name string) (sizes, bool) {
	r, n := utf8.DecodeRuneInString(name)
	switch pattern[0] {
	case '?':
		return sizes{1, n}, true
	case '[':
		if size, ok, valid := matchSet(pattern, r); valid {
			return sizes{size, n}, ok
		}
	case '\\':
		if len(pattern) > 1 {
			c, size := utf8.DecodeRuneInString(pattern[1:])
			return sizes{1 + size, n}, c == r
		}
	}
	c, size := utf8.DecodeRuneInString(pattern)
	return sizes{size, n}, c == r
}

// matchSet holds a set in brackets against a character. A set without an end is
// not valid and stands for itself.
func matchSet(pattern string, r rune) (size int, ok, valid bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, ok != not, true
		}
		if name, ok2 := strings.CutPrefix(pattern[i:], "[:"); ok2 {
			if name, _, closed := strings.Cut(name, ":]"); closed {
				ok = ok || inClass(name, r)
				i += len(name) + 4
				continue
			}
		}
		low, n := setChar(pattern[i:])
		i += n
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high, n = setChar(pattern[i+1:])
			i += 1 + n
		}
		ok = ok || low <= r && r <= high
	}
	return 0, false, false
}

// setChar reads one character of a set.
func setChar(s string) (rune, int) {
	escape := 0
	if s[0] == '\\' && len(s) > 1 {
		escape = 1
	}
	r, n := utf8.DecodeRuneInString(s[escape:])
	return r, n + escape
}

func inClass(name string, r rune) bool {
	isLower, isUpper, isDigit := 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9'
	switch name {
	case "alpha":
		return isLower || isUpper
	case "digit":
		return isDigit
	case "alnum":
		return isLower || isUpper || isDigit
	case "lower":
		return isLower
	case "upper":
		return isUpper
	case "space":
		return r == ' ' || '\t' <= r && r <= '\r'
	case "blank":
		return r == ' ' || r == '\t'
	case "punct":
		return r > ' ' && r < 0x7f && !isLower && !isUpper && !isDigit
	case "xdigit":
		return isDigit || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
	}
	return false
}
