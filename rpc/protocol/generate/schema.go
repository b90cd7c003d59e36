package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// schema is the part of draft-07 that the bundle uses.
type schema struct {
	any bool // `true` or {}: every value

	Ref         string             `json:"$ref"`
	Title       string             `json:"title"`
	Types       stringList         `json:"type"`
	Format      string             `json:"format"`
	Enum        []string           `json:"enum"`
	Default     json.RawMessage    `json:"default"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	Additional  json.RawMessage    `json:"additionalProperties"`
	OneOf       []*schema          `json:"oneOf"`
	AnyOf       []*schema          `json:"anyOf"`
	AllOf       []*schema          `json:"allOf"`
	MinLength   int                `json:"minLength"`
	Description string             `json:"description"`
}

type stringList []string

func (l *stringList) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*l = make(stringList, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]string)(l))
}

func (s *schema) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("true")) {
		s.any = true
		return nil
	}
	type plain schema
	if err := json.Unmarshal(b, (*plain)(s)); err != nil {
		return err
	}
	s.any = s.Ref == "" && s.Types == nil && s.Enum == nil && s.Properties == nil &&
		s.OneOf == nil && s.AnyOf == nil && s.AllOf == nil
	return nil
}

// closed tells whether the schema forbids members that it does not name.
func (s *schema) closed() bool { return string(s.Additional) == "false" }

// values is the schema of the members that an object does not name, or nil.
func (s *schema) values() *schema {
	if len(s.Additional) == 0 || s.closed() {
		return nil
	}
	v := new(schema)
	must(json.Unmarshal(s.Additional, v))
	return v
}

func (s *schema) isNull() bool { return len(s.Types) == 1 && s.Types[0] == "null" }

// properties lists the property names in a stable order: those of first, then the required ones, then the rest.
func (s *schema) properties(first ...string) []string {
	rank := func(name string) int {
		if i := slices.Index(first, name); i >= 0 {
			return i
		}
		if slices.Contains(s.Required, name) {
			return len(first)
		}
		return len(first) + 1
	}
	return slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// tag returns the property whose only value tells a variant from its siblings.
func (s *schema) tag() (name, value string, ok bool) {
	for name, p := range s.Properties {
		if len(p.Enum) == 1 && slices.Contains(s.Required, name) {
			return name, p.Enum[0], true
		}
	}
	return "", "", false
}

// bundle is one schema file.
type bundle struct {
	defs map[string]*schema // by bare name; a definition of v2 wins over one of the top level
	top  map[string]*schema // the top level only
	v2   map[string]bool
	sum  string
}

func load(dir, file string) (*bundle, error) {
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	var doc struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	var v2 map[string]*schema
	if err := json.Unmarshal(doc.Definitions["v2"], &v2); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	sum := sha256.Sum256(data)
	b := &bundle{defs: v2, top: map[string]*schema{}, v2: map[string]bool{}, sum: hex.EncodeToString(sum[:])}
	for name := range v2 {
		b.v2[name] = true
	}
	for name, raw := range doc.Definitions {
		if name == "v2" {
			continue
		}
		s := new(schema)
		if err := json.Unmarshal(raw, s); err != nil {
			return nil, fmt.Errorf("reading %s: %s: %w", file, name, err)
		}
		b.top[name] = s
		if b.defs[name] == nil {
			b.defs[name] = s
		}
	}
	return b, nil
}

func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// refs lists the definitions that s names, directly or through inline schemas.
func (s *schema) refs() []string {
	var names []string
	var walk func(s *schema)
	walk = func(s *schema) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			names = append(names, refName(s.Ref))
		}
		for _, name := range s.properties() {
			walk(s.Properties[name])
		}
		walk(s.Items)
		walk(s.values())
		for _, list := range [][]*schema{s.OneOf, s.AnyOf, s.AllOf} {
			for _, x := range list {
				walk(x)
			}
		}
	}
	walk(s)
	return names
}

// reach is the set of definitions that can be reached from the roots.
func (b *bundle) reach(roots []string) map[string]bool {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] || b.defs[name] == nil {
			return
		}
		seen[name] = true
		for _, next := range b.defs[name].refs() {
			visit(next)
		}
	}
	for _, name := range roots {
		visit(name)
	}
	return seen
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
