package mcp

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// Clients hold the form of a question against the published schema, which knows
// flat forms of a few kinds of fields and forbids every other member. Servers
// write what their schema library writes. So a form is written anew, in the
// server's order: members that a field of its kind does not have are left out
// (a pattern, say), what is of another kind altogether is an error.

// form is a server's requestedSchema as clients may see it.
func form(schema json.RawMessage) (json.RawMessage, error) {
	var fields []byte
	var required []string
	var dialect json.RawMessage
	var bad error
	err := rawjson.Object(schema, func(name, value []byte) bool {
		switch string(name) {
		case "$schema":
			if isString(value) {
				dialect = value
			}
		case "required":
			_ = json.Unmarshal(value, &required)
		case "properties":
			fields, bad = formFields(value)
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("reading the form: %w", err)
	}
	b := []byte(`{"type":"object","properties":{`)
	b = append(append(b, fields...), '}')
	if required != nil {
		list, _ := json.Marshal(required) // strings never fail
		b = append(append(b, `,"required":`...), list...)
	}
	if dialect != nil {
		b = append(append(b, `,"$schema":`...), dialect...)
	}
	return append(b, '}'), nil
}

func formFields(properties []byte) (fields []byte, bad error) {
	err := rawjson.Object(properties, func(name, value []byte) bool {
		var field []byte
		if field, bad = formField(value); bad != nil {
			bad = fmt.Errorf("field %q: %w", name, bad)
			return false
		}
		if fields != nil {
			fields = append(fields, ',')
		}
		fields = append(append(append(fields, '"'), name...), `":`...) // as it was escaped
		fields = append(fields, field...)
		return true
	})
	if err != nil {
		return nil, err
	}
	return fields, bad
}

// fits says whether a field of a kind has the member, with this value.
func fits(kind, member string, value []byte) bool {
	switch member {
	case "title", "description":
		return isString(value)
	case "format":
		return kind == "string" && isFormat(value)
	case "minLength", "maxLength":
		return kind == "string" && isCount(value)
	case "minimum", "maximum":
		return (kind == "number" || kind == "integer") && isNumber(value)
	case "minItems", "maxItems":
		return kind == "array" && isCount(value)
	case "enum", "enumNames":
		return kind == "enum" && isStrings(value)
	case "default":
		switch kind {
		case "number", "integer":
			return isNumber(value)
		case "boolean":
			return isBool(value)
		case "array":
			return isStrings(value)
		}
		return isString(value)
	}
	return false
}

// formField is one field.
func formField(schema []byte) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(schema, &members); err != nil {
		return nil, err
	}
	kind := fieldType(members["type"])
	if kind == "" && isStrings(members["enum"]) {
		kind = "string"
	}
	switch kind {
	case "string", "number", "integer", "boolean", "array":
	default:
		return nil, fmt.Errorf("a form cannot have a field of the type %s", members["type"])
	}
	b := quote([]byte(`{"type":`), kind)
	switch options := choices(members); {
	case kind == "array":
		items := map[string]json.RawMessage{}
		_ = json.Unmarshal(members["items"], &items)
		switch options := choices(items); {
		case options != nil:
			b = append(append(append(b, `,"items":{"anyOf":`...), options...), '}')
		case isStrings(items["enum"]):
			b = append(append(append(b, `,"items":{"type":"string","enum":`...), items["enum"]...), '}')
		default:
			return nil, fmt.Errorf("a form cannot have a list without choices")
		}
	case kind == "string" && options != nil:
		kind = "titled"
		b = append(append(b, `,"oneOf":`...), options...)
	case kind == "string" && isStrings(members["enum"]):
		kind = "enum"
	}
	_ = rawjson.Object(schema, func(name, value []byte) bool { // it was read before
		if fits(kind, string(name), value) {
			b = append(quote(append(b, ','), string(name)), ':')
			b = append(b, value...)
		}
		return true
	})
	return append(b, '}'), nil
}

// fieldType is the type of a field; of several, the one that is not null.
func fieldType(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var several []string
	_ = json.Unmarshal(raw, &several)
	several = slices.DeleteFunc(several, func(s string) bool { return s == "null" })
	if len(several) == 1 {
		return several[0]
	}
	return ""
}

// choices are the constants with titles that a field or its items offer, or nil.
func choices(members map[string]json.RawMessage) json.RawMessage {
	for _, name := range []string{"oneOf", "anyOf"} {
		var options []struct {
			Const *string `json:"const"`
			Title *string `json:"title"`
		}
		if json.Unmarshal(members[name], &options) != nil || len(options) == 0 {
			continue
		}
		b := []byte{'['}
		for i, o := range options {
			if o.Const == nil {
				return nil
			}
			if o.Title == nil {
				o.Title = o.Const
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = quote(append(b, `{"const":`...), *o.Const)
			b = append(quote(append(b, `,"title":`...), *o.Title), '}')
		}
		return append(b, ']')
	}
	return nil
}

func isString(raw []byte) bool { return len(raw) > 1 && raw[0] == '"' }
func isBool(raw []byte) bool   { return string(raw) == "true" || string(raw) == "false" }

func isNumber(raw []byte) bool {
	f, err := strconv.ParseFloat(string(raw), 64)
	return err == nil && !math.IsInf(f, 0)
}

func isCount(raw []byte) bool {
	_, err := strconv.ParseUint(string(raw), 10, 32)
	return err == nil
}

func isFormat(raw []byte) bool {
	switch string(raw) {
	case `"email"`, `"uri"`, `"date"`, `"date-time"`:
		return true
	}
	return false
}

func isStrings(raw []byte) bool {
	var list []string
	return len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &list) == nil
}
