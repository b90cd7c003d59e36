package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestPut(t *testing.T) {
	form := `{"message":"Whom?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}`
	nobody := errors.New("no client is there")
	for _, c := range []struct {
		name, params string
		policy       Policy
		response     string
		fails        error
		want         string
		asked        bool
	}{
		{name: "answered", params: form, response: `{"action":"accept","content":{"name":"x"}}`, want: `{"action":"accept","content":{"name":"x"}}`, asked: true},
		{name: "accepted without a word", params: form, response: `{"action":"accept"}`, want: `{"action":"accept","content":{}}`, asked: true},
		{name: "an answer that is none", params: form, response: `{"action":"perhaps","content":{}}`, want: `{"action":"cancel"}`, asked: true},
		{name: "never asked", params: form, policy: Policy{Never: true}, want: `{"action":"decline"}`},
		{name: "nobody", params: form, fails: nobody, asked: true},
		{name: "no question", params: `7`},
		{name: "a way to ask that is not known", params: `{"mode":"song","message":"?"}`},
	} {
		asked := false
		e := Elicitation{ThreadID: "thread", Server: "plugin"}
		got, err := Put(t.Context(), json.RawMessage(c.params), c.policy, e, func(_ context.Context, e Elicitation) ([]byte, error) {
			asked = true
			for _, part := range []string{`"threadId":"thread"`, `"turnId":null`, `"serverName":"plugin"`, `"message":"Whom?"`} {
				if !strings.Contains(string(e.Params), part) {
					t.Errorf("%s: %s is not in %s", c.name, part, e.Params)
				}
			}
			return []byte(c.response), c.fails
		})
		if string(got) != c.want || asked != c.asked {
			t.Errorf("%s: %s (%v), asked %v", c.name, got, err, asked)
		}
		if (err != nil) != (c.want == "") || errors.Is(err, ErrUnanswered) != (c.fails != nil) || c.fails != nil && !errors.Is(err, c.fails) {
			t.Errorf("%s: the error is %v", c.name, err)
		}
	}
}
