package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func specs(t *testing.T, text string) []protocol.DynamicToolSpec {
	t.Helper()
	var out []protocol.DynamicToolSpec
	if err := protocol.Decode([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDynamicSpecs(t *testing.T) {
	d, err := tool.NewDynamic(specs(t, `[
		{"name":"plain","description":"d","inputSchema":{"type":"object"}},
		{"type":"namespace","name":"ns","description":"n","tools":[{"type":"function","name":"plain","description":"e","inputSchema":{}}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"type":"function","name":"plain","description":"d","strict":false,"parameters":{"type":"object"}}`,
		`{"type":"namespace","name":"ns","description":"n","tools":[{"type":"function","name":"plain","description":"e","strict":false,"parameters":{}}]}`,
	}
	got := d.Specs()
	if len(got) != len(want) || string(got[0]) != want[0] || string(got[1]) != want[1] {
		t.Errorf("offered as %s", got)
	}
	for _, c := range []struct {
		namespace, name string
		found           bool
	}{{"", "plain", true}, {"ns", "plain", true}, {"", "ns", false}, {"other", "plain", false}, {"", "x", false}} {
		if _, ok := d.Find(c.namespace, c.name); ok != c.found {
			t.Errorf("finding %q in %q: %v", c.name, c.namespace, ok)
		}
	}
}

func TestDynamicRefusals(t *testing.T) {
	one := func(name, schema string) string {
		return `[{"name":"` + name + `","description":"","inputSchema":` + schema + `}]`
	}
	for _, c := range []struct{ specs, want string }{
		{one("", "{}"), "dynamic tool name must not be empty"},
		{one("a b", "{}"), "dynamic tool name must match ^[a-zA-Z0-9_-]+$ to match Responses API: a b"},
		{one(strings.Repeat("a", 129), "{}"), "dynamic tool name must be at most 128 characters"},
		{one("mcp", "{}"), "dynamic tool name is reserved: mcp"},
		{one("mcp__x", "{}"), "dynamic tool name is reserved: mcp__x"},
		{one("x", `"s"`), `dynamic tool input schema is not supported for x: invalid type: string "s", expected struct JsonSchema`},
		{one("x", `[]`), "invalid type: sequence"},
		{one("x", `true`), "invalid type: boolean `true`"},
		{`[{"name":"x","description":"","inputSchema":{}},{"name":"x","description":"","inputSchema":{}}]`, "duplicate dynamic tool name: x"},
		{`[{"type":"namespace","name":"mcp__n","description":"","tools":[]}]`, "reserved"},
		{`[{"type":"namespace","name":"n","description":"","tools":[{"type":"function","name":"b c","description":"","inputSchema":{}}]}]`, "must match"},
	} {
		if _, err := tool.NewDynamic(specs(t, c.specs)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.specs, err, c.want)
		}
	}
}

func TestDynamicCall(t *testing.T) {
	const asked = `asked 0 item/tool/call {"arguments":{"a":1},"callId":"c","threadId":"thread","tool":"x","turnId":"turn","namespace":null}`
	for _, c := range []struct {
		name, arguments, answer string
		refuse                  error
		output                  string // as the model reads it
		log                     []string
	}{
		{name: "text", arguments: `{"a":1}`, answer: `{"success":true,"contentItems":[{"type":"inputText","text":"one"},{"type":"inputText","text":"two"}]}`,
			output: `"one\ntwo"`, log: []string{"started", asked, `"status":"completed"`}},
		{name: "image", arguments: `{"a":1}`, answer: `{"success":true,"contentItems":[{"type":"inputText","text":"one"},{"type":"inputImage","imageUrl":"data:,"}]}`,
			output: `[{"text":"one","type":"input_text"},{"image_url":"data:,","type":"input_image"}]`, log: []string{"started", asked, `"status":"completed"`}},
		{name: "failure", arguments: `{"a":1}`, answer: `{"success":false,"contentItems":[{"type":"inputText","text":"no"}]}`, output: `"no"`, log: []string{"started", asked, `"status":"failed"`}},
		{name: "error", arguments: `{"a":1}`, refuse: errors.New("x"), output: `"dynamic tool request failed"`, log: []string{"started", asked, `"status":"failed"`}},
		{name: "nonsense", arguments: `{"a":1}`, answer: `[]`, output: `"dynamic tool request failed"`, log: []string{"started", asked, `"status":"failed"`}},
		{name: "no JSON", arguments: `{"a":`, output: `"failed to parse function arguments: {\"a\":"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := tool.NewDynamic(specs(t, `[{"name":"x","description":"","inputSchema":{}}]`))
			if err != nil {
				t.Fatal(err)
			}
			x, _ := d.Find("", "x")
			tn := &turn{answer: c.answer, refuse: c.refuse}
			out := x.Run(t.Context(), tn, tool.Call{ID: "c", Name: "x", Arguments: c.arguments})
			if string(out.Body) != c.output {
				t.Errorf("the model reads %s, want %s", out.Body, c.output)
			}
			if len(tn.log) != len(c.log) {
				t.Fatalf("happened:\n%s", strings.Join(tn.log, "\n"))
			}
			for i, want := range c.log {
				if !strings.Contains(tn.log[i], want) {
					t.Errorf("%s\nlacks %s", tn.log[i], want)
				}
			}
			if len(tn.log) > 0 && !strings.Contains(tn.log[0], `"status":"inProgress"`) {
				t.Errorf("begins with %s", tn.log[0])
			}
		})
	}
}

// A call that the turn's end cuts off is shown as failed, without content.
func TestDynamicCallIsCutOff(t *testing.T) {
	d, err := tool.NewDynamic(specs(t, `[{"name":"x","description":"","inputSchema":{}}]`))
	if err != nil {
		t.Fatal(err)
	}
	x, _ := d.Find("", "x")
	ctx, cancel := context.WithCancel(t.Context())
	tn := &turn{cancel: cancel}
	x.Run(ctx, tn, tool.Call{ID: "c", Name: "x", Arguments: "{}"})
	if last := tn.log[len(tn.log)-1]; !strings.HasPrefix(last, "completed") || !strings.Contains(last, `"contentItems":[]`) || !strings.Contains(last, `"status":"failed"`) {
		t.Errorf("ends with %s", last)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct{ arguments, output, told string }{
		{`{"explanation":"e","plan":[{"step":"a","status":"completed"},{"step":"b","status":"in_progress"},{"step":"c","status":"pending"}]}`, "Plan updated",
			`turn/plan/updated {"explanation":"e","plan":[{"status":"completed","step":"a"},{"status":"inProgress","step":"b"},{"status":"pending","step":"c"}],"threadId":"thread","turnId":"turn"}`},
		{`{"plan":[]}`, "Plan updated", `turn/plan/updated {"explanation":null,"plan":[],"threadId":"thread","turnId":"turn"}`},
		{`{}`, "missing field `plan`", ""},
		{`{"plan":[{"step":"a"}]}`, "needs a `step` and a `status`", ""},
		{`{"plan":[{"step":"a","status":"done"}]}`, "unknown variant `done`", ""},
		{`{"plan":7}`, "failed to parse function arguments", ""},
		{``, "failed to parse function arguments", ""},
	} {
		tn := &turn{}
		p, ok := tool.Plan{}.Find("", "update_plan")
		if !ok {
			t.Fatal("no update_plan")
		}
		var said string
		if err := json.Unmarshal(p.Run(t.Context(), tn, tool.Call{Arguments: c.arguments}).Body, &said); err != nil || !strings.Contains(said, c.output) {
			t.Errorf("%s: the model reads %q, want %q", c.arguments, said, c.output)
		}
		if got := strings.Join(tn.log, "\n"); !sameJSON(got, c.told) {
			t.Errorf("%s: told %s", c.arguments, got)
		}
	}
	if _, ok := (tool.Plan{}).Find("ns", "update_plan"); ok {
		t.Error("update_plan is found in a namespace")
	}
}

// sameJSON compares a method and its params, whatever the order of members.
func sameJSON(a, b string) bool {
	am, ap, _ := strings.Cut(a, " ")
	bm, bp, _ := strings.Cut(b, " ")
	var x, y any
	_ = json.Unmarshal([]byte(ap), &x)
	_ = json.Unmarshal([]byte(bp), &y)
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return am == bm && string(p) == string(q)
}

func TestOffers(t *testing.T) {
	d, err := tool.NewDynamic(specs(t, `[{"name":"update_plan","description":"mine","inputSchema":{}},{"name":"x","description":"","inputSchema":{}}]`))
	if err != nil {
		t.Fatal(err)
	}
	o := tool.Offers{tool.Plan{}, d}
	if n := len(o.Specs()); n != 3 {
		t.Errorf("%d tools", n)
	}
	if found, _ := o.Find("", "update_plan"); found != (tool.Tool)(tool.Plan{}) {
		t.Errorf("the first offer does not win: %T", found)
	}
	if _, ok := o.Find("", "y"); ok {
		t.Error("found what is not there")
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{"": `""`, "a\"\n": `"a\"\n"`, "\xff": `"` + "\uFFFD" + `"`} {
		var got, w string
		if err := json.Unmarshal(tool.Text(in).Body, &got); err != nil {
			t.Errorf("%q: %v", in, err)
		}
		_ = json.Unmarshal([]byte(want), &w)
		if got != w {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestMCPPolicy(t *testing.T) {
	for _, c := range []struct {
		approval protocol.AskForApproval
		sandbox  protocol.SandboxPolicy
		want     [3]bool // never, no elicitations, full access
	}{
		{protocol.AskForApprovalOnRequest, &protocol.SandboxPolicyReadOnly{}, [3]bool{}},
		{protocol.AskForApprovalNever, &protocol.SandboxPolicyWorkspaceWrite{}, [3]bool{true, false, false}},
		{&protocol.AskForApprovalGranular{McpElicitations: true}, &protocol.SandboxPolicyDangerFullAccess{}, [3]bool{false, false, true}},
		{&protocol.AskForApprovalGranular{}, &protocol.SandboxPolicyExternalSandbox{}, [3]bool{false, true, true}},
	} {
		p := tool.MCPPolicy(c.approval, c.sandbox)
		if got := [3]bool{p.Never, p.NoElicitations, p.FullAccess}; got != c.want {
			t.Errorf("%v %T: %v, want %v", c.approval, c.sandbox, got, c.want)
		}
	}
}
