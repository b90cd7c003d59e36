package mcp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// What models take of JSON Schema is less than what servers write. A schema is
// rewritten to the part that is taken: types, descriptions, enumerations,
// members, combinations and references. A missing type is guessed from the
// keywords that give it away; a schema that says nothing which is kept becomes
// the empty one.

// parameters turns a tool's input schema into an object type that models take.
// What cannot be read becomes an object without properties.
func parameters(schema json.RawMessage) json.RawMessage {
	const empty = `{"type":"object","properties":{}}`
	var s map[string]any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	if d.Decode(&s) != nil || s == nil {
		return json.RawMessage(empty)
	}
	s["type"] = "object"
	out := normalObject(s)
	keepDefinitions(out, s)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(out) != nil {
		return json.RawMessage(empty)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// normal rewrites one schema.
func normal(v any) map[string]any {
	switch s := v.(type) {
	case map[string]any:
		return normalObject(s)
	case bool:
		return map[string]any{"type": "string"}
	case []any: // the old way to write a tuple
		if len(s) > 0 {
			return normal(s[0])
		}
	}
	return map[string]any{}
}

func normalObject(s map[string]any) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"$ref", "description", "enum", "minItems", "required", "additionalProperties"} {
		if v, ok := s[key]; ok {
			out[key] = v
		}
	}
	if c, ok := s["const"]; ok {
		out["enum"] = []any{c}
	}
	if _, ok := out["required"].([]any); !ok {
		delete(out, "required")
	}
	if extra, ok := s["additionalProperties"].(map[string]any); ok {
		out["additionalProperties"] = normalObject(extra)
	}
	combined := out["$ref"] != nil
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := s[key].([]any); ok {
			out[key] = normalList(list)
			combined = true
		}
	}
	types := typesOf(s)
	if len(types) == 0 && !combined {
		if types = guess(s); len(types) == 0 {
			return map[string]any{}
		}
	}
	setType(out, types)
	if properties, ok := s["properties"].(map[string]any); ok {
		out["properties"] = normalMap(properties)
	} else if slices.Contains(types, "object") {
		out["properties"] = map[string]any{}
	}
	if items, ok := s["items"]; ok {
		out["items"] = normal(items)
	} else if slices.Contains(types, "array") {
		out["items"] = map[string]any{"type": "string"}
	}
	return out
}

func setType(out map[string]any, types []string) {
	switch len(types) {
	case 0:
	case 1:
		out["type"] = types[0]
	default:
		out["type"] = types
	}
}

// typesOf is the types that a schema names, those that exist.
func typesOf(s map[string]any) []string {
	names, ok := s["type"].([]any)
	if !ok {
		names = []any{s["type"]}
	}
	var out []string
	for _, n := range names {
		switch n {
		case "string", "number", "boolean", "integer", "object", "array", "null":
			out = append(out, n.(string))
		}
	}
	return out
}

// guess infers a type from what else a schema says.
func guess(s map[string]any) []string {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { _, ok := s[k]; return ok })
	}
	switch {
	case has("properties", "required", "additionalProperties"):
		return []string{"object"}
	case has("items", "prefixItems"):
		return []string{"array"}
	case has("enum", "const", "format"):
		return []string{"string"}
	case has("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
		return []string{"number"}
	}
	return nil
}

func normalList(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = normal(v)
	}
	return out
}

func normalMap(members map[string]any) map[string]any {
	out := make(map[string]any, len(members))
	for name, v := range members {
		out[name] = normal(v)
	}
	return out
}

// keepDefinitions copies the definitions that out refers to, and those that
// these refer to.
func keepDefinitions(out, s map[string]any) {
	for wanted := references(out, nil); len(wanted) > 0; wanted = wanted[1:] {
		group, name, ok := strings.Cut(strings.TrimPrefix(wanted[0], "#/"), "/")
		if !ok || group != "$defs" && group != "definitions" {
			continue
		}
		from, _ := s[group].(map[string]any)
		definition, exists := from[name]
		kept, _ := out[group].(map[string]any)
		if _, done := kept[name]; !exists || done {
			continue
		}
		if kept == nil {
			kept = map[string]any{}
			out[group] = kept
		}
		kept[name] = normal(definition)
		wanted = references(kept[name], wanted)
	}
}

// references appends the references within v.
func references(v any, to []string) []string {
	switch x := v.(type) {
	case map[string]any:
		if ref, ok := x["$ref"].(string); ok {
			to = append(to, ref)
		}
		for _, member := range x {
			to = references(member, to)
		}
	case []any:
		for _, member := range x {
			to = references(member, to)
		}
	}
	return to
}
