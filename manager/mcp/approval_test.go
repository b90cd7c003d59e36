package mcp

import (
	"encoding/json"
	"testing"
)

func TestRisky(t *testing.T) {
	for hints, want := range map[string]bool{
		`{}`:                     true,
		`{"readOnlyHint":true}`:  false,
		`{"readOnlyHint":false}`: true,
		`{"readOnlyHint":true,"destructiveHint":true}`:    true,
		`{"destructiveHint":false}`:                       true,
		`{"openWorldHint":false}`:                         true,
		`{"destructiveHint":false,"openWorldHint":false}`: false,
		`{"destructiveHint":false,"openWorldHint":true}`:  true,
	} {
		var a Annotations
		if err := json.Unmarshal([]byte(hints), &a); err != nil {
			t.Fatal(err)
		}
		if a.risky() != want {
			t.Errorf("%s: risky %v", hints, !want)
		}
	}
}

func TestDecide(t *testing.T) {
	yes := true
	safe, risky := &Annotations{ReadOnlyHint: &yes}, &Annotations{}
	ask, never := Policy{}, Policy{Never: true}
	free, silent := Policy{Never: true, FullAccess: true}, Policy{NoElicitations: true}
	for _, test := range []struct {
		name       string
		mode       ApprovalMode
		tool       *Annotations
		policy     Policy
		remembered bool
		want       Verdict
		offers     int
	}{
		{"auto safe", ApprovalAuto, safe, ask, false, Run, 0},
		{"auto risky", ApprovalAuto, risky, ask, false, Ask, 2},
		{"auto risky with full access", ApprovalAuto, risky, Policy{FullAccess: true}, false, Ask, 2},
		{"auto risky remembered", ApprovalAuto, risky, ask, true, Run, 0},
		{"auto risky never", ApprovalAuto, risky, never, false, Refuse, 0},
		{"auto risky never remembered", ApprovalAuto, risky, never, true, Run, 0},
		{"auto safe never", ApprovalAuto, safe, never, false, Run, 0},
		{"auto risky never, full access", ApprovalAuto, risky, free, false, Run, 0},
		{"auto risky without elicitations", ApprovalAuto, risky, silent, false, Refuse, 0},
		{"prompt safe", ApprovalPrompt, safe, ask, false, Ask, 0},
		{"prompt remembered", ApprovalPrompt, safe, ask, true, Ask, 0},
		{"prompt never", ApprovalPrompt, safe, never, false, Refuse, 0},
		{"prompt never, full access", ApprovalPrompt, risky, free, false, Run, 0},
		{"approve risky", ApprovalApprove, risky, ask, false, Run, 0},
		{"approve risky never", ApprovalApprove, risky, never, false, Run, 0},
		{"writes safe", ApprovalWrites, safe, ask, false, Run, 0},
		{"writes risky", ApprovalWrites, risky, ask, false, Ask, 2},
	} {
		d := Decide(test.mode, test.tool, test.policy, test.remembered)
		if d.Verdict != test.want || len(d.Offer) != test.offers || (d.Verdict == Refuse) != (d.Reason != "") {
			t.Errorf("%s: %+v", test.name, d)
		}
	}
	if d := Decide(ApprovalAuto, risky, never, false); d.Reason != "MCP tool call requires approval, but approval policy is never" {
		t.Errorf("reason %q", d.Reason)
	}
}

