package thread

import (
	"encoding/json"
	"strings"
	"testing"
)

func raws(items ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(items))
	for i, s := range items {
		out[i] = json.RawMessage(s)
	}
	return out
}

func TestHistoryPrompt(t *testing.T) {
	const (
		user   = `{"type":"message","role":"user","content":[]}`
		callA  = `{"type":"function_call","call_id":"a","name":"x","arguments":"{}"}`
		callB  = `{"type":"custom_tool_call","call_id":"b","name":"y","input":""}`
		outA   = `{"type":"function_call_output","call_id":"a","output":"1"}`
		abortA = `{"type":"function_call_output","call_id":"a","output":"aborted"}`
		abortB = `{"type":"custom_tool_call_output","call_id":"b","output":"aborted"}`
	)
	tests := []struct {
		name     string
		in, want []json.RawMessage
	}{
		{"nothing to repair", raws(user, callA, outA), raws(user, callA, outA)},
		{"a call without output", raws(user, callA), raws(user, callA, abortA)},
		{"of two calls one without output", raws(callA, callB, outA), raws(callA, callB, abortB, outA)},
		{"an output without call", raws(user, outA), raws(user)},
		{"one of each, which balance", raws(outA, callB), raws(callB, abortB)},
		{"an output before its call", raws(outA, callA), raws(callA, abortA)},
		{"server ids are dropped", raws(`{"id":"m1","type":"message","role":"assistant","content":[{"id":"kept"}]}`),
			raws(`{"type":"message","role":"assistant","content":[{"id":"kept"}]}`)},
		{"ids of user messages stay", raws(`{"id":"m1","type":"message","role":"user","content":[]}`),
			raws(`{"id":"m1","type":"message","role":"user","content":[]}`)},
		{"what cannot be read stays", raws(`{"type":7}`), raws(`{"type":7}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newHistory(tt.in).prompt()
			if len(got) != len(tt.want) {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
			for i := range got {
				if string(got[i]) != string(tt.want[i]) {
					t.Errorf("item %d: got %s, want %s", i, got[i], tt.want[i])
				}
			}
		})
	}
}

func TestPromptDoesNotShareItsTail(t *testing.T) {
	h := newHistory(raws(`{"type":"message","role":"user"}`))
	a := h.prompt()
	_ = append(a, json.RawMessage(`{"type":"x"}`))
	h.add(json.RawMessage(`{"type":"message","role":"developer"}`))
	if got := string(h.items[1]); got != `{"type":"message","role":"developer"}` {
		t.Errorf("a request's items and the history share their tail: %s", got)
	}
}

// A picture in the history does not make it look full.
func TestHistoryWeighsPictures(t *testing.T) {
	picture := `{"type":"input_image","image_url":"data:image/png;base64,` + strings.Repeat("A", 1_000_000) + `"}`
	small := `{"type":"input_image","image_url":"data:image/png;base64,AAAA"}`
	for _, test := range []struct {
		item        string
		least, most int
	}{
		{`{"output":[` + picture + `,` + picture + `]}`, 2 * imageWeight, 2*imageWeight + 200},
		{`{"output":[` + small + `]}`, 70, 90},
		{`{"text":"` + strings.Repeat("x", 50_000) + `"}`, 50_000, 50_020},
		{`{"torn":"data:image/png`, 20, 30},
	} {
		if got := newHistory(raws(test.item)).bytes; got < test.least || got > test.most {
			t.Errorf("%.60s counts for %d bytes, not %d to %d", test.item, got, test.least, test.most)
		}
	}
}
