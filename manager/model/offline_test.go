package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// offline tools as a host offers them.
var offlineTools = []json.RawMessage{
	json.RawMessage(`{"type":"function","name":"exec_command","parameters":{}}`),
	json.RawMessage(`{"type":"custom","name":"apply_patch"}`),
	json.RawMessage(`{"type":"function","name":"mcp__flat_one__look_up"}`),
	json.RawMessage(`{"type":"namespace","name":"mcp__greeter","tools":[{"type":"function","name":"greet"},{"type":"function","name":"part"}]}`),
	json.RawMessage(`{"type":"namespace","name":"mcp__greeter_two__","tools":[{"type":"function","name":"greet"}]}`),
}

// talk plays a host: it runs every tool call with a stub, until the model calls no more. It returns
// one line for each item that the model made.
func talk(t *testing.T, r *Request, stub func(Item) string) (lines []string, err error) {
	t.Helper()
	for range 10 {
		evs, err := collect(t, NewOffline(), r)
		if err != nil {
			return append(lines, "error: "+err.Error()), err
		}
		var outputs []json.RawMessage
		for _, ev := range evs {
			if ev.Kind != ItemDone {
				continue
			}
			if !json.Valid(ev.Item) {
				t.Fatalf("no JSON: %s", ev.Item)
			}
			it, err := ParseItem(ev.Item)
			if err != nil {
				t.Fatal(err)
			}
			r.Input = append(r.Input, ev.Item)
			switch it.Type {
			case "message":
				lines = append(lines, "say "+it.Text)
			case "reasoning":
				lines = append(lines, "think "+strings.Join(append(it.Summary, it.Reasoning...), "|"))
			default:
				name := strings.Trim(it.Namespace+" "+it.Name, " ")
				lines = append(lines, name+" "+it.Arguments+it.Input)
				outputs = append(outputs, json.RawMessage(fmt.Sprintf(`{"type":"function_call_output","call_id":%q,"output":%s}`, it.CallID, stub(it))))
			}
		}
		if len(outputs) == 0 {
			return lines, nil
		}
		r.Input = append(r.Input, outputs...)
	}
	t.Fatal("the model does not come to an end")
	return nil, nil
}

