package mcp

import (
	"bytes"
	"encoding/json"
)

// parameters turns a tool's input schema into one that models take: an object
// type with properties. What cannot be read becomes an object without any.
func parameters(schema json.RawMessage) json.RawMessage {
	const empty = `{"type":"object","properties":{}}`
	var s map[string]any
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	if d.Decode(&s) != nil || s == nil {
		return json.RawMessage(empty)
	}
	normal, _ := normalise(s).(map[string]any)
	normal["type"] = "object"
	if _, ok := normal["properties"].(map[string]any); !ok {
		normal["properties"] = map[string]any{}
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(normal) != nil {
		return json.RawMessage(empty)
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}

// normalise rewrites one schema and what it contains.
func normalise(v any) any {
	s, ok := v.(map[string]any)
	if !ok {
		return v
	}
	delete(s, "$schema")
	if c, ok := s["const"]; ok {
		delete(s, "const")
		if _, has := s["enum"]; !has {
			s["enum"] = []any{c}
		}
	}
	for _, key := range []string{"properties", "$defs", "definitions", "patternProperties"} {
		if members, ok := s[key].(map[string]any); ok {
			for name, m := range members {
				members[name] = normalise(m)
			}
		}
	}
	for _, key := range []string{"items", "additionalProperties", "not"} {
		if sub, ok := s[key]; ok {
			s[key] = normalise(sub)
		}
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf", "prefixItems"} {
		if list, ok := s[key].([]any); ok {
			for i, m := range list {
				list[i] = normalise(m)
			}
		}
	}
	return s
}
