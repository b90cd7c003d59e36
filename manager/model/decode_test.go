package model

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	yes := true
	for _, c := range []struct {
		name, in string
		want     Event
	}{
		{"text", `{"type":"response.output_text.delta","item_id":"m","output_index":3,"content_index":2,"delta":"a\n\"b\" \u00e9 \ud83d\ude00 é"}`,
			Event{Kind: TextDelta, ItemID: "m", Index: 3, Part: 2, Delta: "a\n\"b\" é 😀 é"}},
		{"members in another order, with blanks", ` { "delta" : "x" , "sequence_number" : 12, "logprobs": [{"a":"}"}], "type" : "response.output_text.delta" } `,
			Event{Kind: TextDelta, Delta: "x"}},
		{"lone surrogate", `{"type":"response.output_text.delta","delta":"a\ud83dz"}`, Event{Kind: TextDelta, Delta: "a\ufffdz"}},
		{"bad UTF-8", "{\"type\":\"response.output_text.delta\",\"delta\":\"a\xff\"}", Event{Kind: TextDelta, Delta: "a\ufffd"}},
		{"tool input", `{"type":"response.custom_tool_call_input.delta","item_id":"c","delta":"*** "}`, Event{Kind: ToolInputDelta, ItemID: "c", Delta: "*** "}},
		{"summary part", `{"type":"response.reasoning_summary_part.added","item_id":"r","summary_index":1,"part":{"text":""}}`, Event{Kind: ReasoningPartAdded, ItemID: "r", Part: 1}},
		{"summary", `{"type":"response.reasoning_summary_text.delta","item_id":"r","summary_index":1,"delta":"s"}`, Event{Kind: ReasoningSummaryDelta, ItemID: "r", Part: 1, Delta: "s"}},
		{"raw reasoning", `{"type":"response.reasoning_text.delta","item_id":"r","content_index":1,"delta":"s"}`, Event{Kind: ReasoningTextDelta, ItemID: "r", Part: 1, Delta: "s"}},
		{"created", `{"type":"response.created","response":{"object":"response","id":"resp"}}`, Event{Kind: Created, ResponseID: "resp"}},
		{"unknown item kept whole", `{"type":"response.output_item.done","output_index":1,"item":{"type":"hologram","id":"h","x":[1,{"y":"\"}"}]}}`,
			Event{Kind: ItemDone, Index: 1, ItemID: "h", Head: ItemHead{Type: "hologram", ID: "h"}, Item: json.RawMessage(`{"type":"hologram","id":"h","x":[1,{"y":"\"}"}]}`)}},
		{"item for strict readers", "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"x\",\n\"s\":\"a\\ud800 \\\\ud800 \\ud83d\\ude00 \xff\"}}",
			Event{Kind: ItemDone, Head: ItemHead{Type: "x"}, Item: json.RawMessage(`{"type":"x","s":"a\ufffd \\ud800 \ud83d\ude00 ` + "\ufffd" + `"}`)}},
		{"completed", `{"type":"response.completed","response":{"id":"r","end_turn":true,"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":1,"cache_write_tokens":2},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":13}}}`,
			Event{Kind: Completed, ResponseID: "r", EndTurn: &yes, Usage: &Usage{Input: 9, CachedInput: 1, CacheWrite: 2, Output: 4, Reasoning: 3, Total: 13}}},
		{"completed with little", `{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":9,"input_tokens_details":null,"output_tokens":4},"end_turn":null}}`,
			Event{Kind: Completed, ResponseID: "r", Usage: &Usage{Input: 9, Output: 4, Total: 13}}},
		{"completed with usage that is none", `{"type":"response.completed","response":{"id":"r","usage":"much"}}`, Event{Kind: Completed, ResponseID: "r"}},
		{"completed without response", `{"type":"response.completed"}`, Event{Kind: Completed}},
	} {
		var d decoder
		got, ok, failure := d.decode([]byte(c.in))
		if !ok || failure != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v %v\n got %+v\nwant %+v", c.name, ok, failure, got, c.want)
		}
	}
}

func TestDecodeSkips(t *testing.T) {
	for _, in := range []string{
		``, `{`, `[1,2`, `null`, `"str"`, `17`, `{}`, `[DONE]`, `{not json`, `{"type":17}`, `{"type":"nonsense","a":{}}`, `{"type":"response.output_text.delta"}`,
		`{"type":"response.output_text.delta","delta":5}`, `{"type":"response.output_text.delta","delta":"a`, `{"type":"response.output_text.delta","delta":"\x"}`,
		`{"type":"response.output_text.delta","delta":"\u12"}`, `{"type":"response.output_item.done"}`, `{"type":"response.output_item.done","item":[]}`,
		`{"type":"response.output_item.done","item":{"a":tru}}`, `{"type":"response.in_progress","response":{}}`, `{"type"`, `{"type":`, `{"type":"`, `{"a":}`, `{"a" 1}`,
	} {
		var d decoder
		if ev, ok, failure := d.decode([]byte(in)); ok || failure != nil {
			t.Errorf("%s: %+v %v", in, ev, failure)
		}
	}
}