func TestQuestion(t *testing.T) {
	list, _ := readTools([]json.RawMessage{json.RawMessage(`{"name":"write","title":"Write it","description":"Changes something.","inputSchema":{},"annotations":{"readOnlyHint":false,"destructiveHint":true}}`)})
	c := newCatalog([]part{{server: &Server{Name: "lab"}, tools: list}})
	x := &Tool{tool: c.tools[0]}
	got := x.Question("T", "U", Decision{Verdict: Ask, Offer: []string{"session", "always"}}, json.RawMessage(`{"text":"x","a":[1]}`))
	same(t, "question", got, `{"threadId":"T","turnId":"U","serverName":"lab","mode":"form","message":"Allow the lab MCP server to run tool \"write\"?",
		"requestedSchema":{"type":"object","properties":{}},"_meta":{"codex_approval_kind":"mcp_tool_call","persist":["session","always"],"tool_name":"write",
		"tool_title":"Write it","tool_description":"Changes something.","tool_annotations":{"readOnlyHint":false,"destructiveHint":true},"tool_params":{"text":"x","a":[1]},
		"tool_params_display":[{"name":"a","value":[1],"display_name":"a"},{"name":"text","value":"x","display_name":"text"}]}}`)
	got = x.Question("T", "U", Decision{Verdict: Ask}, json.RawMessage(`{}`))
	same(t, "question without arguments", got, `{"threadId":"T","turnId":"U","serverName":"lab","mode":"form","message":"Allow the lab MCP server to run tool \"write\"?",
		"requestedSchema":{"type":"object","properties":{}},"_meta":{"codex_approval_kind":"mcp_tool_call","tool_name":"write","tool_title":"Write it",
		"tool_description":"Changes something.","tool_annotations":{"readOnlyHint":false,"destructiveHint":true},"tool_params":{},"tool_params_display":[]}}`)
}

func TestParseAnswer(t *testing.T) {
	for response, want := range map[string]Answer{
		`{"action":"accept","content":null}`:                               {Accepted: true},
		`{"action":"accept","content":null,"_meta":{"persist":"session"}}`: {Accepted: true, Persist: "session"},
		`{"action":"accept","_meta":null}`:                                 {Accepted: true},
		`{"action":"decline","_meta":{"persist":"always"}}`:                {Reason: "user rejected MCP tool call"},
		`{"action":"cancel"}`:                                              {Reason: "user cancelled MCP tool call"},
		`{"action":"nonsense"}`:                                            {Reason: "user cancelled MCP tool call"},
		`nonsense`:                                                         {Reason: "user cancelled MCP tool call"},
		`{"action":"accept","_meta":7}`:                                    {Reason: "user cancelled MCP tool call"},
	} {
		if got := ParseAnswer(json.RawMessage(response)); got != want {
			t.Errorf("%s: %+v", response, got)
		}
	}
}

func TestElicitationPolicy(t *testing.T) {
	form := `{"message":"m","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}`
	bare := `{"message":"m","requestedSchema":{"type":"object","properties":{}}}`
	url := `{"mode":"url","message":"m","url":"https://x","elicitationId":"e"}`
	for _, test := range []struct {
		params string
		policy Policy
		want   string // empty: ask
	}{
		{form, Policy{}, ""},
		{bare, Policy{FullAccess: true}, ""},
		{form, Policy{Never: true}, `{"action":"decline"}`},
		{form, Policy{Never: true, FullAccess: true}, `{"action":"decline"}`},
		{bare, Policy{Never: true, FullAccess: true}, `{"action":"accept","content":{}}`},
		{bare, Policy{Never: true}, `{"action":"decline"}`},
		{url, Policy{Never: true, FullAccess: true}, `{"action":"decline"}`},
		{form, Policy{NoElicitations: true}, `{"action":"decline"}`},
	} {
		q, err := question(json.RawMessage(test.params))
		if err != nil {
			t.Fatal(err)
		}
		if got, settled := q.settledBy(test.policy); string(got) != test.want || settled != (test.want != "") {
			t.Errorf("%s under %+v: %s", test.params, test.policy, got)
		}
	}
}

func TestReply(t *testing.T) {
	for response, want := range map[string]string{
		`{"action":"accept","content":{"name":"Ada"},"_meta":null}`: `{"action":"accept","content":{"name":"Ada"}}`,
		`{"action":"accept","content":null}`:                        `{"action":"accept","content":{}}`,
		`{"action":"decline","content":null}`:                       `{"action":"decline"}`,
		`{"action":"cancel","_meta":{"a":1}}`:                       `{"action":"cancel","_meta":{"a":1}}`,
		`{"action":"eat"}`:                                          `{"action":"cancel"}`,
		`7`:                                                         `{"action":"cancel"}`,
	} {
		if got := reply(json.RawMessage(response)); string(got) != want {
			t.Errorf("%s: %s", response, got)
		}
	}
}
