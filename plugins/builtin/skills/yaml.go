package skills

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Whoever writes a skill reads these errors in one program or the other, so
// their words are those of the reference, down to the names that its types have
// and to positions that count from the line after the fence.

// yamlFront reads front matter as YAML.
func yamlFront(b []byte) (front, error) {
	root, more, err := yamlRoot(b)
	if err != nil {
		return front{}, syntaxError(b, err)
	}
	if root == nil {
		return front{}, nil
	}
	var f front
	err = record(root, "SkillFrontmatter", func(key string, value *yaml.Node) (err error) {
		switch key {
		case "name":
			f.name, err = scalar(value)
		case "description":
			f.description, err = scalar(value)
		case "metadata":
			if isNull(deref(value)) {
				return nil
			}
			err = record(value, "SkillFrontmatterMetadata", func(key string, value *yaml.Node) (err error) {
				if key == "short-description" {
					f.short, err = scalar(value)
				}
				return err
			}, "short-description")
		}
		return err
	}, "name", "description", "metadata")
	if err == nil && more {
		err = errMoreDocuments
	}
	return f, err
}

// record calls take with the fields of a mapping that are known, each of which
// may be there once. name is for the error where there is no mapping.
func record(n *yaml.Node, name string, take func(key string, value *yaml.Node) error, known ...string) error {
	n = deref(n)
	if n.Kind != yaml.MappingNode {
		return wrongType(n, "struct "+name)
	}
	var seen uint
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := deref(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			return wrongType(key, "field identifier")
		}
		for bit, k := range known {
			if k != key.Value {
				continue
			}
			if seen&(1<<bit) != 0 {
				return &mistake{line: n.Line, column: n.Column, text: fmt.Sprintf("duplicate field `%s`", k)}
			}
			seen |= 1 << bit
			if err := take(k, n.Content[i+1]); err != nil {
				return within(k, err)
			}
		}
	}
	return nil
}

// mistake is a value of the wrong kind, at a place counted from 1.
type mistake struct {
	path         string
	text         string
	line, column int
}

func (m *mistake) Error() string {
	s := m.text + at(m.line, m.column)
	if m.path != "" {
		s = m.path + ": " + s
	}
	return s
}

// at spells a place, the very first of which is none worth telling.
func at(line, column int) string {
	if line == 1 && column == 1 || line == 0 {
		return ""
	}
	return fmt.Sprintf(" at line %d column %d", line, column)
}

// within puts a key before the path of a mistake.
func within(key string, err error) error {
	if m, ok := errors.AsType[*mistake](err); ok {
		if m.path = strings.TrimSuffix(key+"."+m.path, "."); strings.Contains(m.path, ".[") {
			m.path = strings.ReplaceAll(m.path, ".[", "[")
		}
	}
	return err
}

func wrongType(n *yaml.Node, want string) error {
	return &mistake{line: n.Line, column: n.Column, text: "invalid type: " + kindOf(n) + ", expected " + want}
}

// yamlRoot returns what a YAML text holds, nil if it is empty, and whether
// something goes on after its end.
func yamlRoot(b []byte) (root *yaml.Node, more bool, err error) {
	var doc, next yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	more = !errors.Is(d.Decode(&next), io.EOF)
	if root = deref(&doc); isNull(root) {
		root = nil
	}
	return root, more, nil
}

var errMoreDocuments = errors.New("deserializing from YAML containing more than one document is not supported")

// syntaxError says what the parser found, where, and what it was doing there.
// Of two mistakes the first is told, also where that one is no syntax error.
func syntaxError(b []byte, err error) error {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return err
	}
	if before := entriesBefore(b, e.Mark.Line); len(before) > 0 {
		_, earlier := yamlFront(before)
		if m, ok := errors.AsType[*mistake](earlier); ok {
			return m
		}
	}
	if name, ok := strings.CutPrefix(e.Message, "unknown anchor '"); ok {
		return unknownAnchor(strings.TrimSuffix(name, "' referenced"), e.Mark.Line, e.Mark.Column)
	}
	doing := e.ContextMsg
	switch e.Message {
	case "did not find expected <document start>":
		return errMoreDocuments
	case "found unknown escape character", "found invalid Unicode character escape code", "did not find expected hexdecimal number":
		doing = "while parsing a quoted scalar"
	}
	s := e.Message + at(e.Mark.Line, e.Mark.Column)
	if doing != "" {
		s += ", " + doing
		if e.ContextMark != e.Mark {
			s += at(e.ContextMark.Line, e.ContextMark.Column)
		}
	}
	return errors.New(s)
}

// entriesBefore returns the top-level entries before the one of a line.
func entriesBefore(b []byte, line int) []byte {
	end, offset, number := 0, 0, 1
	for text := range bytes.Lines(b) {
		if number > line {
			break
		}
		if c := text[0]; c > ' ' && c != '#' {
			end = offset
		}
		offset += len(text)
		number++
	}
	return bytes.TrimSpace(b[:end])
}

// unknownAnchor is the error of a text that begins with a star. The reference's
// parser takes fewer characters for a name.
func unknownAnchor(name string, line, column int) error {
	for i, r := range []rune(name) {
		if r > '~' || !isAlnum(byte(r)) && r != '-' && r != '_' {
			return errors.New("did not find expected alphabetic or numeric character" + at(line, column+1+i) +
				", while scanning an alias" + at(line, column))
		}
	}
	return errors.New("unknown anchor" + at(line, column))
}

// deref steps through the document node and aliases. Aliases cannot form a
// cycle through scalars, and nothing else is followed.
func deref(n *yaml.Node) *yaml.Node {
	for range 8 {
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
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// scalar returns the text of a scalar, whatever type it looks like.
func scalar(n *yaml.Node) (string, error) {
	n = deref(n)
	switch {
	case isNull(n):
		return "", nil
	case n.Kind != yaml.ScalarNode:
		return "", wrongType(n, "a string")
	}
	return n.Value, nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "map"
	case yaml.SequenceNode:
		return "sequence"
	}
	switch n.ShortTag() {
	case "!!int":
		return "integer `" + n.Value + "`"
	case "!!float":
		return "floating point `" + n.Value + "`"
	case "!!bool":
		return "boolean `" + n.Value + "`"
	}
	return "string " + strconv.Quote(n.Value)
}
