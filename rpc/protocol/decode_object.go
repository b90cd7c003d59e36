package protocol

import (
	"reflect"
	"strconv"
)

func (d *decoder) object(o *object, v reflect.Value, c byte) *DecodeError {
	if o.key != "" || o.bare {
		return d.wrapped(o, v, c)
	}
	switch {
	case c == '[':
		return d.sequence(o)
	case c != '{':
		return d.wrongType("struct " + o.name)
	}
	return d.members(o, v)
}

// sequence refuses an array for an object. The reference reads one as the members in the order of its declaration; only
// an empty one has a text of its own.
func (d *decoder) sequence(o *object) *DecodeError {
	probe := d.scanner
	probe.pos++
	if probe.peek() != ']' {
		return d.wrongType("struct " + o.name)
	}
	n, plural := len(o.fields), "s"
	if n == 1 {
		plural = ""
	}
	return failure("invalid length 0, expected struct " + o.name + " with " + strconv.Itoa(n) + " element" + plural)
}

// wrapped reads an externally tagged variant whose key was looked at already, or a bare one.
func (d *decoder) wrapped(o *object, v reflect.Value, c byte) *DecodeError {
	if o.key == "" {
		f := &o.fields[0]
		return d.value(f.get(), v.Field(f.index))
	}
	if c != '{' {
		return d.wrongType("string or map")
	}
	if err := d.open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.next(first, '}')
		if err != nil || !more {
			return err
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		if string(key) != o.key {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		if err := d.payload(o, v); err != nil {
			return err.in(o.key)
		}
	}
}

func (d *decoder) payload(o *object, v reflect.Value) *DecodeError {
	if o.bare {
		f := &o.fields[0]
		return d.value(f.get(), v.Field(f.index))
	}
	if d.peek() != '{' {
		return d.wrongType("struct variant")
	}
	return d.members(o, v)
}

func (d *decoder) members(o *object, v reflect.Value) *DecodeError {
	if err := d.open(); err != nil {
		return err
	}
	var seen uint64
	guess := 0
	for first := true; ; first = false {
		more, err := d.next(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		i := o.find(name, guess)
		if i < 0 {
			if err := d.unknown(o, v, name); err != nil {
				return err
			}
			continue
		}
		guess = i + 1
		seen |= 1 << i
		if err := d.member(&o.fields[i], v); err != nil {
			return err.in(o.fields[i].name)
		}
	}
	return d.absent(o, v, seen)
}

// find looks a member up. Most writers keep an order, so the one behind the last is tried first.
func (o *object) find(name []byte, guess int) int {
	if guess < len(o.fields) && o.fields[guess].name == string(name) {
		return guess
	}
	if i, ok := o.byName[string(name)]; ok {
		return i
	}
	return -1
}

func (d *decoder) member(f *member, v reflect.Value) *DecodeError {
	fv := v.Field(f.index)
	if f.nullable && d.peek() == 'n' && d.literal("null") {
		fv.SetZero()
		if fv.Kind() == reflect.Struct {
			fv.Field(0).SetBool(true) // Opt: there, and null
		}
		return nil
	}
	p := f.get()
	if d.strict && !f.nullable && p.kind == kindPointer && d.peek() == 'n' {
		return d.value(p.elem.get(), reflect.New(p.elem.typ).Elem()) // for its error
	}
	if p.kind != kindPointer {
		fv.SetZero() // a duplicate starts anew: the last one counts
	}
	return d.value(p, fv)
}

// absent deals with the members that did not come.
func (d *decoder) absent(o *object, v reflect.Value, seen uint64) *DecodeError {
	if o.ones != 0 && seen&o.ones == 0 && d.strict {
		return failure("data did not match any variant of untagged enum " + o.one)
	}
	for i := range o.fields {
		f := &o.fields[i]
		if seen&(1<<i) != 0 {
			continue
		}
		switch {
		case f.fallback != "":
			sub := decoder{scanner{data: []byte(f.fallback)}}
			if err := sub.value(f.get(), v.Field(f.index)); err != nil {
				return err
			}
		case !f.optional && d.strict:
			return missing(f.name)
		}
	}
	return nil
}

func (d *decoder) unknown(o *object, v reflect.Value, name []byte) *DecodeError {
	if o.tag != "" && string(name) == o.tag {
		return d.skip()
	}
	if o.closed && d.strict {
		return unknownField(string(name), o)
	}
	if o.unknown < 0 {
		return d.skip()
	}
	key := string(name)
	raw, err := d.raw()
	if err != nil {
		return err
	}
	list := v.Field(o.unknown).Addr().Interface().(*Members)
	*list = append(*list, Member{key, raw})
	return nil
}
