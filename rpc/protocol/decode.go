package protocol

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Decode reads JSON into v, a pointer to a value of this package, as something that was written before, maybe by another
// release: tags and values that are not known here are kept, missing members stay as they are, null leaves zero where it
// has no meaning. v shares no memory with data.
func Decode(data []byte, v any) error {
	d := decoder{scanner{data: data}}
	return d.whole(v)
}

// DecodeParams reads JSON into v, a pointer to a value of this package, as something that a peer asks for. Everything
// that the schema demands is checked; errors are a *DecodeError. A nil v takes no params. v shares no memory with data.
func DecodeParams(data []byte, v any) error {
	if v == nil {
		return decodeNone(data)
	}
	if isNull(data) {
		return missing("params")
	}
	d := decoder{scanner{data: data, strict: true}}
	return d.whole(v)
}

func isNull(data []byte) bool {
	data = bytes.Trim(data, " \t\r\n")
	return len(data) == 0 || string(data) == "null"
}

// decodeNone reads the params of a method without any: absent, null and {} are fine.
func decodeNone(data []byte) error {
	if isNull(data) {
		return nil
	}
	d := decoder{scanner{data: data, strict: true}}
	start := d.pos
	if d.peek() == '{' {
		if d.pos++; d.peek() == '}' {
			d.pos++
			if err := d.end(); err != nil {
				return err
			}
			return nil
		}
		d.pos = start
	}
	return d.wrongType("unit")
}

type decoder struct{ scanner }

func (d *decoder) whole(v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("decoding into %T: not a pointer to a value", v)
	}
	rv = rv.Elem()
	if err := d.value(planOf(rv.Type(), leafPlain), rv); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	return nil
}

func (d *decoder) end() *DecodeError {
	if d.space(); d.pos < len(d.data) {
		return d.syntax("trailing characters")
	}
	return nil
}

func (d *decoder) value(p *plan, v reflect.Value) *DecodeError {
	c := d.peek()
	switch p.kind {
	case kindRaw:
		raw, err := d.raw()
		if err != nil {
			return err
		}
		v.SetBytes(raw)
		return nil
	case kindPointer:
		if c == 'n' && d.literal("null") {
			v.SetZero()
			return nil
		}
		elem := reflect.New(p.elem.typ)
		if err := d.value(p.elem.get(), elem.Elem()); err != nil {
			return err
		}
		v.Set(elem)
		return nil
	case kindOpt:
		v.Field(0).SetBool(true)
		return d.value(p.elem.get(), v.Field(1))
	}
	if c == 'n' && !d.strict && d.literal("null") {
		v.SetZero()
		return nil
	}
	switch p.kind {
	case kindString:
		return d.stringValue(p, v, c)
	case kindEnum:
		return d.enum(p, v, c)
	case kindBool:
		return d.boolean(v, c)
	case kindInt:
		return d.integer(p, v, c)
	case kindFloat:
		return d.float(v, c)
	case kindSlice:
		return d.slice(p, v, c)
	case kindMap:
		return d.mapping(p, v, c)
	case kindUnion:
		return d.union(p.union, v, c)
	}
	return d.object(p.object, v, c)
}

// raw copies a value as it stands.
func (d *decoder) raw() ([]byte, *DecodeError) {
	d.space()
	start := d.pos
	if err := d.skip(); err != nil {
		return nil, err
	}
	text := d.data[start:d.pos]
	if !d.strict && !utf8.Valid(text) {
		return bytes.ToValidUTF8(text, []byte("\ufffd")), nil
	}
	return bytes.Clone(text), nil
}

