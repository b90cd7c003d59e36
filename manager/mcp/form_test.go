package mcp

import (
	"encoding/json"
	"testing"
)

func TestForm(t *testing.T) {
	for schema, want := range map[string]string{
		`{}`: `{"type":"object","properties":{}}`,
		`{"$schema":"x","type":"object","additionalProperties":false,"properties":{},"required":["b"],"title":"T"}`://
		`{"type":"object","properties":{},"required":["b"],"$schema":"x"}`,
		`{"properties":{"z\"":{"type":"string","pattern":"^a","format":"hostname","minLength":1,"maxLength":-1,"examples":["e"]},"a":{"type":["boolean","null"],"default":"yes"}}}`://
		`{"type":"object","properties":{"z\"":{"type":"string","minLength":1},"a":{"type":"boolean"}}}`,
		`{"properties":{"n":{"type":"integer","minimum":0.5,"exclusiveMinimum":0,"maximum":"9","default":2,"title":null}}}`://
		`{"type":"object","properties":{"n":{"type":"integer","minimum":0.5,"default":2}}}`,
		`{"properties":{"e":{"enum":["a","b"],"enumNames":["A","B"],"default":"a","minLength":1}}}`://
		`{"type":"object","properties":{"e":{"type":"string","enum":["a","b"],"enumNames":["A","B"],"default":"a"}}}`,
		`{"properties":{"o":{"type":"string","anyOf":[{"const":"a","title":"A","x":1},{"const":"b"}],"title":"O"}}}`://
		`{"type":"object","properties":{"o":{"type":"string","oneOf":[{"const":"a","title":"A"},{"const":"b","title":"b"}],"title":"O"}}}`,
		`{"properties":{"m":{"type":"array","items":{"type":"string","enum":["a"],"x":1},"uniqueItems":true,"maxItems":2,"default":["a"]}}}`://
		`{"type":"object","properties":{"m":{"type":"array","items":{"type":"string","enum":["a"]},"maxItems":2,"default":["a"]}}}`,
		`{"properties":{"m":{"type":"array","items":{"oneOf":[{"const":"a","title":"A"}]}}}}`://
		`{"type":"object","properties":{"m":{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]}}}}`,
		`{"properties":{"x":{"type":"object","properties":{}}}}`:           "",
		`{"properties":{"x":{"type":"array","items":{"type":"integer"}}}}`: "",
		`{"properties":{"x":7}}`: "",
		`{"properties":[]}`:      "",
		`7`:                      "",
	} {
		got, err := form(json.RawMessage(schema))
		if (err != nil) != (want == "") || err == nil && string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", schema, got, err, want)
		}
	}
}
