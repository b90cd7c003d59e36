package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A decl is one Go declaration made from a definition, or from a variant of one.
type decl struct {
	name     string
	doc      string
	kind     declKind
	values   []string // enum: the values in the schema's order
	fields   []field  // object
	blank    string   // object: the wire tag of its blank field, which tells the variant
	closed   bool     // object: members it does not name are refused
	variants []string // union: the Go types that satisfy it
	open     bool     // union: what is none of the variants is taken too
	untagged string   // union: the variant without a tag
	text     string   // union: its name in texts
	order    []string // union: its names and keys in the order of texts, where the schema has another
	base     string   // alias and named: the type behind
	unions   []string // the unions that it satisfies
}

type declKind int

const (
	isAlias  declKind = iota // type X = base
	isNamed                  // type X base
	isEnum                   // type X string, with constants
	isObject                 // type X struct
	isUnion                  // type X interface
)

// article is the indefinite one for the name.
func (d *decl) article() string {
	if strings.ContainsRune("AEIO", rune(d.name[0])) {
		return "an"
	}
	return "a"
}

type field struct {
	name, typ, tag string
}

// model turns definitions into declarations.
type model struct {
	exp, stable *bundle
	fromHost    map[string]bool // definitions that the host writes
	decls       []*decl
	byName      map[string]*decl
	owner       map[string]string // declaration -> the definition it was made for
}

func (m *model) add(def string, d *decl) *decl {
	if m.byName[d.name] != nil {
		panic(fmt.Sprintf("%s: the name %s is taken: add an exception", def, d.name))
	}
	m.byName[d.name] = d
	m.owner[d.name] = def
	m.decls = append(m.decls, d)
	return d
}

// define declares the definition of the given name.
func (m *model) define(name string) {
	s := m.exp.defs[name]
	switch {
	case strings.HasPrefix(name, "Nullable"):
		// Only the params of a method may be null as a whole; the method table says which.
	case exceptions.has("raw", name):
		m.add(name, &decl{name: name, kind: isAlias, base: "json.RawMessage"})
	case s.enum() != nil:
		m.add(name, &decl{name: name, kind: isEnum, values: s.enum()})
	case s.OneOf != nil || s.AnyOf != nil:
		m.union(name, s)
	case len(s.Types) == 1 && s.Types[0] == "string":
		m.add(name, &decl{name: name, kind: isAlias, base: "string"})
	case len(s.Types) == 1 && s.Types[0] == "object":
		d := m.add(name, &decl{name: name, kind: isObject, closed: s.closed()})
		d.fields = m.fields(name, s, "")
	default:
		panic(name + ": a definition of an unknown shape")
	}
}

// enum lists the values of a schema that admits only certain strings, in order, or is nil.
func (s *schema) enum() []string {
	if s.Enum != nil {
		return s.Enum
	}
	var values []string
	for _, x := range s.OneOf {
		if x.Enum == nil {
			return nil
		}
		values = append(values, x.Enum...)
	}
	return values
}

func (m *model) variantName(def, value string) string {
	if name, ok := exceptions.get("name", def+"/"+value); ok {
		return def + name
	}
	return def + camel(value)
}

