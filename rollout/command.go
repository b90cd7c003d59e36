package rollout

import "strings"

// splitCommand is the way back from protocol.JoinCommand. A line that no shell would take is one argument.
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