// FuzzDecode checks the hand scan against encoding/json on everything that is valid JSON.
func FuzzDecode(f *testing.F) {
	for line := range strings.Lines(sseWhole) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			f.Add([]byte(data))
		}
	}
	f.Add([]byte(`{"type":"response.output_text.delta","delta":"\ud800\udc00\ud800\"\\","item_id":null}`))
	f.Add([]byte("{\"type\":\"response.output_item.added\",\"item\":{\"id\":\"\xff\",\"a\":[\"]\"]}}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var d decoder
		ev, ok, failure := d.decode(in)
		if ok && !utf8.ValidString(ev.Delta) {
			t.Fatalf("delta %q", ev.Delta)
		}
		if len(ev.Item) > 0 && (!json.Valid(ev.Item) || !utf8.Valid(ev.Item) || strings.ContainsAny(string(ev.Item), "\r\n")) {
			t.Fatalf("item %q", ev.Item)
		}
		var std map[string]json.RawMessage
		if json.Unmarshal(in, &std) != nil || duplicateKeys(in) {
			return
		}
		var typ, delta string
		_ = json.Unmarshal(std["type"], &typ)
		if strings.HasSuffix(typ, "_text.delta") && json.Unmarshal(std["delta"], &delta) == nil && std["delta"] != nil && string(std["delta"]) != "null" &&
			deltaKind([]byte(typ)) != 0 && strings.Contains(string(in), typ) && (!ok || failure != nil || ev.Delta != delta) {
			t.Fatalf("%q: %q, %v %v, want %q", in, ev.Delta, ok, failure, delta)
		}
	})
}

// duplicateKeys reports what encoding/json and the scan may read differently: repeated keys and
// keys written with escapes.
func duplicateKeys(in []byte) bool {
	o, _ := openObject(in)
	seen := map[string]bool{}
	for {
		key, _, more := o.next()
		if !more {
			return false
		}
		if seen[string(key)] || strings.Contains(string(key), `\`) || !utf8.Valid(key) {
			return true
		}
		seen[string(key)] = true
	}
}

func TestParseItem(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Item
	}{
		{`{"type":"message","id":"m","role":"assistant","phase":"final_answer","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]},{"type":"refusal"},{"type":"output_text","text":"b"}]}`,
			Item{ItemHead: ItemHead{Type: "message", ID: "m", Role: "assistant", Phase: "final_answer", Status: "completed"}, Text: "ab"}},
		{`{"type":"message","role":"user","content":"plain"}`, Item{ItemHead: ItemHead{Type: "message", Role: "user"}, Text: "plain"}},
		{`{"type":"function_call","id":"f","call_id":"c","name":"t","namespace":"mcp__s","arguments":"{\"a\":1}"}`,
			Item{ItemHead: ItemHead{Type: "function_call", ID: "f", CallID: "c", Name: "t", Namespace: "mcp__s"}, Arguments: `{"a":1}`}},
		{`{"type":"custom_tool_call","call_id":"c","name":"apply_patch","input":"*** x\n"}`, Item{ItemHead: ItemHead{Type: "custom_tool_call", CallID: "c", Name: "apply_patch"}, Input: "*** x\n"}},
		{`{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"s1"},{"type":"summary_text","text":"s2"}],"content":[{"type":"reasoning_text","text":"raw"}],"encrypted_content":"e"}`,
			Item{ItemHead: ItemHead{Type: "reasoning", ID: "r"}, Summary: []string{"s1", "s2"}, Reasoning: []string{"raw"}}},
		{`{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"},{"type":"input_text","text":"y"}]}`,
			Item{ItemHead: ItemHead{Type: "function_call_output", CallID: "c"}, Output: "x\ny"}},
		{`{"type":"brand_new","id":5,"name":{"x":1},"arguments":{}}`, Item{ItemHead: ItemHead{Type: "brand_new"}}},
	} {
		c.want.Raw = json.RawMessage(c.in)
		got, err := ParseItem(json.RawMessage(c.in))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, c.want)
		}
	}
	for _, in := range []string{``, `[]`, `"x"`, `{"a":`, `{"type":"message"`} {
		if _, err := ParseItem(json.RawMessage(in)); err == nil {
			t.Errorf("%q is no item", in)
		}
	}
}