func TestOfflineGrammar(t *testing.T) {
	out := func(Item) string { return `"Chunk ID: 1\nWall time: 0.1 seconds\nOutput:\nit's 1\n"` }
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"say:hello  world", []string{"say hello  world"}},
		{"say:a\nb;;c ||| d", []string{"say a\nb;;c ||| d"}},
		{"think:hm", []string{"think hm"}},
		{"think:hm ;; say:ha", []string{"think hm", "say ha"}},
		{"rawthink:raw ;; say:ha", []string{"think raw", "say ha"}},
		{"deltas:3", []string{"say w0 w1 w2 "}},
		{"deltas:2 5", []string{"say w0ww w1ww "}},
		{"exec:echo hi", []string{`exec_command {"cmd":"echo hi","yield_time_ms":5000}`, "say done: it's 1"}},
		{"exec:a ;; exec:b ;; say:got {{output}}", []string{`exec_command {"cmd":"a","yield_time_ms":5000}`, `exec_command {"cmd":"b","yield_time_ms":5000}`, "say got it's 1"}},
		{"exec:a ||| exec:b", []string{`exec_command {"cmd":"a","yield_time_ms":5000}`, `exec_command {"cmd":"b","yield_time_ms":5000}`, "say done: it's 1"}},
		{"say:first ;; exec:a ;; exec:echo {{output}}", []string{"say first", `exec_command {"cmd":"a","yield_time_ms":5000}`, `exec_command {"cmd":"echo 'it'\\''s 1'","yield_time_ms":5000}`, "say done"}},
		{"call:f {\"a\":1}", []string{`f {"a":1}`, "say done: it's 1"}},
		{"call:f", []string{`f {}`, "say done: it's 1"}},
		{"call:apply_patch *** x", []string{`apply_patch *** x`, "say done: it's 1"}},
		{"patch:a/b.txt", []string{"apply_patch *** Begin Patch\n*** Add File: a/b.txt\n+hello from patch\n*** End Patch\n", "say done: it's 1"}},
		{"patch:a.txt one\ntwo", []string{"apply_patch *** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** End Patch\n", "say done: it's 1"}},
		{"patch:*** Begin Patch\n*** Delete File: x\n*** End Patch", []string{"apply_patch *** Begin Patch\n*** Delete File: x\n*** End Patch", "say done: it's 1"}},
		{`patchraw:"*** Begin\n"`, []string{"apply_patch *** Begin\n", "say done: it's 1"}},
		{`mcp:greeter/greet {"n":1}`, []string{`mcp__greeter greet {"n":1}`, "say done: it's 1"}},
		{`tool:Greeter-Two/greet`, []string{`mcp__greeter_two__ greet {}`, "say done: it's 1"}},
		{`mcp:flat-one/look.up {}`, []string{`mcp__flat_one__look_up {}`, "say done: it's 1"}},
		{`mcp:none/such {}`, []string{`mcp__none such {}`, "say done: it's 1"}},
		{"fail:404", []string{"error: unexpected status 404 Not Found: scripted failure, url: offline:"}},
		{"fail:429", []string{"error: exceeded retry limit, last status: 429 Too Many Requests"}},
		{"failstream", []string{"error: stream disconnected before completion: stream closed before response.completed"}},
		{"failed:insufficient_quota no money", []string{"error: " + textQuota}},
		{"failed:other went wrong", []string{"error: stream disconnected before completion: went wrong"}},
		{"exec:a ;; fail:500", []string{`exec_command {"cmd":"a","yield_time_ms":5000}`, "error: " + textHighDemand}},
	} {
		got, _ := talk(t, &Request{Input: []json.RawMessage{userItem("earlier"), userItem(c.in)}, Tools: offlineTools}, out)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestOfflineFindsOtherShells(t *testing.T) {
	for tool, want := range map[string]string{
		`{"type":"function","name":"shell_command"}`: `shell_command {"command":"ls","timeout_ms":10000}`,
		`{"type":"function","name":"shell"}`:         `shell {"command":["bash","-lc","ls"],"timeout_ms":10000}`,
		`{"type":"function","name":"other"}`:         `exec_command {"cmd":"ls"}`,
	} {
		got, _ := talk(t, &Request{Input: []json.RawMessage{userItem("exec:ls")}, Tools: []json.RawMessage{json.RawMessage(tool)}}, func(Item) string { return `""` })
		if got[0] != want {
			t.Errorf("%s: %q", tool, got)
		}
	}
}

func TestOfflineIgnoresWhatTheHostSaysAsTheUser(t *testing.T) {
	r := &Request{Input: []json.RawMessage{
		userItem("say:mine"), userItem("<environment_context>\n<cwd>/</cwd></environment_context>"), userItem("# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>say:no</INSTRUCTIONS>"),
		userItem(" <TURN_ABORTED>x</turn_aborted>"),
		json.RawMessage(`{"type":"message","role":"developer","content":[{"type":"input_text","text":"say:dev"}]}`),
	}}
	if got, _ := talk(t, r, nil); got[0] != "say mine" {
		t.Errorf("%q", got)
	}
	r.Input = append(r.Input, userItem("<div>is no context</div>"))
	if got, _ := talk(t, r, nil); !strings.Contains(got[0], "<div>is no context</div>") {
		t.Errorf("%q", got)
	}
}

const greetSkill = "<skill>\n<name>greet</name>\n<path>/s/greet/SKILL.md</path>\n---\nname: greet\ndescription: greets\n---\n\n# Greet\n\nWhen asked, call the greeter.\n\n" +
	"```sh\noffline:say:not this\n```\n\n```offline\n# a comment\nthink:The skill tells me to ask the greeter.\nmcp:greeter/greet {\"name\": \"{{prompt}}\"}\nsay:The greeter says: {{output}}\n```\n</skill>"

func TestOfflineFollowsASkill(t *testing.T) {
	mcp := func(Item) string {
		return `[{"type":"input_text","text":"Wall time: 0.0 seconds\nOutput:"},{"type":"input_text","text":"Hello, Ada \"Q\"!"}]`
	}
	got, err := talk(t, &Request{Input: []json.RawMessage{userItem(`Please $greet Ada "Q"`), userItem(greetSkill)}, Tools: offlineTools}, mcp)
	want := []string{"think The skill tells me to ask the greeter.", `mcp__greeter greet {"name": "Please  Ada \"Q\""}`, `say The greeter says: Hello, Ada "Q"!`}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}

	// A script in the message goes before the skill's; a later message without the skill is on its own.
	if got, _ := talk(t, &Request{Input: []json.RawMessage{userItem("say:$greet"), userItem(greetSkill)}}, nil); got[0] != "say $greet" {
		t.Errorf("%q", got)
	}
	if got, _ := talk(t, &Request{Input: []json.RawMessage{userItem("$greet"), userItem(greetSkill), userItem("and now?")}}, nil); !strings.HasPrefix(got[0], "say [offline]") {
		t.Errorf("%q", got)
	}
	lines := "<skill><name>x</name>\n  offline: exec:date\n text\noffline:say:{{output}} for {{prompt}}\n</skill>"
	got, _ = talk(t, &Request{Input: []json.RawMessage{userItem("[$x](/s/x/SKILL.md) me and $xy"), userItem(lines)}, Tools: offlineTools}, func(Item) string { return `"now"` })
	if want := []string{`exec_command {"cmd":"date","yield_time_ms":5000}`, "say now for me and $xy"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

func TestOfflineSaysWhatItIs(t *testing.T) {
	for _, in := range []string{"", "hello", "What is say: about?", "x say:1"} {
		got, err := talk(t, &Request{Input: []json.RawMessage{userItem(in)}}, nil)
		if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], "say [offline]") || !strings.Contains(got[0], in) || !strings.Contains(got[0], "say:TEXT") {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
	if _, err := talk(t, &Request{}, nil); err != nil {
		t.Error(err)
	}
}

func TestOfflineAnswersASchema(t *testing.T) {
	schema := `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["integer","null"]},"c":{"enum":["x","y"]},"d":{"type":"array"},"e":{"type":"object","properties":{"f":{"type":"boolean"}},"required":["f"]},"g":{"anyOf":[{"type":"null"}]},"opt":{"type":"string"}},"required":["a","b","c","d","e","g"]}`
	got, _ := talk(t, &Request{Input: []json.RawMessage{userItem("hello")}, OutputSchema: json.RawMessage(schema)}, nil)
	if want := `say {"a":"offline","b":0,"c":"x","d":[],"e":{"f":false},"g":null}`; got[0] != want {
		t.Errorf("%s", got[0])
	}
	got, _ = talk(t, &Request{Input: []json.RawMessage{userItem("say:free")}, OutputSchema: json.RawMessage(schema)}, nil)
	if got[0] != "say free" {
		t.Errorf("%s", got[0])
	}
}

func TestOfflineIsDeterministic(t *testing.T) {
	r := &Request{Input: []json.RawMessage{userItem("think:x ;; say:one two three")}, Metadata: Metadata{TurnID: "t1"}}
	a, err := collect(t, NewOffline(), r)
	b, _ := collect(t, NewOffline(), r)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%v\n%+v\n%+v", err, a, b)
	}
	r.Metadata.TurnID = "t2"
	c, _ := collect(t, NewOffline(), r)
	if c[len(c)-1].ResponseID == a[len(a)-1].ResponseID {
		t.Error("two turns share a response id")
	}
}

// TestOfflineStreamsLikeAServer: deltas add up to the item, ids agree, usage counts.
func TestOfflineStreamsLikeAServer(t *testing.T) {
	r := &Request{Input: []json.RawMessage{userItem("one"), userItem("think:hmm ;; say:a b c")}}
	evs, err := collect(t, NewOffline(), r)
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for _, ev := range evs {
		text[ev.ItemID] += ev.Delta
		if ev.Kind == ItemDone {
			it, _ := ParseItem(ev.Item)
			if whole := it.Text + strings.Join(it.Summary, ""); whole != text[ev.ItemID] || ev.ItemID == "" {
				t.Errorf("item %s is %q, its deltas %q", ev.ItemID, whole, text[ev.ItemID])
			}
		}
	}
	size := len(r.Input[0]) + len(r.Input[1])
	want := Usage{Input: tokens(size), CachedInput: tokens(len(r.Input[0])), Output: tokens(8), Reasoning: tokens(3), Total: tokens(size) + tokens(8)}
	if done := evs[len(evs)-1]; done.Kind != Completed || *done.Usage != want {
		t.Errorf("%+v, want %+v", done.Usage, want)
	}
}

func TestOfflineTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Now()
		evs, err := collect(t, NewOffline(), &Request{Input: []json.RawMessage{userItem("slow:300 ab")}})
		if err != nil || allText(evs) != "ababababab" || time.Since(from) != 1500*time.Millisecond {
			t.Errorf("%v %q %v", err, allText(evs), time.Since(from))
		}
	})
	for _, in := range []string{"slow:60000 x", "stall:"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
			defer cancel()
			from := time.Now()
			var last error
			for _, err := range NewOffline().Stream(ctx, &Request{Input: []json.RawMessage{userItem(in)}}) {
				last = err
			}
			if last != context.DeadlineExceeded || time.Since(from) != 7*time.Second {
				t.Errorf("%s: %v after %v", in, last, time.Since(from))
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var last error
		for _, err := range NewOffline().Stream(t.Context(), &Request{Input: []json.RawMessage{userItem("stall:")}}) {
			last = err
		}
		var e *Error
		if !errors.As(last, &e) || e.Kind != FailIdle {
			t.Errorf("%v", last)
		}
	})
}

