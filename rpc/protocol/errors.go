package protocol

import (
	"strconv"
	"strings"
	"unicode"
)

// DecodeError says why JSON is no value of a type. Msg is worded as the reference product words it, clients match on it;
// Path is the place, from the outside in ("input[0].text"), empty for the value as a whole.
type DecodeError struct {
	Path string
	Msg  string
}

func (e *DecodeError) Error() string { return e.Msg }

// in puts a member or an index in front of the path.
func (e *DecodeError) in(name string) *DecodeError {
	if e.Path != "" && e.Path[0] != '[' {
		name += "."
	}
	e.Path = name + e.Path
	return e
}

func (e *DecodeError) at(index int) *DecodeError {
	return e.in("[" + strconv.Itoa(index) + "]")
}

func failure(msg string) *DecodeError { return &DecodeError{Msg: msg} }

func missing(name string) *DecodeError { return failure("missing field `" + name + "`") }

func unknownVariant(name string, known []string) *DecodeError {
	var b strings.Builder
	writeUnknownVariant(&b, name, len(known), func(i int) string { return known[i] })
	return failure(b.String())
}

func unknownField(name string, o *object) *DecodeError {
	var b strings.Builder
	b.WriteString("unknown field `" + clip(name) + "`, ")
	writeExpected(&b, len(o.fields), func(i int) string { return o.fields[i].name }, "there are no fields")
	return failure(b.String())
}

func writeUnknownVariant(b *strings.Builder, name string, n int, known func(int) string) {
	b.WriteString("unknown variant `" + clip(name) + "`, ")
	writeExpected(b, n, known, "there are no variants")
}

func writeExpected(b *strings.Builder, n int, name func(int) string, none string) {
	switch n {
	case 0:
		b.WriteString(none)
	case 1:
		b.WriteString("expected `" + name(0) + "`")
	case 2:
		b.WriteString("expected `" + name(0) + "` or `" + name(1) + "`")
	default:
		b.WriteString("expected one of ")
		for i := range n {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("`" + name(i) + "`")
		}
	}
}

// longest is how much of a caller's own text an error repeats, in bytes: a bad 50 MB string must not come back whole.
const longest = 1024

func clip(s string) string {
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "..."
}

// quoted is a string as Rust's debug format writes it.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range clip(s) {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case 0:
			b.WriteString(`\0`)
		default:
			if unicode.IsPrint(r) {
				b.WriteRune(r)
			} else {
				b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + "}")
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
