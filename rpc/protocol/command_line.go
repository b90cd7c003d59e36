package protocol

import "strings"

// JoinCommand writes an argument list as one line of shell, quoted as little as is safe in every shell: how items and
// questions show a command.
func JoinCommand(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		quote(&b, w)
	}
	return b.String()
}

// The ways to write a stretch of a word, in order of preference.
const (
	bare = 1 << iota
	single
	double
)

// quote writes one word as the longest stretches that one way of quoting can hold.
func quote(b *strings.Builder, w string) {
	if w == "" {
		b.WriteString("''")
	}
	for w != "" {
		n, ways := 0, bare|single|double
		if w[0] == '^' {
			n, ways = 1, single
		}
		for n < len(w) {
			next := ways & waysOf(w[n])
			if next == 0 {
				break
			}
			ways = next
			n++
		}
		stretch := w[:n]
		w = w[n:]
		switch {
		case ways&bare != 0:
			b.WriteString(stretch)
		case ways&single != 0:
			b.WriteByte('\'')
			b.WriteString(stretch)
			b.WriteByte('\'')
		default:
			b.WriteByte('"')
			for i := range len(stretch) {
				if stretch[i] == '"' || stretch[i] == '\\' {
					b.WriteByte('\\')
				}
				b.WriteByte(stretch[i])
			}
			b.WriteByte('"')
		}
	}
}

// waysOf are the ways that can hold a byte and mean the same in every shell.
func waysOf(c byte) int {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return bare | single | double
	}
	switch c {
	case '+', '-', '.', '/', ':', '@', ']', '_':
		return bare | single | double
	case '\'', '\\':
		return double
	case '`', '$', '!':
		return single
	case '^': // at the start of single quotes only: elsewhere some shells expand it
		return 0
	}
	return single | double
}
