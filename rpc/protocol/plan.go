package protocol

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// A plan is what the codec knows about a Go type. Plans of the parts are looked up on their first use, so that the
// first message of a process pays for what is in it and not for all that could be.
type plan struct {
	kind kind
	typ  reflect.Type
	leaf leaf
	elem lazy // of a pointer, slice or map; the pointer inside an Opt
	*object
	*union
	values []string // enum
}

type kind uint8

const (
	kindBool kind = iota
	kindInt
	kindFloat
	kindString
	kindEnum
	kindRaw
	kindPointer
	kindSlice
	kindMap
	kindObject
	kindUnion
	kindOpt
)

// leaf is what the wire asks of the strings and integers of a field beyond their Go type.
type leaf uint8

const (
	leafPlain    leaf = iota
	leafAbsolute      // an absolute path
	leafPath          // a path: only the texts differ
	leafNonEmpty
	leafI32
	leafU8
	leafU16
	leafU32
	leafU64
	leafUsize
)

var leafNames = [...]string{
	leafAbsolute: "abs", leafPath: "path", leafNonEmpty: "nonempty", leafI32: "i32",
	leafU8: "u8", leafU16: "u16", leafU32: "u32", leafU64: "u64", leafUsize: "usize",
}

// object is the plan of a struct.
type object struct {
	name    string
	fields  []member
	byName  map[string]int
	unknown int // index of the field Unknown, -1 for none
	closed  bool
	tag     string // the member that tells variants apart, "" for none
	value   string // its value
	key     string // the key around the whole of an externally tagged variant
	bare    bool   // the first field is the value; there are no members
	one     string // what texts call the members of which one must be there, "" for none such
	ones    uint64 // which they are
}

type member struct {
	name       string
	key        string // `,"name":`
	index      int    // of the Go field
	optional   bool
	nullable   bool
	omit       bool
	experiment bool
	fallback   string // JSON of the default, "" for Go's zero
	lazy
}

// unionSpec is what the generated code tells about a union.
type unionSpec struct {
	variants []reflect.Type
	raw      reflect.Type // what keeps a variant that is not known
	untagged reflect.Type // the variant that an object without the tag is, or nil
	open     bool         // callers, too, may send variants that are not known
	text     string       // what texts call the union, "" for the usual
	order    []string     // of the names and keys in texts, nil for that of the variants
}

// union is the plan of a sealed interface.
type union struct {
	*unionSpec
	name   string
	tag    string           // the tag of internally tagged variants
	tagged map[string]*lazy // by tag value
	keyed  map[string]*lazy // by key
	names  *lazy            // the variant that holds bare strings from a closed set
	byKind map[kind]*lazy   // untagged variants by their JSON type; kindObject for what wraps another type
	byType map[reflect.Type]*lazy
}

// lazy is a type and, once asked for, its plan.
type lazy struct {
	typ  reflect.Type
	leaf leaf
	plan atomic.Pointer[plan]
}

func (l *lazy) get() *plan {
	if p := l.plan.Load(); p != nil {
		return p
	}
	p := planOf(l.typ, l.leaf)
	l.plan.Store(p)
	return p
}

var (
	plans     sync.Map // reflect.Type -> *plan, for the plain leaf
	leafPlans sync.Map // planKey -> *plan, for the others
)

type planKey struct {
	typ  reflect.Type
	leaf leaf
}

func planOf(t reflect.Type, l leaf) *plan {
	cache, key := &plans, any(t)
	if l != leafPlain {
		cache, key = &leafPlans, planKey{t, l}
	}
	if p, ok := cache.Load(key); ok {
		return p.(*plan)
	}
	p, _ := cache.LoadOrStore(key, newPlan(t, l))
	return p.(*plan)
}

type enumeration interface{ wireValues() []string }

var (
	typeOfEnum     = reflect.TypeFor[enumeration]()
	typeOfOptional = reflect.TypeFor[optional]()
)

