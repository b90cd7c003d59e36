package protocol

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := Append(nil, v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	return string(b)
}

func TestPresence(t *testing.T) {
	name := "n"
	tests := []struct {
		what string
		v    any
		want string
	}{
		{"required list, nil", &SkillsListResponse{}, `{"data":[]}`},
		{"required map, nil", &ToolRequestUserInputResponse{}, `{"answers":{}}`},
		{"optional nullable from the host is null", &ThreadLoadedListResponse{Data: []string{"a"}}, `{"data":["a"],"nextCursor":null}`},
		{"optional nullable from a client is left out", &ThreadLoadedListParams{}, `{}`},
		{"required nullable is null", &McpResourceReadTarget{ConnectorID: name}, `{"connectorId":"n","linkId":null}`},
		{"left out by exception", &ConfigWarningNotification{Summary: "s"}, `{"summary":"s","details":null}`},
		{"a default that is not zero", &CommandExecutionRequestApprovalParams{}, `{"itemId":"","startedAtMs":0,"threadId":"","turnId":"","environmentId":null,"kind":"command"}`},
		{"a default that is a list", &UserInputText{Text: "x"}, `{"type":"text","text":"x","text_elements":[]}`},
		{"false without a default is left out", &ThreadResumeParams{ThreadID: "x"}, `{"threadId":"x"}`},
		{"absent, null and a value", &ThreadMetadataGitInfoUpdateParams{Branch: Null[string](), Sha: Some("s")}, `{"branch":null,"sha":"s"}`},
		{"a key around an object", &AskForApprovalGranular{Rules: true}, `{"granular":{"sandbox_approval":false,"rules":true,"skill_approval":false,"request_permissions":false,"mcp_elicitations":false}}`},
		{"a key around a value", &SessionSourceSubAgent{Value: SubAgentSourceReview}, `{"subAgent":"review"}`},
		{"a key around a string", &SessionSourceCustom{Value: "x"}, `{"custom":"x"}`},
		{"a bare name", &ThreadForkParams{ThreadID: "x", ApprovalPolicy: AskForApprovalNever}, `{"threadId":"x","approvalPolicy":"never"}`},
		{"a variant by type", &ThreadListParams{Cwd: ThreadListCwdFilterList{"a", "b"}}, `{"cwd":["a","b"]}`},
		{"raw stays raw, on one line", &DynamicToolCallParams{Arguments: json.RawMessage("{\r\n \"a\": \"<&>\\n\"\n}")}, `{"arguments":{   "a": "<&>\n" },"callId":"","threadId":"","tool":"","turnId":"","namespace":null}`},
	}
	for _, tt := range tests {
		if got := encode(t, tt.v); got != tt.want && tt.want != "" {
			t.Errorf("%s:\n\t got %s\n\twant %s", tt.what, got, tt.want)
		}
	}
}

func TestNilUnionIsAnError(t *testing.T) {
	for _, v := range []any{
		&ThreadStatusChangedNotification{ThreadID: "x"},
		&ItemStartedNotification{Item: (*ThreadItemAgentMessage)(nil)},
	} {
		b, err := Append([]byte("kept"), v)
		if err == nil || string(b) != "kept" {
			t.Errorf("%T: %v, %q", v, err, b)
		}
	}
}

// TestUnknownSurvives reads what a later release may send and writes it again.
func TestUnknownSurvives(t *testing.T) {
	tests := []struct {
		v    any
		text string
	}{
		{new(ThreadLoadedListResponse), `{"data":["a"],"nextCursor":null,"later":{"x":[1,2.50,"é"]},"more":null}`},
		{new(ThreadStatusChangedNotification), `{"status":{"type":"dreaming","of":["sheep"]},"threadId":"t"}`},
		{new(ThreadStatusChangedNotification), `{"status":"dreaming","threadId":"t"}`},
		{new(ItemStartedNotification), `{"item":{"type":"hologram","id":"i"},"startedAtMs":1,"threadId":"t","turnId":"u"}`},
		{new(TurnError), `{"message":"m","additionalDetails":null,"codexErrorInfo":"laterName","misalignment":null}`},
		{new(TurnError), `{"message":"m","additionalDetails":null,"codexErrorInfo":{"laterKey":{"a":1}},"misalignment":null}`},
		{new(TurnError), `{"message":"m","additionalDetails":null,"codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401,"later":1}},"misalignment":null}`},
		{new(Turn), `{"id":"i","items":[],"status":"laterStatus","completedAt":null,"durationMs":null,"error":null,"itemsView":"later","rootTurnId":null,"startedAt":null}`},
		{new(UserInputText), `{"type":"text","text":"t","text_elements":[{"byteRange":{"start":0,"end":1},"placeholder":null,"later":true}]}`},
	}
	for _, tt := range tests {
		if err := Decode([]byte(tt.text), tt.v); err != nil {
			t.Errorf("%T %s: %v", tt.v, tt.text, err)
			continue
		}
		var want, got any
		if err := json.Unmarshal([]byte(tt.text), &want); err != nil {
			t.Fatal(err)
		}
		out := encode(t, tt.v)
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%T:\n\t got %s\n\twant %s", tt.v, out, tt.text)
		}
	}
}

