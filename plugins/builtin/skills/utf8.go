package skills

import (
	"fmt"
	"unicode/utf8"
)

// notText says where b stops being UTF-8. A character that is cut off at the end
// counts only if that is the end of the file.
func notText(b []byte, whole bool) error {
	if utf8.Valid(b) {
		return nil
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	rest := b[at:]
	if len(rest) < utf8.UTFMax && !utf8.FullRune(rest) {
		if !whole {
			return nil
		}
		return fmt.Errorf("failed to read file: incomplete utf-8 byte sequence from index %d", at)
	}
	n := 1 // the longest beginning of a character
	for n < len(rest) && n < utf8.UTFMax && !utf8.FullRune(rest[:n+1]) {
		n++
	}
	return fmt.Errorf("failed to read file: invalid utf-8 sequence of %d bytes from index %d", n, at)
}
