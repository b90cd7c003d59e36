package protocol

import (
	"reflect"
	"strconv"
)

// ranges are the limits and names of the integers of the wire, by leaf. What is above int64 is refused for u64 too.
var ranges = [...]struct {
	name     string
	min, max int64
}{
	leafPlain: {"i64", -1 << 63, 1<<63 - 1},
	leafI32:   {"i32", -1 << 31, 1<<31 - 1},
	leafU8:    {"u8", 0, 1<<8 - 1},
	leafU16:   {"u16", 0, 1<<16 - 1},
	leafU32:   {"u32", 0, 1<<32 - 1},
	leafU64:   {"u64", 0, 1<<63 - 1},
	leafUsize: {"usize", 0, 1<<63 - 1},
}

func (d *decoder) integer(p *plan, v reflect.Value, c byte) *DecodeError {
	r := &ranges[p.leaf]
	if c != '-' && (c < '0' || c > '9') {
		return d.wrongType(r.name)
	}
	start := d.pos
	text, integer, err := d.number()
	if err != nil {
		return err
	}
	n, perr := strconv.ParseInt(borrow(text), 10, 64)
	switch {
	case !integer:
		d.pos = start
		return d.wrongType(r.name)
	case perr != nil && !fits64(text):
		return huge(text)
	case perr != nil || n < r.min || n > r.max:
		return failure("invalid value: integer `" + string(text) + "`, expected " + r.name)
	}
	v.SetInt(n)
	return nil
}

// fits64 tells whether an integer is one of 64 bits. One beyond 128 bits is not an integer to the reference but a float,
// and passes.
func fits64(text []byte) bool {
	if _, err := strconv.ParseUint(borrow(text), 10, 64); err == nil {
		return true
	}
	_, err := strconv.ParseInt(borrow(text), 10, 64)
	return err == nil || len(text) > 39
}

// huge refuses an integer beyond 64 bits.
func huge(text []byte) *DecodeError {
	as := "u128"
	if text[0] == '-' {
		as = "i128"
	}
	return failure("invalid type: integer `" + clip(string(text)) + "` as " + as + ", expected any value")
}

func (d *decoder) float(v reflect.Value, c byte) *DecodeError {
	if c != '-' && (c < '0' || c > '9') {
		return d.wrongType("f64")
	}
	text, _, err := d.number()
	if err != nil {
		return err
	}
	f, perr := strconv.ParseFloat(borrow(text), 64)
	if perr != nil {
		return d.syntax("number out of range")
	}
	v.SetFloat(f)
	return nil
}

func (d *decoder) foundNumber() (string, *DecodeError) {
	text, integer, err := d.number()
	if err != nil {
		return "", err
	}
	if integer {
		if !fits64(text) {
			return "", huge(text)
		}
		return "integer `" + string(text) + "`", nil
	}
	f, perr := strconv.ParseFloat(borrow(text), 64)
	if perr != nil {
		return "", d.syntax("number out of range")
	}
	return "floating point `" + string(appendFloat(nil, f)) + "`", nil
}