func (m *model) union(name string, s *schema) {
	u := m.add(name, &decl{name: name, kind: isUnion, open: exceptions.has("open", name)})
	u.untagged, _ = exceptions.get("untagged", name)
	u.text, _ = exceptions.get("text", name)
	if order, ok := exceptions.get("values", name); ok {
		u.order = strings.Fields(order)
	}
	alternatives := s.OneOf
	if alternatives == nil {
		alternatives = s.AnyOf
	}
	var unit []string
	variant := func(d *decl) {
		d.unions = append(d.unions, name)
		u.variants = append(u.variants, d.name)
		m.add(name, d)
	}
	for _, x := range alternatives {
		if x.Enum != nil {
			if unit == nil {
				variant(&decl{name: name + "Name", kind: isEnum})
			}
			unit = append(unit, x.Enum...)
			m.byName[name+"Name"].values = unit
			continue
		}
		if x.Ref == "" && len(x.Types) == 1 && x.Types[0] == "object" {
			if tag, value, ok := x.tag(); ok {
				d := &decl{name: m.variantName(name, value), kind: isObject, blank: "tag=" + tag + ":" + value, closed: x.closed()}
				variant(d)
				d.fields = append(m.fields(name, x, tag), m.fields(name, s, tag)...)
				m.choices(name, x, d, value)
				continue
			}
			if len(x.Properties) == 1 {
				m.keyed(name, x, variant)
				continue
			}
		}
		if len(x.Types) > 1 {
			u.open = true
			continue
		}
		typ, flags, nullable := m.typeOf(x, name)
		if nullable {
			panic(name + ": a nullable alternative")
		}
		switch {
		case typ == "string":
			variant(&decl{name: name + "String", kind: isNamed, base: typ})
		case typ == "int64":
			variant(&decl{name: name + "Integer", kind: isNamed, base: typ})
		case strings.HasPrefix(typ, "[]"):
			variant(&decl{name: name + "List", kind: isNamed, base: typ})
		default:
			variant(&decl{name: name + "Object", kind: isObject, blank: "bare", fields: []field{{"Value", typ, wireTag("", flags)}}})
		}
	}
}

// choices adds the members of which a variant must have one: {"type": "image"} has a url or a fileId.
func (m *model) choices(def string, x *schema, d *decl, value string) {
	if x.AnyOf == nil {
		return
	}
	d.blank += ",one=" + camel(value) + "Reference"
	for _, c := range x.AnyOf {
		for _, f := range m.fields(def, c, "") {
			d.fields = append(d.fields, field{f.name, "*" + f.typ, f.tag + ",optional,omit,one"})
		}
	}
}

// keyed declares the variant {"key": payload}: the fields of the payload where it is an inline object, else one field Value.
func (m *model) keyed(name string, x *schema, variant func(*decl)) {
	for key, payload := range x.Properties {
		d := &decl{name: m.variantName(name, key), kind: isObject, blank: "key=" + key}
		variant(d)
		if payload.Properties != nil {
			d.fields = m.fields(name, payload, "")
			return
		}
		typ, flags, nullable := m.typeOf(payload, name)
		if nullable {
			panic(d.name + ": a nullable payload")
		}
		d.blank += ",bare"
		d.fields = []field{{"Value", typ, wireTag("", flags)}}
	}
}

func wireTag(name string, flags []string) string {
	return strings.Join(append([]string{name}, flags...), ",")
}

// fields lists the Go fields of an object, without the one that holds the tag.
func (m *model) fields(def string, s *schema, tag string) []field {
	var list []field
	first, _ := exceptions.get("order", def)
	for _, name := range s.properties(strings.Fields(first)...) {
		if name == tag {
			continue
		}
		p := s.Properties[name]
		where := def + "." + name
		typ, leaf, nullable := m.typeOf(p, where)
		flags := m.presence(def, name, s, typ, nullable)
		if exceptions.has("opt", where) {
			if !slices.Contains(flags, "optional") || !nullable {
				panic(where + ": opt is for members that may be absent or null")
			}
			flags = []string{"optional", "nullable", "omit"}
			typ = "Opt[" + typ + "]"
		} else if nullable && !nilable(typ, m) {
			typ = "*" + typ
		}
		if len(p.Default) > 0 {
			if v := defaultFlag(p.Default, typ); v != "" {
				flags = append(flags, v)
			}
		}
		if exceptions.has("path", where) {
			leaf = []string{"path"}
		}
		if m.experimental(def, name) {
			flags = append(flags, "experimental")
		}
		list = append(list, field{fieldName(name), typ, wireTag(name, append(flags, leaf...))})
	}
	return list
}

