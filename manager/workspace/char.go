package workspace

import (
	"unicode"
	"unicode/utf8"
)

// A class of characters, as far as it decides where words begin.
type class uint8

const (
	space class = iota
	mark        // of punctuation
	slash       // between the names of a path
	lower
	upper
	letter // of a script without cases
	digit

	classes = 7 // how many there are
)

// What a match is worth. These are the values of fzf for paths, but for two in
// which the reference's differ: a hump or a number in a word, and a run of spaces.
const (
	worthChar     = 16
	worthBoundary = 8 // a word's first character
	worthName     = 9 // the first one after a slash
	worthHump     = 5
	worthRun      = 4 // the least for following right upon another match
	costGap       = 3
	costGapMore   = 1 // each further character of a gap
)

// bonuses are what a character is worth beside the match itself, by the class of
// the one before it and its own.
var bonuses = [classes][classes]int32{
	space:  {worthBoundary, worthBoundary, 0, worthBoundary, worthBoundary, worthBoundary, worthBoundary},
	mark:   {worthBoundary, worthBoundary, 0, worthBoundary, worthBoundary, worthBoundary, worthBoundary},
	slash:  {worthBoundary, worthBoundary, 0, worthName, worthName, worthName, worthName},
	lower:  {worthBoundary, worthBoundary, 0, 0, worthHump, 0, worthHump},
	upper:  {worthBoundary, worthBoundary, 0, 0, 0, 0, worthHump},
	letter: {worthBoundary, worthBoundary, 0, 0, 0, 0, worthHump},
	digit:  {worthBoundary, worthBoundary, 0, 0, 0, 0, 0},
}

// asciiClasses has the class of each ASCII character as a digit.
const asciiClasses = "" +
	"1111111110000011111111111111111101111111111111126666666666111111" +
	"1444444444444444444444444441111113333333333333333333333333311111"

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		return class(asciiClasses[r] - '0')
	case unicode.IsLower(r):
		return lower
	case unicode.IsUpper(r):
		return upper
	case unicode.IsNumber(r):
		return digit
	case unicode.IsLetter(r):
		return letter
	case unicode.IsSpace(r):
		return space
	}
	return mark
}

// plainLatin are the letters of U+00C0 to U+017F without their accents; a dot
// stands for a letter that is one of its own.
const plainLatin = "" +
	"AAAAAA.CEEEEIIII.NOOOOO.OUUUUY..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y" +
	"AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi..JjKk.LlLlLlL" +
	"lLlNnNnNnn..OoOoOo..RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs"

// plain is a letter without its accent.
func plain(r rune) rune {
	if i := r - 0xC0; 0 <= i && int(i) < len(plainLatin) && plainLatin[i] != '.' {
		return rune(plainLatin[i])
	}
	return r
}

// fold is what two characters have in common that match: the lower case, and
// without accents unless the query has some.
func fold(r rune, accents bool) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if !accents {
		r = plain(r)
	}
	return unicode.ToLower(r)
}

// combining reports whether a character is part of the one before it.
func combining(r rune) bool {
	return r >= 0x300 && unicode.Is(unicode.M, r)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