func (d *decoder) stringValue(p *plan, v reflect.Value, c byte) *DecodeError {
	if c != '"' {
		if p.leaf == leafPath || p.leaf == leafAbsolute {
			return d.wrongType("path string")
		}
		return d.wrongType("a string")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	if d.strict {
		switch {
		case p.leaf == leafAbsolute && !absolute(string(text)):
			return failure("AbsolutePathBuf deserialized without a base path")
		case p.leaf == leafNonEmpty && len(text) == 0:
			return failure("reasoning_effort must not be empty")
		}
	}
	v.SetString(string(text))
	return nil
}

// absolute takes both kinds of absolute paths on Windows, where clients send either.
func absolute(path string) bool { return filepath.IsAbs(path) || len(path) > 0 && path[0] == '/' }

func (d *decoder) enum(p *plan, v reflect.Value, c byte) *DecodeError {
	if c == '{' && d.strict {
		return d.enumMap(p.values)
	}
	if c != '"' {
		return d.wrongType("string or map")
	}
	text, err := d.text()
	if err != nil {
		return err
	}
	for _, known := range p.values {
		if string(text) == known {
			v.SetString(known)
			return nil
		}
	}
	if d.strict {
		return unknownVariant(string(text), p.values)
	}
	v.SetString(string(text))
	return nil
}

// enumMap refuses an object where a bare string is wanted. The reference reads its key as the variant.
func (d *decoder) enumMap(known []string) *DecodeError {
	key, single, err := d.single()
	switch {
	case err != nil:
		return err
	case !single:
		return failure("invalid value: map, expected map with a single key")
	case !slices.Contains(known, key):
		return unknownVariant(key, known)
	}
	return failure("invalid type: map, expected unit variant")
}

// single looks at an object without moving on: its first key, and whether it is the only one.
func (d *decoder) single() (key string, ok bool, err *DecodeError) {
	probe := d.scanner
	if err := probe.open(); err != nil {
		return "", false, err
	}
	for n := 0; ; n++ {
		more, err := probe.next(n == 0, '}')
		if err != nil || !more {
			return key, n == 1, err
		}
		name, err := probe.key()
		if err != nil {
			return "", false, err
		}
		key = string(name)
		if err := probe.skip(); err != nil {
			return "", false, err
		}
	}
}

func (d *decoder) boolean(v reflect.Value, c byte) *DecodeError {
	switch {
	case c == 't' && d.literal("true"):
		v.SetBool(true)
	case c == 'f' && d.literal("false"):
		v.SetBool(false)
	default:
		return d.wrongType("a boolean")
	}
	return nil
}

func (d *decoder) slice(p *plan, v reflect.Value, c byte) *DecodeError {
	if c != '[' {
		return d.wrongType("a sequence")
	}
	if err := d.open(); err != nil {
		return err
	}
	elem := p.elem.get()
	v.SetZero()
	for n := 0; ; n++ {
		more, err := d.next(n == 0, ']')
		if err != nil {
			return err
		}
		if !more {
			if n == 0 {
				v.Set(reflect.MakeSlice(p.typ, 0, 0))
			}
			return nil
		}
		if n == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err := d.value(elem, v.Index(n)); err != nil {
			return err.at(n)
		}
	}
}

func (d *decoder) mapping(p *plan, v reflect.Value, c byte) *DecodeError {
	if c != '{' {
		return d.wrongType("a map")
	}
	if err := d.open(); err != nil {
		return err
	}
	elem := p.elem.get()
	v.Set(reflect.MakeMap(p.typ))
	for first := true; ; first = false {
		more, err := d.next(first, '}')
		if err != nil || !more {
			return err
		}
		text, err := d.key()
		if err != nil {
			return err
		}
		key := reflect.New(p.typ.Key()).Elem()
		key.SetString(string(text))
		ev := reflect.New(p.elem.typ).Elem()
		if err := d.value(elem, ev); err != nil {
			return err.in(key.String())
		}
		v.SetMapIndex(key, ev)
	}
}

// wrongType is the error for a value of the wrong JSON type, which it steps over.
func (d *decoder) wrongType(expected string) *DecodeError {
	found, err := d.found()
	if err != nil {
		return err
	}
	return failure("invalid type: " + found + ", expected " + expected)
}

// found describes the value at hand.
func (d *decoder) found() (string, *DecodeError) {
	c := d.peek()
	switch {
	case c == '"':
		text, err := d.text()
		if err != nil {
			return "", err
		}
		return "string " + quoted(string(text)), nil
	case c == '-' || c >= '0' && c <= '9':
		return d.foundNumber()
	}
	if err := d.skip(); err != nil {
		return "", err
	}
	switch c {
	case '{':
		return "map", nil
	case '[':
		return "sequence", nil
	case 't':
		return "boolean `true`", nil
	case 'f':
		return "boolean `false`", nil
	}
	return "null", nil
}
