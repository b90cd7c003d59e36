package rollout

import "strings"

// JoinCommand gives an argument list as one line of shell, quoted as little as is safe in every shell; the
// wire shows commands so.
func JoinCommand(argv []string) string {
	var b strings.Builder
	for i, arg := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if arg == "" {
			b.WriteString("''")
		}
		for arg != "" {
			n, how := quoteRun(arg)
			quoteChunk(&b, arg[:n], how)
			arg = arg[n:]
		}
	}
	return b.String()
}

// Ways to quote a run of bytes, cheapest first.
const (
	bare = 1 << iota
	single
	double
)

// quoteRun returns the longest prefix that can be quoted in one way, and the cheapest such way.
func quoteRun(s string) (n, how int) {
	ok := bare | single | double
	if s[0] == '^' {
		ok, n = single, 1
	}
	for ; n < len(s); n++ {
		next := ok & waysToQuote(s[n])
		if next == 0 {
			break
		}
		ok = next
	}
	return n, ok & -ok
}

func waysToQuote(c byte) int {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("+-./:@]_", c) >= 0:
		return bare | single | double
	case c == '\'', c == '\\':
		return double
	case c == '`', c == '$', c == '!':
		return single
	case c == '^':
		return 0 // only at the start of a run
	}
	return single | double
}

func quoteChunk(b *strings.Builder, s string, how int) {
	switch how {
	case bare:
		b.WriteString(s)
	case single:
		b.WriteString("'" + s + "'")
	case double:
		b.WriteByte('"')
		for i := 0; i < len(s); i++ {
			if s[i] == '"' || s[i] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		}
		b.WriteByte('"')
	}
}

// splitCommand is the way back. A line that no shell would take is one argument.
func splitCommand(line string) []string {
	argv := []string{}
	var word []byte
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if inWord {
				argv = append(argv, string(word))
				word, inWord = word[:0], false
			}
		case '\'', '"':
			end := closingQuote(line, i)
			if end < 0 {
				return []string{line}
			}
			word, inWord = appendUnquoted(word, line[i+1:end], c), true
			i = end
		case '\\':
			if i++; i == len(line) {
				return []string{line}
			}
			word, inWord = append(word, line[i]), true
		default:
			word, inWord = append(word, c), true
		}
	}
	if inWord {
		argv = append(argv, string(word))
	}
	return argv
}

func closingQuote(line string, open int) int {
	for i := open + 1; i < len(line); i++ {
		switch {
		case line[i] == line[open]:
			return i
		case line[i] == '\\' && line[open] == '"':
			i++
		}
	}
	return -1
}

func appendUnquoted(dst []byte, s string, quote byte) []byte {
	for i := 0; i < len(s); i++ {
		if quote == '"' && s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			i++
		}
		dst = append(dst, s[i])
	}
	return dst
}
