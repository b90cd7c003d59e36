package mcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The hashes are those that models were shown by the product we follow.
func TestNames(t *testing.T) {
	long := strings.Repeat("L", 80)
	longer := strings.Repeat("M", 140)
	raw := []rawName{
		{"lab", "echo"}, {"we/ird@na:me.x", "echo"}, {"lab", "weird.name-with/slash"}, {"lab", "ünï"}, {"lab", ""},
		{"dash-name", "echo"}, {"dash_name", "echo"},
		{"alpha", "a-b"}, {"alpha", "a_b"}, {"alpha", "a.b"},
		{long, "short"}, {long, strings.Repeat("t", 60)}, {long, strings.Repeat("t", 59) + "u"},
		{longer, "short"}, {longer, "s2"},
		{"alpha", "dup"}, {"alpha", "dup"},
	}
	tooLong := strings.Repeat("t", 28)
	want := map[rawName]modelName{
		{"lab", "echo"}:                       {"mcp__lab", "echo"},
		{"we/ird@na:me.x", "echo"}:            {"mcp__we_ird_na_me_x", "echo"},
		{"lab", "weird.name-with/slash"}:      {"mcp__lab", "weird_name_with_slash"},
		{"lab", "ünï"}:                        {"mcp__lab", "_n_"},
		{"lab", ""}:                           {"mcp__lab", "_"},
		{"dash-name", "echo"}:                 {"mcp__dash_name_2b568ab7825b", "echo"},
		{"dash_name", "echo"}:                 {"mcp__dash_name_55db2918ded0", "echo"},
		{"alpha", "a-b"}:                      {"mcp__alpha", "a_b_8e8bf05b204a"},
		{"alpha", "a_b"}:                      {"mcp__alpha", "a_b_a9c1abd5cb05"},
		{"alpha", "a.b"}:                      {"mcp__alpha", "a_b_b661a3894576"},
		{"alpha", "dup"}:                      {"mcp__alpha", "dup"},
		{long, "short"}:                       {"mcp__" + long, "short"},
		{long, strings.Repeat("t", 60)}:       {"mcp__" + long, tooLong + "_64e74f9cd916"},
		{long, strings.Repeat("t", 59) + "u"}: {"mcp__" + long, tooLong + "_3cc7aa07d2c3"},
		{longer, "short"}:                     {"mcp__" + longer[:108], "_6c1aa5cd3edb"},
		{longer, "s2"}:                        {"mcp__" + longer[:108], "_90040a0e2b51"},
	}
	got := nameTools(raw)
	for r, w := range want {
		if got[r] != w {
			t.Errorf("%.20s/%.20s: got %v, want %v", r.server, r.tool, got[r], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d names, want %d", len(got), len(want))
	}
}

// Whatever servers call their tools, names are different, fit, and do not depend
// on the order in which the servers came up.
func TestNamesAreUniqueAndFit(t *testing.T) {
	name := rapid.StringOfN(rapid.RuneFrom([]rune("ab_-./é")), 0, 4, -1)
	padded := rapid.Custom(func(t *rapid.T) string {
		return name.Draw(t, "name") + strings.Repeat("x", rapid.SampledFrom([]int{0, 0, 60, 120}).Draw(t, "pad"))
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rawName { return rawName{padded.Draw(t, "server"), padded.Draw(t, "tool")} }), 0, 12).Draw(t, "tools")
		got := nameTools(raw)
		seen := map[modelName]rawName{}
		for r, n := range got {
			if other, ok := seen[n]; ok {
				t.Fatalf("%v and %v are both %v", r, other, n)
			}
			seen[n] = r
			if n.len() > maxName || n.name == "" || sanitize(n.name) != n.name || sanitize(n.namespace) != n.namespace {
				t.Fatalf("%v is called %v", r, n)
			}
		}
		for i, j := 0, len(raw)-1; i < j; i, j = i+1, j-1 {
			raw[i], raw[j] = raw[j], raw[i]
		}
		if again := nameTools(raw); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("another order gives other names:\n%v\n%v", got, again)
		}
	})
}

func TestCatalog(t *testing.T) {
	tools := func(names ...string) (out []rawTool) {
		for _, n := range names {
			list, _ := readTools([]json.RawMessage{json.RawMessage(fmt.Sprintf(`{"name":%q,"description":"Says <%s>.","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}`, n, n))})
			out = append(out, list...)
		}
		return out
	}
	c := newCatalog([]part{
		{server: &Server{Name: "zeta"}, tools: tools("b", "a")},
		{server: &Server{Name: "lab", EnabledTools: []string{"echo", "add"}, DisabledTools: []string{"add"}}, instructions: "Use them.", tools: tools("echo", "add", "env")},
		{server: &Server{Name: "none", EnabledTools: []string{}}, tools: tools("x")},
	})
	want := []string{
		`{"type":"namespace","name":"mcp__lab","description":"Use them.","tools":[{"type":"function","name":"echo","description":"Says <echo>.","strict":false,"parameters":{"properties":{},"type":"object"}}]}`,
		`{"type":"namespace","name":"mcp__zeta","description":"Tools in the mcp__zeta namespace.","tools":[` +
			`{"type":"function","name":"a","description":"Says <a>.","strict":false,"parameters":{"properties":{},"type":"object"}},` +
			`{"type":"function","name":"b","description":"Says <b>.","strict":false,"parameters":{"properties":{},"type":"object"}}]}`,
	}
	for i, w := range want {
		if i >= len(c.specs) || string(c.specs[i]) != w {
			t.Errorf("entry %d:\n got %s\nwant %s", i, c.specs[min(i, len(c.specs)-1)], w)
		}
	}
	o := &Offer{catalog: c}
	if x, ok := o.Find("mcp__lab", "echo"); !ok || x.Server != "lab" || x.Name != "echo" || !*x.ReadOnly() {
		t.Errorf("found %+v, %v", x, ok)
	}
	if _, ok := o.Find("mcp__lab", "env"); ok {
		t.Error("a filtered tool is found")
	}
}
