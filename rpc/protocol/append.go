package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// Append appends the JSON of v, a value of this package or a pointer to one, to b. The JSON has no line breaks,
// whatever the raw values inside it hold. It fails only for values that have no JSON: a nil where the wire has no null.
// b is returned unchanged with an error.
func Append(b []byte, v any) ([]byte, error) {
	start := len(b)
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case json.RawMessage:
		return appendRaw(b, v), nil
	case string:
		return appendString(b, v), nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return append(b, "null"...), nil
		}
		rv = rv.Elem()
	}
	out, err := appendValue(b, planOf(rv.Type(), leafPlain), rv)
	if err != nil {
		return b[:start], fmt.Errorf("encoding %s: %w", rv.Type(), err)
	}
	return out, nil
}

// AppendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte { return appendString(b, s) }

func appendValue(b []byte, p *plan, v reflect.Value) ([]byte, error) {
	switch p.kind {
	case kindString, kindEnum:
		return appendString(b, v.String()), nil
	case kindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case kindFloat:
		return appendFloat(b, v.Float()), nil
	case kindRaw:
		return appendRaw(b, v.Bytes()), nil
	case kindPointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendValue(b, p.elem.get(), v.Elem())
	case kindSlice:
		return appendSlice(b, p, v)
	case kindMap:
		return appendMap(b, p, v)
	case kindOpt:
		return appendValue(b, p.elem.get(), v.Field(1))
	case kindUnion:
		return appendUnion(b, p, v)
	}
	return appendObject(b, p.object, v)
}

func appendSlice(b []byte, p *plan, v reflect.Value) ([]byte, error) {
	elem := p.elem.get()
	b = append(b, '[')
	var err error
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, elem, v.Index(i)); err != nil {
			return b, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

// appendMap writes the keys in order, so that equal values have equal JSON.
func appendMap(b []byte, p *plan, v reflect.Value) ([]byte, error) {
	elem := p.elem.get()
	keys := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		keys = append(keys, it.Key().String())
	}
	slices.Sort(keys)
	b = append(b, '{')
	var err error
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		key := reflect.ValueOf(k).Convert(p.typ.Key())
		if b, err = appendValue(b, elem, v.MapIndex(key)); err != nil {
			return b, fmt.Errorf("%s: %w", k, err)
		}
	}
	return append(b, '}'), nil
}

func appendUnion(b []byte, p *plan, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return b, fmt.Errorf("a nil %s", p.union.name)
	}
	v = v.Elem()
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return b, fmt.Errorf("a nil %s in a %s", v.Type(), p.union.name)
		}
		v = v.Elem()
	}
	return appendValue(b, p.union.byType[v.Type()].get(), v)
}

func appendObject(b []byte, o *object, v reflect.Value) ([]byte, error) {
	if o.key != "" {
		b = append(b, '{')
		b = append(appendString(b, o.key), ':')
	}
	var err error
	if o.bare {
		f := &o.fields[0]
		b, err = appendValue(b, f.get(), v.Field(f.index))
	} else {
		b, err = appendMembers(b, o, v)
	}
	if err == nil && o.key != "" {
		b = append(b, '}')
	}
	return b, err
}

func appendMembers(b []byte, o *object, v reflect.Value) ([]byte, error) {
	start := len(b)
	if o.tag != "" {
		b = append(appendString(append(b, ','), o.tag), ':')
		b = appendString(b, o.value)
	}
	var err error
	for i := range o.fields {
		f := &o.fields[i]
		fv := v.Field(f.index)
		switch empty := isEmpty(fv); {
		case empty && f.omit:
			continue
		case empty && f.fallback != "" && fv.Kind() != reflect.Bool:
			b = append(append(b, f.key...), f.fallback...)
			continue
		case empty && f.nullable:
			b = append(append(b, f.key...), "null"...)
			continue
		}
		b = append(b, f.key...)
		if b, err = appendValue(b, f.get(), fv); err != nil {
			return b, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if o.unknown >= 0 {
		if unknown := v.Field(o.unknown); unknown.Len() > 0 {
			for _, m := range unknown.Interface().(Members) {
				b = append(appendString(append(b, ','), m.Name), ':')
				b = appendRaw(b, m.Value)
			}
		}
	}
	// Every member was written with a comma before it; the first comma is the brace.
	if len(b) == start {
		return append(b, '{', '}'), nil
	}
	b[start] = '{'
	return append(b, '}'), nil
}

// isEmpty tells whether a field holds nothing: nil, an Opt that is not set, or the zero of a plain type.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.Bool:
		return !v.Bool()
	case reflect.Int64:
		return v.Int() == 0
	case reflect.Float64:
		return v.Float() == 0
	case reflect.Struct:
		if v.NumField() == 2 && v.Type().Implements(typeOfOptional) {
			return !v.Field(0).Bool()
		}
	}
	return false
}

// appendRaw copies raw JSON. A frame is a line, so line breaks inside it are taken out.
func appendRaw(b []byte, raw []byte) []byte {
	if len(raw) == 0 {
		return append(b, "null"...)
	}
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 {
		return append(b, raw...)
	}
	for _, c := range raw {
		// A raw line break cannot be inside a string of valid JSON, so a blank means the same.
		if c == '\n' || c == '\r' {
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

// appendFloat writes a whole number with .0, as the reference does, so that a reader sees the same type.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e16 {
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	}
	format := byte('f')
	if a := math.Abs(f); a < 1e-5 || a >= 1e16 {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, 64)
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	text := unsafe.Slice(unsafe.StringData(s), len(s)) // read only
	for len(text) > 0 {
		n := plain(text)
		b = append(b, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		c := text[0]
		if c < utf8.RuneSelf {
			b, text = appendEscape(b, c), text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		b, text = utf8.AppendRune(b, r), text[size:]
	}
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
