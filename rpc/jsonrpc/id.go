package jsonrpc

import (
	"strconv"
)

// ID names a request: an integer or a string, echoed in kind. The zero ID names nothing; the integer 0 and the empty
// string are ids like any other. IDs are comparable and serve as map keys.
type ID struct {
	kind idKind
	num  int64
	str  string
}

type idKind uint8

const (
	idNone idKind = iota
	idInt
	idString
)

// IntID returns the id that is the integer n.
func IntID(n int64) ID { return ID{kind: idInt, num: n} }

// StringID returns the id that is the string s.
func StringID(s string) ID { return ID{kind: idString, str: s} }

// IsZero reports whether id names nothing; it is written as null then.
func (id ID) IsZero() bool { return id.kind == idNone }

// Int returns the integer and whether id is one.
func (id ID) Int() (int64, bool) { return id.num, id.kind == idInt }

// Str returns the string and whether id is one.
func (id ID) Str() (string, bool) { return id.str, id.kind == idString }

// String returns the id as it stands on the wire.
func (id ID) String() string { return string(id.append(nil)) }

// MarshalJSON implements json.Marshaler.
func (id ID) MarshalJSON() ([]byte, error) { return id.append(nil), nil }

func (id ID) append(b []byte) []byte {
	switch id.kind {
	case idInt:
		return strconv.AppendInt(b, id.num, 10)
	case idString:
		return appendString(b, id.str)
	}
	return append(b, "null"...)
}
