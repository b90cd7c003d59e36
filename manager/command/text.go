package command

import (
	"strings"
	"unicode/utf8"
)

// windows1252 is what the bytes 0x80 to 0x9F stand for where a text is not UTF-8; from 0xA0 on, a byte is its rune.
var windows1252 = [...]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8D, 'Ž', 0x8F,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9D, 'ž', 'Ÿ',
}

// Text is what was kept, as text. A byte that is no UTF-8 becomes the character that it is in Windows-1252, so nothing is
// lost but which of the two it was. A character that the cap has cut is left out.
func (k Kept) Text() string {
	data := k.Data
	if k.Cut {
		data = data[:wholeRunes(data)]
	}
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			if r = rune(data[0]); r < 0xA0 {
				r = windows1252[r-0x80]
			}
		}
		b.WriteRune(r)
		data = data[size:]
	}
	return b.String()
}

// wholeRunes is the length of data without the beginning of a rune at its end.
func wholeRunes(data []byte) int {
	for i := len(data) - 1; i >= max(0, len(data)-utf8.UTFMax+1); i-- {
		if utf8.RuneStart(data[i]) {
			if !utf8.FullRune(data[i:]) {
				return i
			}
			break
		}
	}
	return len(data)
}
