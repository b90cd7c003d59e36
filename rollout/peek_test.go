package rollout

import (
	"encoding/json"
	"testing"
)

func TestPeekItem(t *testing.T) {
	for in, want := range map[string]ItemHead{
		`{"type":"message","role":"user","content":[]}`:                         {Type: "message", Role: "user"},
		`{ "id":"x", "call_id" : "c\u0031", "type":"function_call_output"}`:     {Type: "function_call_output", CallID: "c1"},
		`{"type":"function_call","arguments":"{\"call_id\":1}","call_id":"c2"}`: {Type: "function_call", CallID: "c2"},
		`{"type":7}`: {}, `[]`: {}, `{"type":"message","role":`: {Type: "message"}, ``: {},
	} {
		if got := PeekItem(json.RawMessage(in)); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
}

func TestWithoutMember(t *testing.T) {
	for in, want := range map[string]string{
		`{"id":"m","type":"message"}`:                    `{"type":"message"}`,
		`{"type":"x", "id" : {"id":1} , "a":{"id":2}}`:   `{"type":"x","a":{"id":2}}`,
		`{"a":1,"\u0069d":2,"id":3}`:                     `{"a":1}`,
		`{"id":1}`:                                       `{}`,
		`{"type":"x"}`:                                   `{"type":"x"}`,
		`{"id":1,"broken`:                                `{"id":1,"broken`,
		`[{"id":1}]`:                                     `[{"id":1}]`,
		`{"k\"ey":"\u00e9","id":0,"n":1e5,"s":"a\nb\""}`: `{"k\"ey":"\u00e9","n":1e5,"s":"a\nb\""}`,
	} {
		if got := string(WithoutMember(json.RawMessage(in), "id")); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
