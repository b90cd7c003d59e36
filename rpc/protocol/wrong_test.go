package protocol

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// jsonSchema is a schema as generic JSON, so that this test shares nothing with the generator that it judges.
type jsonSchema struct {
	defs map[string]any
}

func (s *jsonSchema) deref(x any) map[string]any {
	for {
		m, _ := x.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		x = s.defs[ref[strings.LastIndexByte(ref, '/')+1:]]
	}
}

// types lists the JSON types that a schema admits.
func (s *jsonSchema) types(x any, depth int) map[string]bool {
	all := map[string]bool{"string": true, "number": true, "boolean": true, "null": true, "array": true, "object": true}
	m := s.deref(x)
	if len(m) == 0 || depth > 8 {
		return all
	}
	t := map[string]bool{}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := m[k].([]any)
		for _, x := range list {
			maps.Copy(t, s.types(x, depth+1))
		}
	}
	switch ty := m["type"].(type) {
	case string:
		t[ty] = true
	case []any:
		for _, x := range ty {
			t[x.(string)] = true
		}
	}
	if t["integer"] {
		t["number"] = true
	}
	if len(t) == 0 {
		return all
	}
	return t
}

// sample is a value that a schema admits.
func (s *jsonSchema) sample(x any) any {
	m := s.deref(x)
	if e, ok := m["enum"].([]any); ok {
		return e[0]
	}
	for _, k := range []string{"oneOf", "anyOf", "allOf"} {
		list, _ := m[k].([]any)
		for _, x := range list {
			if s.deref(x)["type"] != "null" {
				return s.sample(x)
			}
		}
	}
	ty, _ := m["type"].(string)
	if list, ok := m["type"].([]any); ok {
		ty = list[0].(string)
	}
	switch ty {
	case "object":
		return s.required(m)
	case "array":
		return []any{}
	case "integer", "number":
		return 1
	case "boolean":
		return false
	case "string":
		return "/nowhere/none"
	}
	return map[string]any{}
}

func (s *jsonSchema) required(m map[string]any) map[string]any {
	props, _ := m["properties"].(map[string]any)
	list, _ := m["required"].([]any)
	base := map[string]any{}
	for _, k := range list {
		base[k.(string)] = s.sample(props[k.(string)])
	}
	return base
}

// wrongValues is values to try, with their types.
var wrongValues = []struct{ typ, json string }{
	{"number", `12345`}, {"string", `"x"`}, {"boolean", `true`}, {"array", `[]`}, {"array", `[{"a":1}]`},
	{"object", `{}`}, {"object", `{"zz":[1]}`}, {"null", `null`}, {"number", `-1.5`}, {"number", `1180591620717411303424`},
}

// TestWrongCallsAreRefused gets every method wrong in every single way: each member with each type that it does not
// have, out of range, and without.
func TestWrongCallsAreRefused(t *testing.T) {
	for _, file := range []string{"ClientRequest.json", "experimental.json"} {
		data, err := os.ReadFile(shared(t, "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		s := &jsonSchema{doc["definitions"].(map[string]any)}
		if v2, ok := s.defs["v2"].(map[string]any); ok {
			doc = s.defs["ClientRequest"].(map[string]any)
			maps.Copy(s.defs, v2)
		}
		calls := 0
		for _, x := range doc["oneOf"].([]any) {
			props := x.(map[string]any)["properties"].(map[string]any)
			name := props["method"].(map[string]any)["enum"].([]any)[0].(string)
			calls += wrongCalls(t, s, name, s.deref(props["params"]))
		}
		if calls < 2000 {
			t.Errorf("%s: only %d wrong calls", file, calls)
		}
	}
}

func wrongCalls(t *testing.T, s *jsonSchema, name string, params map[string]any) (calls int) {
	m, ok := ClientRequest(name)
	if !ok {
		t.Errorf("no method %s", name)
		return 0
	}
	refuse := func(params string) {
		calls++
		if v, err := m.Decode([]byte(params)); err == nil {
			t.Errorf("%s takes %s: %+v", name, params, v)
		}
	}
	for _, whole := range []string{`[]`, `"x"`, `7`, `true`, `[{}]`} {
		refuse(whole)
	}
	if any, ok := params["anyOf"].([]any); ok {
		params = s.deref(any[0])
	}
	props, _ := params["properties"].(map[string]any)
	base := s.required(params)
	with := func(k, value string) string {
		o := maps.Clone(base)
		o[k] = json.RawMessage(value)
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, k := range slices.Sorted(maps.Keys(props)) {
		types := s.types(props[k], 0)
		for _, w := range wrongValues {
			if !types[w.typ] {
				refuse(with(k, w.json))
			}
		}
		switch {
		case types["integer"]:
			refuse(with(k, `-9223372036854775809`))
		case s.deref(props[k])["enum"] != nil:
			refuse(with(k, `"NOT_A_VALUE"`))
		}
		if _, required := base[k]; required {
			without := maps.Clone(base)
			delete(without, k)
			b, err := json.Marshal(without)
			if err != nil {
				t.Fatal(err)
			}
			refuse(string(b))
		}
	}
	// The base itself must be fine, or the calls above are refused for the wrong reason.
	b, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	if m.Params != nil && params["type"] == "object" {
		if _, err := m.Decode(b); err != nil {
			t.Errorf("%s refuses %s: %v", name, b, err)
		}
	}
	return calls
}
