package workspace

import (
	"strings"
	"unicode"
)

// A query is a client's words, all of which a path must match, in any order.
type query struct {
	words []word
	// named says that the query is a single plain word, which is looked for in names first.
	named bool
}

// A word is one condition. Its pattern is folded.
type word struct {
	how     how
	not     bool // the path must not match
	accents bool // the pattern has some, so that they matter
	pattern []rune
	bytes   []byte    // the pattern again where it is ASCII, else nil
	chars   [2]uint64 // which characters are in bytes, a bit for each
}

type how uint8

const (
	fuzzy  how = iota // the characters in their order, anywhere
	part              // 'x and !x: as it stands, anywhere
	prefix            // ^x
	suffix            // x$
	whole             // ^x$
)

// parseQuery reads a query in fzf's syntax: words between blanks, each with its
// marks; a backslash takes a mark or a blank as it is.
func parseQuery(text string) query {
	text = strings.TrimSpace(text)
	var q query
	for _, w := range splitWords(text) {
		if parsed := parseWord(w); len(parsed.pattern) > 0 {
			q.words = append(q.words, parsed)
		}
	}
	q.named = len(q.words) == 1 && q.words[0].how == fuzzy && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r == '/' || r == '\\'
	})
	return q
}

// splitWords splits at blanks but those after a backslash, which it takes away.
func splitWords(text string) []string {
	var words []string
	var b strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r) && escaped:
			b.WriteRune(r)
		case unicode.IsSpace(r):
			words = append(words, b.String())
			b.Reset()
		default:
			if escaped {
				b.WriteByte('\\')
			}
			if r != '\\' {
				b.WriteRune(r)
			}
		}
		escaped = r == '\\'
	}
	if escaped {
		b.WriteByte('\\')
	}
	return append(words, b.String())
}

func parseWord(s string) word {
	var w word
	if rest, ok := strings.CutPrefix(s, "!"); ok {
		s, w.not = rest, true
	} else if strings.HasPrefix(s, `\!`) {
		s = s[1:]
	}
	switch {
	case strings.HasPrefix(s, "^"):
		s, w.how = s[1:], prefix
	case strings.HasPrefix(s, "'"):
		s, w.how = s[1:], part
	case strings.HasPrefix(s, `\^`), strings.HasPrefix(s, `\'`):
		s = s[1:]
	}
	if rest, ok := strings.CutSuffix(s, `\$`); ok {
		s = rest + "$"
	} else if rest, ok := strings.CutSuffix(s, "$"); ok {
		s = rest
		if w.how == fuzzy {
			w.how = suffix
		} else {
			w.how = whole
		}
	}
	if w.not && w.how == fuzzy {
		w.how = part
	}
	w.setPattern(s)
	return w
}

func (w *word) setPattern(s string) {
	for _, r := range s {
		w.accents = w.accents || plain(r) != r
	}
	for i, r := range s {
		if i > 0 && combining(r) {
			continue
		}
		w.pattern = append(w.pattern, fold(r, w.accents))
	}
	if folded := string(w.pattern); ascii(folded) {
		w.bytes = []byte(folded)
		for _, c := range w.bytes {
			w.chars[c>>6] |= 1 << (c & 63)
		}
	}
}