// presence gives the flags that say when a member may be missing or null, and what a nil value is written as.
func (m *model) presence(def, name string, s *schema, typ string, nullable bool) []string {
	p := s.Properties[name]
	required := slices.Contains(s.Required, name)
	anything := typ == "json.RawMessage"
	rule, _ := exceptions.get("presence", def+"."+name)
	switch {
	case required && nullable:
		return []string{"nullable"}
	case required:
		return nil
	case nullable || anything:
		if rule == "omit" || rule != "null" && !m.fromHost[def] {
			return []string{"optional", "nullable", "omit"}
		}
		return []string{"optional", "nullable"}
	case len(p.Default) > 0:
		if rule == "omit" {
			return []string{"optional", "omit"}
		}
		return []string{"optional"}
	}
	if rule == "always" {
		return []string{"optional"}
	}
	return []string{"optional", "omit"}
}

// defaultFlag is the flag for a default that is not the Go zero value, for the types where the codec applies one.
func defaultFlag(raw json.RawMessage, typ string) string {
	switch v := strings.TrimSpace(string(raw)); {
	case v == "true":
		return "default=true"
	case v[0] == '"' && v != `""` && typ != "string":
		return "default=" + strings.Trim(v, `"`)
	}
	return ""
}

// nilable tells whether the Go type has a nil of its own.
func nilable(typ string, m *model) bool {
	if strings.HasPrefix(typ, "[]") || strings.HasPrefix(typ, "map[") || typ == "json.RawMessage" {
		return true
	}
	s := m.exp.defs[typ]
	if s == nil {
		return false
	}
	if _, raw := exceptions["raw"][typ]; raw {
		return true
	}
	return (s.OneOf != nil || s.AnyOf != nil) && s.enum() == nil
}

// typeOf is the Go type of a schema without its null, and the flags that its leaf needs on the wire.
func (m *model) typeOf(s *schema, where string) (typ string, flags []string, nullable bool) {
	switch {
	case s.any:
		return "json.RawMessage", nil, false
	case s.Ref != "":
		return m.named(refName(s.Ref))
	case len(s.AllOf) == 1:
		return m.typeOf(s.AllOf[0], where)
	case len(s.AnyOf) == 2 && s.AnyOf[1].isNull():
		typ, flags, _ = m.typeOf(s.AnyOf[0], where)
		return typ, flags, true
	}
	kind := ""
	for _, t := range s.Types {
		if t == "null" {
			nullable = true
			continue
		}
		if kind != "" {
			panic(where + ": two types in one schema")
		}
		kind = t
	}
	switch {
	case kind == "string" && s.Enum == nil:
		return "string", nil, nullable
	case kind == "boolean":
		return "bool", nil, nullable
	case kind == "number":
		return "float64", nil, nullable
	case kind == "integer":
		return "int64", integerFlag(s.Format), nullable
	case kind == "array" && s.Items != nil:
		elem, flags, null := m.typeOf(s.Items, where)
		return "[]" + pointerIf(null, elem), flags, nullable
	case kind == "object" && s.Properties == nil:
		values := s.values()
		if values == nil {
			values = &schema{any: true}
		}
		elem, flags, null := m.typeOf(values, where)
		return "map[string]" + pointerIf(null, elem), flags, nullable
	}
	panic(where + ": a schema of an unknown shape")
}

func pointerIf(null bool, typ string) string {
	if null {
		return "*" + typ
	}
	return typ
}

func (m *model) named(name string) (typ string, flags []string, nullable bool) {
	s := m.exp.defs[name]
	if s == nil {
		panic("no definition of " + name)
	}
	if name == "AbsolutePathBuf" {
		flags = append(flags, "abs")
	}
	if s.MinLength > 0 {
		flags = append(flags, "nonempty")
	}
	return name, flags, false
}

// integerFlag names the Rust type behind a format, which the texts of range errors name; plain is i64.
func integerFlag(format string) []string {
	switch format {
	case "", "int64":
		return nil
	case "int32":
		return []string{"i32"}
	case "uint":
		return []string{"usize"}
	}
	return []string{"u" + strings.TrimPrefix(format, "uint")}
}

// experimental tells whether a member of a method's params is in the experimental schema only.
func (m *model) experimental(def, name string) bool {
	if !strings.HasSuffix(def, "Params") {
		return false
	}
	s := m.stable.defs[def]
	return s != nil && s.Properties[name] == nil
}
