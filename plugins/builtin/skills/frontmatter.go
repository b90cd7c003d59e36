package skills

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFront bounds the front matter of one file, in bytes. What follows it is
// not read for a listing.
const maxFront = 1 << 20

var errNoFront = errors.New("missing YAML frontmatter delimited by ---")

// front holds the fields that are used, as they are spelled.
type front struct {
	name, description, short string
}

// readFront reads r up to the end of the front matter and returns what is
// between the fences. The first line must be a fence; blanks around one do not
// matter, anything before it does.
func readFront(r io.Reader, buf *[]byte) ([]byte, error) {
	b := (*buf)[:0]
	defer func() { *buf = b }()
	from := -1 // of the text after the opening fence
	next := 0  // the first line not looked at yet
	for {
		for {
			n := bytes.IndexByte(b[next:], '\n')
			if n < 0 {
				break
			}
			line := b[next : next+n]
			switch fence := isFence(line); {
			case from < 0 && !fence:
				return nil, errNoFront
			case from < 0:
				from = next + n + 1
			case fence && next == from:
				return nil, errNoFront // nothing between the two
			case fence:
				return b[from:next], nil
			}
			next += n + 1
		}
		if len(b) > maxFront {
			return nil, fmt.Errorf("front matter is longer than %d bytes", maxFront)
		}
		if len(b) == cap(b) {
			b = append(b, make([]byte, max(len(b), 2048))...)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			if n > 0 {
				continue
			}
			if from >= 0 && next > from && isFence(b[next:]) { // the last line has no end
				return b[from:next], nil
			}
			return nil, errNoFront
		}
		if err != nil {
			return nil, fmt.Errorf("failed to read file: %w", err)
		}
	}
}

func isFence(line []byte) bool { return string(bytes.TrimSpace(line)) == "---" }

// parseFront takes the fields out of front matter. Most files hold plain
// `key: value` lines, which are read without a YAML parser; whatever is not
// obviously such goes through one, and what that refuses because somebody wrote
// a sentence with a colon in it gets a second chance with its values quoted.
func parseFront(b []byte) (front, error) {
	if !utf8.Valid(b) {
		return front{}, errors.New("failed to read file: it is not UTF-8")
	}
	if f, ok := plainFront(b); ok {
		return f, nil
	}
	f, err := yamlFront(b)
	if err == nil {
		return f, nil
	}
	if quoted, changed := quoteValues(b); changed {
		if f, err2 := yamlFront(quoted); err2 == nil {
			return f, nil
		}
	}
	return front{}, fmt.Errorf("invalid YAML: %w", err)
}

// plainFront reads front matter of which every line is blank, a comment, or a
// key with a value that cannot mean anything but itself. Otherwise not ok.
func plainFront(b []byte) (f front, ok bool) {
	var seen [2]bool
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte{'\n'})
		b = rest
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 || line[0] == '#' && printable(line) {
			continue
		}
		key, value, found := bytes.Cut(line, []byte(": "))
		value = bytes.Trim(value, " ")
		if !found || !plainKey(key) || !plainValue(value) {
			return front{}, false
		}
		switch string(key) {
		case "name":
			f.name = string(value)
			ok = !seen[0]
			seen[0] = true
		case "description":
			f.description = string(value)
			ok = !seen[1]
			seen[1] = true
		case "metadata":
			ok = false
		default:
			ok = true
		}
		if !ok {
			return front{}, false
		}
	}
	return f, ok
}

