package skills

import (
	"bytes"

	"go.yaml.in/yaml/v4"
)

// quoteValues puts quotes around the values of `key: value` lines that YAML
// cannot read, or reads as something else than the sentence they are. Which
// ones is the reference's choice: a skill loads in both programs or in neither.
func quoteValues(b []byte) (out []byte, changed bool) {
	block := -1 // the indent of the key whose text the lines are
	for line := range bytes.Lines(b) {
		text := bytes.TrimRight(line, "\r\n")
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		if block >= 0 && (indent > block || len(bytes.TrimSpace(text)) == 0) {
			out = append(out, line...)
			continue
		}
		block = -1
		key, value, found := bytes.Cut(text, []byte(":"))
		if !found || len(value) == 0 || !isBlank(value[0]) {
			out = append(out, line...)
			continue
		}
		value = bytes.TrimSpace(uncommented(value))
		if len(value) > 0 && (value[0] == '|' || value[0] == '>') {
			block = indent
		}
		if !meantAsText(value) {
			out = append(out, line...)
			continue
		}
		changed = true
		out = append(append(out, key...), ": '"...)
		out = append(out, bytes.ReplaceAll(value, []byte("'"), []byte("''"))...)
		out = append(out, "'\n"...)
	}
	return out, changed
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// uncommented cuts a comment off: a # after a blank, quotes or not.
func uncommented(v []byte) []byte {
	for i := 1; i < len(v); i++ {
		if v[i] == '#' && isBlank(v[i-1]) {
			return v[:i]
		}
	}
	return v
}

// meantAsText tells whether a value that may have broken the parse is text: it
// has an inner colon, or begins with a character that YAML has other uses for.
func meantAsText(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	switch v[0] {
	case '"', '\'', '|', '>':
		return false // what is wrong there is not a colon
	case '@', '`':
		return true
	}
	for i := range len(v) - 1 {
		if v[i] == ':' && isBlank(v[i+1]) {
			return true
		}
	}
	if v[0] == '[' || v[0] == '{' {
		var n yaml.Node
		return yaml.Unmarshal(v, &n) != nil
	}
	return false
}
