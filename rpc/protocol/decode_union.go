package protocol

import (
	"reflect"
	"strconv"
)

func (d *decoder) union(u *union, v reflect.Value, c byte) *DecodeError {
	switch {
	case len(u.tagged) > 0:
		return d.tagged(u, v, c)
	case len(u.keyed) > 0 || u.names != nil:
		return d.keyed(u, v, c)
	}
	return d.untagged(u, v, c)
}

// variant reads the value at hand as the variant l. Structs are kept by pointer, the rest by value.
func (d *decoder) variant(l *lazy, v reflect.Value) *DecodeError {
	nv := reflect.New(l.typ)
	if err := d.value(l.get(), nv.Elem()); err != nil {
		return err
	}
	if l.typ.Kind() != reflect.Struct {
		nv = nv.Elem()
	}
	v.Set(nv)
	return nil
}

func (d *decoder) keepRaw(u *union, v reflect.Value) *DecodeError {
	raw, err := d.raw()
	if err != nil {
		return err
	}
	v.Set(reflect.ValueOf(raw).Convert(u.raw))
	return nil
}

// tagged reads a variant that one of its own members names.
func (d *decoder) tagged(u *union, v reflect.Value, c byte) *DecodeError {
	if c != '{' {
		return d.untaggable(u, v, c)
	}
	tag, found, err := d.findTag(u)
	switch {
	case err != nil:
		return err
	case !found && u.untagged != nil:
		return d.variant(&lazy{typ: u.untagged}, v)
	case !found && d.strict:
		return missing(u.tag)
	}
	if l := u.tagged[tag]; found && l != nil {
		return d.variant(l, v)
	}
	if d.strict && !u.open {
		return unknownVariant(tag, u.order)
	}
	return d.keepRaw(u, v)
}

// untaggable deals with what is no object where a tagged variant is wanted.
func (d *decoder) untaggable(u *union, v reflect.Value, c byte) *DecodeError {
	switch {
	case !d.strict:
		return d.keepRaw(u, v)
	case c != '[' || u.untagged != nil:
		return d.wrongType(u.text)
	}
	// The reference takes the first element of an array for the tag.
	probe := decoder{d.scanner}
	probe.pos++
	switch probe.peek() {
	case ']':
		return missing(u.tag)
	case '"':
		return d.wrongType(u.text)
	}
	return probe.wrongType("variant identifier")
}

// findTag looks for the tag without moving on.
func (d *decoder) findTag(u *union) (tag string, found bool, err *DecodeError) {
	probe := decoder{d.scanner}
	if err := probe.open(); err != nil {
		return "", false, err
	}
	for first := true; ; first = false {
		more, err := probe.next(first, '}')
		if err != nil || !more {
			return "", false, err
		}
		name, err := probe.key()
		if err != nil {
			return "", false, err
		}
		if string(name) != u.tag {
			if err := probe.skip(); err != nil {
				return "", false, err
			}
			continue
		}
		if probe.peek() != '"' {
			if d.strict {
				return "", false, probe.wrongTag(u).in(u.tag)
			}
			return "", false, nil
		}
		text, err := probe.text()
		if err != nil {
			return "", false, err
		}
		for _, known := range u.order {
			if string(text) == known {
				return known, true, nil
			}
		}
		return string(text), true, nil
	}
}

// wrongTag is the error for a tag that is no string. The reference takes a number for the index of a variant.
func (d *decoder) wrongTag(u *union) *DecodeError {
	start := d.pos
	if text, integer, err := d.number(); err == nil && integer && text[0] != '-' {
		return failure("invalid value: integer `" + clip(string(text)) + "`, expected variant index 0 <= i < " + strconv.Itoa(len(u.variants)))
	}
	d.pos = start
	return d.wrongType("variant identifier")
}

// keyed reads a bare name or an object whose one key names the variant.
func (d *decoder) keyed(u *union, v reflect.Value, c byte) *DecodeError {
	switch {
	case c == '"' && u.names != nil:
		return d.name(u, v)
	case c == '{':
		key, single, err := d.single()
		if err != nil {
			return err
		}
		if l := u.keyed[key]; single && l != nil {
			return d.variant(l, v)
		}
		if d.strict && !u.open {
			if !single {
				return failure("invalid value: map, expected map with a single key")
			}
			return unknownVariant(key, u.order)
		}
		return d.keepRaw(u, v)
	case d.strict && !u.open:
		return d.wrongType("string or map")
	}
	return d.keepRaw(u, v)
}

// name reads a bare name. One that is not known is refused with the names and the keys, or kept as a name.
func (d *decoder) name(u *union, v reflect.Value) *DecodeError {
	text, err := d.text()
	if err != nil {
		return err
	}
	nv := reflect.New(u.names.typ).Elem()
	nv.SetString(string(text))
	known := false
	for _, value := range u.names.get().values {
		known = known || value == string(text)
	}
	if !known && d.strict && !u.open {
		if u.keyed[string(text)] != nil {
			return failure("invalid type: unit variant, expected struct variant")
		}
		return unknownVariant(string(text), u.order)
	}
	v.Set(nv)
	return nil
}

// untagged reads a variant that only its JSON type tells.
func (d *decoder) untagged(u *union, v reflect.Value, c byte) *DecodeError {
	var l *lazy
	switch {
	case c == '"':
		l = u.byKind[kindString]
	case c == '[':
		l = u.byKind[kindSlice]
	case c == '-' || c >= '0' && c <= '9':
		l = u.byKind[kindInt]
	case c == '{':
		l = u.byKind[kindObject]
	}
	start := d.scanner
	if d.strict {
		// First of all the value must be readable at all.
		if err := d.skip(); err != nil {
			return err
		}
		d.scanner = start
	}
	if l != nil {
		if err := d.variant(l, v); err == nil {
			return nil
		}
		d.scanner = start
	}
	if d.strict {
		return failure("data did not match any variant of untagged enum " + u.name)
	}
	return d.keepRaw(u, v)
}