func TestVariantTypes(t *testing.T) {
	var n ItemStartedNotification
	if err := Decode([]byte(`{"item":{"id":"i","type":"agentMessage","text":"x"},"threadId":"t"}`), &n); err != nil {
		t.Fatal(err)
	}
	if m, ok := n.Item.(*ThreadItemAgentMessage); !ok || m.Text != "x" || m.Unknown != nil {
		t.Errorf("got %#v", n.Item)
	}
	var p ThreadStartParams
	if err := DecodeParams([]byte(`{"approvalPolicy":"on-request","serviceTier":null}`), &p); err != nil {
		t.Fatal(err)
	}
	if p.ApprovalPolicy != AskForApprovalOnRequest || !p.ServiceTier.Set || p.ServiceTier.Value != nil || p.Model != nil {
		t.Errorf("got %#v", p)
	}
	var m CommandExecutionRequestApprovalParams
	if err := Decode([]byte(`{"availableDecisions":["accept",{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["ls"]}}]}`), &m); err != nil {
		t.Fatal(err)
	}
	if m.Kind != CommandExecutionApprovalKindCommand || m.AvailableDecisions[0] != CommandExecutionApprovalDecisionAccept {
		t.Errorf("got %#v", m)
	}
	if d, ok := m.AvailableDecisions[1].(*CommandExecutionApprovalDecisionAcceptWithExecpolicyAmendment); !ok || d.ExecpolicyAmendment[0] != "ls" {
		t.Errorf("got %#v", m.AvailableDecisions[1])
	}
}

// TestNothingIsShared overwrites the input after decoding, as a reader does with its buffer.
func TestNothingIsShared(t *testing.T) {
	data := []byte(`{"threadId":"thread","input":[{"type":"text","text":"words"},{"type":"mention","name":"a\nb","path":"/p"}],"outputSchema":{"type":"object"},"model":"m","later":[1]}`)
	var p TurnStartParams
	if err := DecodeParams(data, &p); err != nil {
		t.Fatal(err)
	}
	before := encode(t, &p)
	for i := range data {
		data[i] = '#'
	}
	if after := encode(t, &p); after != before {
		t.Errorf("changed to %s", after)
	}
}

func TestStrings(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x3000) {
		all.WriteRune(r)
	}
	for _, s := range []string{"", "plain", "eight by", "quote\" and \\ and / at 8", all.String(), "𝄞 and 🎻", "bad \xff bytes \xc0", "a<b>&c\u2028\x7f"} {
		out := encode(t, s)
		var std string
		if err := json.Unmarshal([]byte(out), &std); err != nil || std != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%.40q became %.60s (%v)", s, out, err)
		}
		var back struct {
			X string `wire:"x"`
		}
		if err := DecodeParams([]byte(`{"x":`+out+`}`), &back); err != nil || back.X != std {
			t.Errorf("%.40q came back as %.40q (%v)", s, back.X, err)
		}
	}
	if out := encode(t, "a<\u2028\x01\n"); out != "\"a<\u2028\\u0001\\n\"" {
		t.Errorf("got %s", out)
	}
	var s struct {
		X string `wire:"x"`
	}
	if err := Decode([]byte(`{"x":"\ud834\udd1e \ud800 \u00e9"}`), &s); err != nil || s.X != "𝄞 \ufffd é" {
		t.Errorf("got %q, %v", s.X, err)
	}
}

func TestFloats(t *testing.T) {
	for f, want := range map[float64]string{0: "0.0", 1: "1.0", -2.5: "-2.5", 0.1: "0.1", 1e30: "1e+30", 1e-9: "1e-09", math.Inf(1): "null"} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
}

// TestFirstUseTogether makes plans from many goroutines at once; the race detector is the judge.
func TestFirstUseTogether(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range serverNotifications {
				v := serverNotifications[i].Params()
				_ = Decode([]byte(`{"item":{"type":"webSearch"},"turn":{"items":[]},"thread":{"turns":[]}}`), v)
				_, _ = Append(nil, v)
			}
		})
	}
	wg.Wait()
}

// TestAllPlans makes the plan of every type of every method, so that a bad tag fails here and not in a session.
func TestAllPlans(t *testing.T) {
	seen := map[*plan]bool{}
	var visit func(p *plan)
	visit = func(p *plan) {
		if seen[p] {
			return
		}
		seen[p] = true
		switch p.kind {
		case kindPointer, kindSlice, kindMap, kindOpt:
			visit(p.elem.get())
		case kindObject:
			for i := range p.object.fields {
				visit(p.object.fields[i].get())
			}
		case kindUnion:
			for _, l := range p.union.byType {
				visit(l.get())
			}
		}
	}
	for _, table := range [][]Method{ClientRequests(), ServerRequests(), ClientNotifications(), ServerNotifications()} {
		for _, m := range table {
			for _, make := range []func() any{m.Params, m.Result} {
				if make != nil {
					visit(planOf(reflect.TypeOf(make()).Elem(), leafPlain))
				}
			}
		}
	}
	if len(seen) < 800 {
		t.Errorf("only %d plans", len(seen))
	}
}

func TestTables(t *testing.T) {
	for i, m := range ClientRequests() {
		if clientRequestIndex(m.Name) != i {
			t.Errorf("%s is not found at its place", m.Name)
		}
		if !m.Hidden && m.Result == nil {
			t.Errorf("%s has no answer", m.Name)
		}
	}
	if _, ok := ClientRequest("no/such"); ok {
		t.Error("found a method that is not there")
	}
	if m, ok := ServerRequest("item/tool/call"); !ok || m.Params == nil || m.Result == nil {
		t.Error("item/tool/call is not complete")
	}
	if m, ok := ClientNotification("initialized"); !ok || m.Params != nil {
		t.Error("initialized is not right")
	}
	if m, ok := ServerNotification("turn/started"); !ok || m.Result != nil || m.Experimental {
		t.Error("turn/started is not right")
	}
}