func TestOfflineStopsWhenTheConsumerLeaves(t *testing.T) {
	for n := 1; n < 8; n++ {
		got := 0
		for range NewOffline().Stream(t.Context(), &Request{Input: []json.RawMessage{userItem("think:x ;; say:a b c")}}) {
			if got++; got == n {
				break
			}
		}
	}
}

func TestGrammarNamesEveryVerb(t *testing.T) {
	for _, v := range verbs {
		if v != "patchraw" && v != "tool" && !strings.Contains(OfflineGrammar, v+":") {
			t.Errorf("%s is not documented", v)
		}
	}
}

func FuzzOffline(f *testing.F) {
	f.Add("say:a ;; exec:b ||| mcp:c/d {} ;; {{output}}", greetSkill)
	f.Add("deltas:2 3", "<skill>```offline\nslow:0 x")
	f.Fuzz(func(t *testing.T, prompt, skill string) {
		if strings.Contains(prompt+skill, "slow:") || strings.Contains(prompt+skill, "stall") || strings.Contains(prompt+skill, "deltas:") {
			return
		}
		for ev, err := range NewOffline().Stream(t.Context(), &Request{Input: []json.RawMessage{userItem(prompt), userItem(skill)}, Tools: offlineTools}) {
			if err == nil && len(ev.Item) > 0 && !json.Valid(ev.Item) {
				t.Fatalf("%s", ev.Item)
			}
		}
	})
}