func plainKey(b []byte) bool {
	for _, c := range b {
		if !isAlnum(c) && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0 && isAlnum(b[0])
}

// plainValue tells whether b is a plain scalar on any reading: it begins with a
// letter or digit, holds printable ASCII only, no comment and no colon that
// could begin a value, and does not spell null.
func plainValue(b []byte) bool {
	if len(b) == 0 || !isAlnum(b[0]) || b[len(b)-1] == ':' {
		return false
	}
	if !printable(b) {
		return false
	}
	for i, c := range b {
		if i > 0 && (c == '#' && b[i-1] == ' ' || c == ' ' && b[i-1] == ':') {
			return false
		}
	}
	return !(len(b) == 4 && bytes.EqualFold(b, []byte("null")))
}

// printable tells whether b holds printable ASCII only.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// yamlFront reads front matter as YAML.
func yamlFront(b []byte) (front, error) {
	root, err := yamlRoot(b)
	if err != nil || root == nil {
		return front{}, err
	}
	var f front
	seen := make(map[string]bool, 3)
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, root.Content[i+1]
		switch key {
		case "name", "description", "metadata":
			if seen[key] {
				return front{}, fmt.Errorf("duplicate field `%s`", key)
			}
			seen[key] = true
		}
		var err error
		switch key {
		case "name":
			f.name, err = scalar(value)
		case "description":
			f.description, err = scalar(value)
		case "metadata":
			f.short, err = shortDescription(value)
		}
		if err != nil {
			return front{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	return f, nil
}

func shortDescription(n *yaml.Node) (string, error) {
	n = deref(n)
	switch {
	case isNull(n):
		return "", nil
	case n.Kind != yaml.MappingNode:
		return "", fmt.Errorf("expected a mapping, got %s at line %d", kindOf(n), n.Line+1)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "short-description" {
			s, err := scalar(n.Content[i+1])
			if err != nil {
				return "", fmt.Errorf("short-description: %w", err)
			}
			return s, nil
		}
	}
	return "", nil
}

// yamlRoot returns the mapping that a YAML text is, nil if it is empty.
func yamlRoot(b []byte) (*yaml.Node, error) {
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, yamlError(err)
	}
	root := deref(&doc)
	switch {
	case isNull(root):
		return nil, nil
	case root.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("expected a mapping, got %s at line %d", kindOf(root), root.Line+1)
	}
	return root, nil
}

// yamlError drops the parser's name and counts lines from the top of the file,
// where the fence is the first.
func yamlError(err error) error {
	s := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(s, "line "); ok {
		if num, msg, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(num); err == nil {
				s = fmt.Sprintf("%s at line %d", msg, n+1)
			}
		}
	}
	return errors.New(s)
}

// deref steps through the document node and aliases. Aliases cannot form a
// cycle through scalars, and nothing else is followed.
func deref(n *yaml.Node) *yaml.Node {
	for i := 0; i < 8; i++ {
		switch {
		case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
			n = n.Content[0]
		case n.Kind == yaml.AliasNode && n.Alias != nil:
			n = n.Alias
		default:
			return n
		}
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// scalar returns the text of a scalar, whatever type it looks like.
func scalar(n *yaml.Node) (string, error) {
	n = deref(n)
	switch {
	case isNull(n):
		return "", nil
	case n.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("expected a string, got %s at line %d", kindOf(n), n.Line+1)
	}
	return n.Value, nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a sequence"
	}
	return "a scalar"
}

// quoteValues puts quotes around the values of top-level `key: value` lines
// that YAML cannot read, or reads as something else than the sentence they are.
func quoteValues(b []byte) (out []byte, changed bool) {
	for line := range bytes.Lines(b) {
		text := bytes.TrimRight(line, "\r\n")
		key, value, found := bytes.Cut(text, []byte(":"))
		trimmed := bytes.Trim(value, " \t")
		if !found || !plainKey(key) || len(value) == len(trimmed) || !looksLikeText(trimmed) {
			out = append(out, line...)
			continue
		}
		if i := bytes.Index(trimmed, []byte(" #")); i >= 0 {
			trimmed = bytes.TrimRight(trimmed[:i], " \t")
		}
		changed = true
		out = append(append(out, key...), ": '"...)
		out = append(out, bytes.ReplaceAll(trimmed, []byte("'"), []byte("''"))...)
		out = append(out, "'\n"...)
	}
	return out, changed
}

// looksLikeText tells whether a value that may have broken the parse was meant
// as text: it has an inner colon, or begins with a character that YAML claims.
func looksLikeText(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	switch v[0] {
	case '"', '\'', '|', '>', '&', '!':
		return false // quoted, a block, a tag: what is wrong there is not a colon
	case '@', '`', '%', '*', '{':
		return true
	case '[':
		return v[len(v)-1] != ']'
	}
	return bytes.Contains(v, []byte(": ")) || v[len(v)-1] == ':'
}
