package rpc

import (
	"bytes"
	"encoding/json"
)

// value is what a nullable member holds, or the zero value.
func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// text is a nullable word of the protocol as a nullable string.
func text[T ~string](p *T) *string {
	if p == nil {
		return nil
	}
	s := string(*p)
	return &s
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// overrides are the config map of a request as Go values. Numbers stay exact.
func overrides(raw map[string]json.RawMessage) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(raw))
	for key, v := range raw {
		decoded, err := configValue(v)
		if err != nil {
			return nil, &malformed{err}
		}
		out[key] = decoded
	}
	return out, nil
}

// configValue is a JSON value as configuration has it: integers are int64, all
// other numbers float64.
func configValue(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return exact(v), nil
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // a number that JSON allows is one; one too large becomes infinite
		return f
	case map[string]any:
		for k, x := range v {
			v[k] = exact(x)
		}
	case []any:
		for i, x := range v {
			v[i] = exact(x)
		}
	}
	return v
}
