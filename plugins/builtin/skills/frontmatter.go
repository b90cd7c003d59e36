package skills

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxFile bounds what a listing reads of one file, in bytes, maxFront the front
// matter in it.
const (
	maxFile  = 8 << 20
	maxFront = 1 << 20
)

var errNoFront = errors.New("missing YAML frontmatter delimited by ---")

// front holds the fields that are used, as they are spelled.
type front struct {
	name, description, short string
}

// readFile reads r into buf, which grows as needed and is kept for the next
// file, and returns what lies there. That much of it is text: the rest of a file
// that is longer still is nobody's business in a listing.
func readFile(r io.Reader, buf *[]byte) ([]byte, error) {
	b := (*buf)[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, make([]byte, max(len(b), 8<<10))...)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if *buf = b; err == io.EOF || len(b) >= maxFile {
			return b, notText(b, err == io.EOF)
		}
		if err != nil {
			return nil, fmt.Errorf("failed to read file: %w", err)
		}
	}
}

// cutFront returns what is between the fences of a file, without the end of its
// last line. The first line must be
// a fence; blanks around one do not matter, anything before it does.
func cutFront(b []byte) ([]byte, error) {
	first, rest, _ := bytes.Cut(b, []byte{'\n'})
	if !isFence(first) {
		return nil, errNoFront
	}
	for at := 0; at < len(rest); {
		line, _, _ := bytes.Cut(rest[at:], []byte{'\n'})
		switch {
		case !isFence(line):
		case at == 0:
			return nil, errNoFront // nothing between the two
		default:
			return bytes.TrimSuffix(rest[:at-1], []byte{'\r'}), nil
		}
		if at += len(line) + 1; at > maxFront {
			return nil, fmt.Errorf("front matter is longer than %d bytes", maxFront)
		}
	}
	return nil, errNoFront
}

func isFence(line []byte) bool { return string(bytes.TrimSpace(line)) == "---" }

// parseFront takes the fields out of front matter. Most files hold plain
// `key: value` lines, which are read without a YAML parser; whatever is not
// obviously such goes through one, and what that refuses because somebody wrote
// a sentence where YAML wants a scalar gets a second chance with its values
// quoted.
func parseFront(b []byte) (front, error) {
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
