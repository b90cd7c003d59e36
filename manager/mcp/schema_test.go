package mcp

import (
	"encoding/json"
	"testing"
)

func TestParameters(t *testing.T) {
	for in, want := range map[string]string{
		``:                    `{}`,
		`null`:                `{}`,
		`true`:                `{}`,
		`{}`:                  `{}`,
		`{"type":"string"}`:   `{}`,
		`{"properties":null}`: `{}`,
		`{"$schema":"http://x","title":"T","description":"d","x-own":1}`: `{"description":"d"}`,
		`{"required":["a","b"],"properties":{"a":{"type":"string"}}}`:    `{"required":["a","b"],"properties":{"a":{"type":"string"}}}`,
		`{"required":"a"}`: `{}`,
		`{"additionalProperties":{"description":"x","minimum":1}}`:                             `{"additionalProperties":{"description":"x","type":"number"}}`,
		`{"additionalProperties":{"$ref":"#/$defs/Z"},"$defs":{"Z":{"type":"string"},"U":{}}}`: `{"additionalProperties":{"$ref":"#/$defs/Z"},"$defs":{"Z":{"type":"string"}}}`,
		`{"oneOf":[{"required":["a"]}]}`:                                                       `{"oneOf":[{"type":"object","properties":{},"required":["a"]}]}`,
	} {
		same(t, in, parameters(json.RawMessage(in)), withObject(t, want))
	}
	definitions := `"$defs":{"P":{"properties":{"n":{"$ref":"#/$defs/N"}},"title":"P"},"N":{"const":1,"description":"nd"},"Q":{"minLength":1},"U":{}},"definitions":{"D":{"const":3}}`
	for in, want := range map[string]string{
		`{"description":"only"}`:                                 `{}`,
		`{"type":"string","description":"keep","format":"uri"}`:  `{"type":"string","description":"keep"}`,
		`{"const":"x"}`:                                          `{"type":"string","enum":["x"]}`,
		`{"const":5,"type":"integer"}`:                           `{"type":"integer","enum":[5]}`,
		`{"enum":[1,2]}`:                                         `{"type":"string","enum":[1,2]}`,
		`{"type":["string","null"],"default":"q","minLength":2}`: `{"type":["string","null"]}`,
		`{"type":["string"]}`:                                    `{"type":"string"}`,
		`{"type":["weird","string"]}`:                            `{"type":"string"}`,
		`{"type":"weird"}`:                                       `{}`,
		`{"type":"array"}`:                                       `{"type":"array","items":{"type":"string"}}`,
		`{"items":true}`:                                         `{"type":"array","items":{"type":"string"}}`,
		`{"type":"array","items":{"description":"x"}}`:           `{"type":"array","items":{}}`,
		`{"type":"array","items":[{"type":"number"}]}`:           `{"type":"array","items":{"type":"number"}}`,
		`{"prefixItems":[{"type":"string"}]}`:                    `{"type":"array","items":{"type":"string"}}`,
		`{"type":"array","minItems":1}`:                          `{"type":"array","items":{"type":"string"},"minItems":1}`,
		`true`:                                                   `{"type":"string"}`,
		`{}`:                                                     `{}`,
		`{"anyOf":[{"type":"string"},{"type":"null"}],"title":"T"}`: `{"anyOf":[{"type":"string"},{"type":"null"}]}`,
		`{"oneOf":[{"const":1}]}`:                                   `{"oneOf":[{"type":"string","enum":[1]}]}`,
		`{"properties":{"n":{"type":"string"}}}`:                    `{"type":"object","properties":{"n":{"type":"string"}}}`,
		`{"type":"object","patternProperties":{"^x":{}}}`:           `{"type":"object","properties":{}}`,
		`{"additionalProperties":false}`:                            `{"type":"object","properties":{},"additionalProperties":false}`,
		`{"multipleOf":2,"description":"dd"}`:                       `{"type":"number","description":"dd"}`,
		`{"pattern":"x"}`:                                           `{}`,
		`{"format":"date"}`:                                         `{"type":"string"}`,
		`{"$ref":"#/$defs/missing"}`:                                `{"$ref":"#/$defs/missing"}`,
	} {
		got := parameters(json.RawMessage(`{"type":"object","properties":{"p":` + in + `},` + definitions + `}`))
		same(t, in, got, withObject(t, `{"properties":{"p":`+want+`}}`))
	}
	got := parameters(json.RawMessage(`{"properties":{"p":{"$ref":"#/$defs/P","description":"d"},"q":{"allOf":[{"$ref":"#/definitions/D"}]}},` + definitions + `}`))
	same(t, "references", got, withObject(t, `{"properties":{"p":{"$ref":"#/$defs/P","description":"d"},"q":{"allOf":[{"$ref":"#/definitions/D"}]}},
		"$defs":{"N":{"type":"string","description":"nd","enum":[1]},"P":{"type":"object","properties":{"n":{"$ref":"#/$defs/N"}}}},"definitions":{"D":{"type":"string","enum":[3]}}}`))
	if deep := `{"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"properties":{"a":{"$ref":"#/$defs/A"}}}}}`; !json.Valid(parameters(json.RawMessage(deep))) {
		t.Error("a recursive schema")
	}
}

// withObject adds what every schema of a tool has.
func withObject(t *testing.T, s string) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatal(s, err)
	}
	m["type"] = "object"
	if m["properties"] == nil {
		m["properties"] = map[string]any{}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// same compares two JSON texts.
func same(t *testing.T, what string, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Errorf("%s: %s: %v", what, got, err)
		return
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(want, err)
	}
	a, _ := json.Marshal(g)
	b, _ := json.Marshal(w)
	if string(a) != string(b) {
		t.Errorf("%s:\n got %s\nwant %s", what, a, b)
	}
}

func FuzzParameters(f *testing.F) {
	f.Add([]byte(`{"properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":[true,{"enum":[]}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s struct {
			Type       string
			Properties map[string]any
		}
		if err := json.Unmarshal(parameters(b), &s); err != nil || s.Type != "object" || s.Properties == nil {
			t.Fatalf("%q gives %s: %v", b, parameters(b), err)
		}
	})
}
