// Package rawjson takes JSON objects and arrays apart without copying or
// decoding what is in them, so that a large payload is looked into at the cost
// of one scan. It checks the structure it walks and nothing deeper: whether a
// member is valid JSON is a question for Valid.
//
// It imports none of ours, keeps no state and never blocks.
package rawjson

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrSyntax is returned for what is not the object or array that was asked for.
var ErrSyntax = errors.New("not the JSON that was expected")

// Valid says whether b is one JSON value. Duplicate names and bytes that are no
// UTF-8 are let through: other parsers took them.
func Valid(b []byte) bool {
	return jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// Object calls f with each member of the object b: the name without its quotes,
// still escaped, and the value. f returns false to stop.
func Object(b []byte, f func(name, value []byte) bool) error {
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return ErrSyntax
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return end(b, i+1)
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return ErrSyntax
		}
		stop := text(b, i)
		if stop < 0 {
			return ErrSyntax
		}
		name := b[i+1 : stop-1]
		if i = space(b, stop); i >= len(b) || b[i] != ':' {
			return ErrSyntax
		}
		i = space(b, i+1)
		if stop = value(b, i); stop < 0 {
			return ErrSyntax
		}
		if !f(name, b[i:stop]) {
			return nil
		}
		if i = space(b, stop); i >= len(b) {
			return ErrSyntax
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return end(b, i+1)
		default:
			return ErrSyntax
		}
	}
}

// Array calls f with each element of the array b. f returns false to stop.
func Array(b []byte, f func(element []byte) bool) error {
	i := space(b, 0)
	if i >= len(b) || b[i] != '[' {
		return ErrSyntax
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return end(b, i+1)
	}
	for {
		stop := value(b, i)
		if stop < 0 {
			return ErrSyntax
		}
		if !f(b[i:stop]) {
			return nil
		}
		if i = space(b, stop); i >= len(b) {
			return ErrSyntax
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case ']':
			return end(b, i+1)
		default:
			return ErrSyntax
		}
	}
}

// end checks that only blanks follow.
func end(b []byte, i int) error {
	if space(b, i) != len(b) {
		return ErrSyntax
	}
	return nil
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// text returns where the string that begins at i ends, or -1.
func text(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		escapes := 0
		for b[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// value returns where the value that begins at i ends, or -1.
func value(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return text(b, i)
	case '{', '[':
		return nested(b, i)
	}
	start := i
	for i < len(b) && !bytes.ContainsRune([]byte(" \t\r\n,:]}\"[{"), rune(b[i])) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// nested returns where the object or array that begins at i ends, or -1.
func nested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = text(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