func newPlan(t reflect.Type, l leaf) *plan {
	p := &plan{typ: t, leaf: l}
	switch t.Kind() {
	case reflect.Bool:
		p.kind = kindBool
	case reflect.Int64:
		p.kind = kindInt
	case reflect.Float64:
		p.kind = kindFloat
	case reflect.String:
		p.kind = kindString
		if t.Implements(typeOfEnum) {
			p.kind = kindEnum
			p.values = reflect.Zero(t).Interface().(enumeration).wireValues()
		}
	case reflect.Slice:
		p.kind, p.elem.typ, p.elem.leaf = kindSlice, t.Elem(), l
		if t.Elem().Kind() == reflect.Uint8 {
			p.kind = kindRaw
		}
	case reflect.Map:
		p.kind, p.elem.typ, p.elem.leaf = kindMap, t.Elem(), l
	case reflect.Pointer:
		p.kind, p.elem.typ, p.elem.leaf = kindPointer, t.Elem(), l
	case reflect.Struct:
		if t.Implements(typeOfOptional) {
			p.kind, p.elem.typ, p.elem.leaf = kindOpt, t.Field(1).Type, l
			break
		}
		p.kind, p.object = kindObject, newObject(t)
	case reflect.Interface:
		p.kind, p.union = kindUnion, newUnion(t)
	default:
		panic(fmt.Sprintf("protocol: %s is no type of the wire", t))
	}
	return p
}

func newObject(t reflect.Type) *object {
	o := &object{name: t.Name(), unknown: -1, fields: make([]member, 0, t.NumField())}
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("wire"), ",")
		if f.Name == "_" {
			o.variant(flags)
			continue
		}
		if f.Name == "Unknown" {
			o.unknown, o.closed = i, flags == "closed"
			continue
		}
		o.fields = append(o.fields, member{})
		m := &o.fields[len(o.fields)-1]
		m.name, m.index, m.lazy.typ = name, i, f.Type
		m.key = `,"` + name + `":`
		for flag := range strings.SplitSeq(flags, ",") {
			if flag == "one" {
				o.ones |= 1 << (len(o.fields) - 1)
				continue
			}
			m.flag(flag)
		}
	}
	if len(o.fields) > 64 {
		panic("protocol: " + o.name + " has more members than the codec counts")
	}
	o.byName = make(map[string]int, len(o.fields))
	for i := range o.fields {
		o.byName[o.fields[i].name] = i
	}
	return o
}

func (o *object) variant(flags string) {
	for flag := range strings.SplitSeq(flags, ",") {
		name, value, _ := strings.Cut(flag, "=")
		switch name {
		case "tag":
			o.tag, o.value, _ = strings.Cut(value, ":")
		case "key":
			o.key = value
		case "bare":
			o.bare = true
		case "one":
			o.one = value
		}
	}
}

func (m *member) flag(flag string) {
	switch flag {
	case "":
	case "optional":
		m.optional = true
	case "nullable":
		m.nullable = true
	case "omit":
		m.omit = true
	case "experimental":
		m.experiment = true
	case "default=true":
		m.fallback = "true"
	default:
		if value, ok := strings.CutPrefix(flag, "default="); ok {
			m.fallback = `"` + value + `"`
			return
		}
		for l, name := range leafNames {
			if name == flag {
				m.lazy.leaf = leaf(l)
				return
			}
		}
		panic("protocol: unknown flag " + flag)
	}
}

func newUnion(t reflect.Type) *union {
	u := &union{name: t.Name(), unionSpec: specOf(t.Name())}
	if u.unionSpec == nil {
		panic(fmt.Sprintf("protocol: %s is no union of the wire", t))
	}
	if u.text == "" {
		u.text = "internally tagged enum " + u.name
	}
	ordered := u.order
	u.tagged, u.keyed, u.byKind = map[string]*lazy{}, map[string]*lazy{}, map[kind]*lazy{}
	u.byType = make(map[reflect.Type]*lazy, len(u.variants)+1)
	u.byType[u.raw] = &lazy{typ: u.raw}
	for _, v := range u.variants {
		l := &lazy{typ: v}
		u.byType[v] = l
		if v.Kind() != reflect.Struct {
			u.plain(l)
			continue
		}
		o := object{}
		_, flags, _ := strings.Cut(v.Field(0).Tag.Get("wire"), ",")
		o.variant(flags)
		switch {
		case o.tag != "":
			u.tag, u.tagged[o.value] = o.tag, l
			u.order = append(u.order, o.value)
		case o.key != "":
			u.keyed[o.key] = l
			u.order = append(u.order, o.key)
		default:
			u.byKind[kindObject] = l
		}
	}
	if ordered != nil {
		u.order = ordered
	}
	return u
}

func (u *union) plain(l *lazy) {
	p := l.get()
	if p.kind == kindEnum {
		u.names = l
		u.order = append(u.order, p.values...)
		return
	}
	u.byKind[p.kind] = l
}
