package mcp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

type statusRow struct {
	Name, AuthStatus   string
	RuntimeStatus      *string
	ToolsError         *string
	HTTPOrigin         *string `json:"httpOrigin"`
	ServerInfo         map[string]any
	ServerCapabilities map[string]any
	Tools              map[string]map[string]any
	Resources          []map[string]any
	ResourceTemplates  []map[string]any
}

func rows(t *testing.T, list []mcp.Status) map[string]statusRow {
	t.Helper()
	out := map[string]statusRow{}
	for _, s := range list {
		var members map[string]json.RawMessage
		var r statusRow
		if json.Unmarshal(s.Row, &members) != nil || json.Unmarshal(s.Row, &r) != nil || len(members) != 12 {
			t.Fatalf("%s: %d members: %s", s.Name, len(members), s.Row)
		}
		out[s.Name] = r
	}
	return out
}

func TestStatusOutsideOfThreads(t *testing.T) {
	t.Parallel()
	s := service(t)
	join(t, s, &listener{}, testServer("first")) // so the provider runs, see TestStartups
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer web.Close()
	slow := testServer("slow", "mute")
	slow.StartupTimeout = time.Second
	filtered := testServer("lab", "tools=echo,env,pid")
	filtered.DisabledTools = []string{"env"}
	list := s.Status(within(t, patience), []mcp.Server{
		slow, filtered, {Name: "off", Command: "/no/such"}, testServer("dies", "exit=1"), {Name: "web", Enabled: true, URL: web.URL + "/mcp"},
	}, true)
	var names []string
	for _, x := range list {
		names = append(names, x.Name)
	}
	if got := strings.Join(names, " "); got != "dies lab off slow web" {
		t.Errorf("order %s", got)
	}
	got := rows(t, list)
	lab := got["lab"]
	if lab.ToolsError != nil || len(lab.Tools) != 2 || lab.Tools["echo"]["x-own"] == nil || len(lab.Resources) != 2 || lab.Resources[0]["x-own"] == nil ||
		len(lab.ResourceTemplates) != 1 || lab.ServerInfo["websiteUrl"] != nil || lab.ServerInfo["title"] != "Test Server" || lab.ServerCapabilities["x-own"] == nil || lab.RuntimeStatus != nil {
		t.Errorf("lab %+v", lab)
	}
	for name, want := range map[string]string{
		"dies": "MCP startup failed: handshaking with MCP server failed: connection closed: initialize response: connection closed: initialize response\n" +
			"It ended with exit code 1.\nIts stderr ends with:\n    cannot find my settings\nTry this: run it by hand to see what it says: " + exe() + " " + mcptest.Arg + " exit=1",
		"slow": "MCP client for `slow` timed out after 1 seconds. Add or adjust `startup_timeout_sec` in your config.toml:\n[mcp_servers.slow]\nstartup_timeout_sec = XX",
		"web":  "The web MCP server is not logged in. Run `codexhost mcp login web`.",
	} {
		if e := got[name].ToolsError; e == nil {
			t.Errorf("%s: no error", name)
		} else if *e != want {
			t.Errorf("%s: %s", name, *e)
		}
	}
	if off := got["off"]; off.ToolsError != nil || off.ServerInfo != nil || off.AuthStatus != "unsupported" {
		t.Errorf("off %+v", off)
	}
	if o := got["web"].HTTPOrigin; o == nil || *o != web.URL {
		t.Errorf("origin %v", o)
	}
	if brief := rows(t, s.Status(within(t, patience), []mcp.Server{filtered}, false))["lab"]; len(brief.Resources) != 0 || len(brief.Tools) != 2 {
		t.Errorf("brief %+v", brief)
	}
}

func TestStatusSharesWithThreads(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := join(t, s, &listener{}, testServer("lab"))
	pid := direct(t, set, "lab", "pid", `{}`)
	s.Status(within(t, patience), []mcp.Server{testServer("lab")}, true)
	if direct(t, set, "lab", "pid", `{}`) != pid {
		t.Error("asking for the status changed the server")
	}
	if r := rows(t, set.Status(within(t, patience), true))["lab"]; r.RuntimeStatus == nil || *r.RuntimeStatus != "connected" || len(r.Resources) != 2 {
		t.Errorf("row %+v", r)
	}
	tool(t, set, "lab", "crash").Call(within(t, patience), mcp.Call{ID: "c"})
	waitFor(t, "the death", func() bool {
		r := rows(t, set.Status(within(t, patience), true))["lab"]
		return *r.RuntimeStatus == "failed" && r.ToolsError == nil && len(r.Tools) > 0
	})
}

func TestStatusDoesNotWaitForAThreadsSlowServer(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := s.Join("t", t.TempDir(), []mcp.Server{testServer("slow", "slow=60s"), {Name: "off", Command: "x"}}, &listener{})
	t.Cleanup(set.Close)
	begun := time.Now()
	got := rows(t, set.Status(within(t, patience), true))
	if r := got["slow"]; *r.RuntimeStatus != "starting" || r.ToolsError != nil {
		t.Errorf("slow %+v", r)
	}
	if r := got["off"]; *r.RuntimeStatus != "disabled" {
		t.Errorf("off %+v", r)
	}
	if took := time.Since(begun); took > 10*time.Second { // it takes a minute
		t.Errorf("took %v", took)
	}
	set.CancelStartup()
	if r := rows(t, set.Status(within(t, patience), true))["slow"]; *r.RuntimeStatus != "cancelled" {
		t.Errorf("after CancelStartup: %+v", r)
	}
}

func TestResources(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := join(t, s, &listener{}, testServer("a"), testServer("b"))
	ctx := within(t, patience)
	for _, test := range []struct {
		what           string
		list           func() (json.RawMessage, error)
		want, complain string
	}{
		{"all", func() (json.RawMessage, error) { return set.ListResources(ctx, "", "") },
			`{"resources":[{"server":"a","name":"note","uri":"test://note","x-own":1},{"server":"a","name":"blob","uri":"test://blob"},{"server":"b","name":"note","uri":"test://note","x-own":1},{"server":"b","name":"blob","uri":"test://blob"}]}`, ""},
		{"one", func() (json.RawMessage, error) { return set.ListResourceTemplates(ctx, "b", "") },
			`{"server":"b","resourceTemplates":[{"server":"b","name":"item","uriTemplate":"test://item/{id}"}]}`, ""},
		{"read", func() (json.RawMessage, error) { return set.ReadForModel(ctx, "a", "test://note") },
			`{"server":"a","uri":"test://note","contents":[{"text":"a note","uri":"test://note"}]}`, ""},
		{"raw", func() (json.RawMessage, error) { return set.ReadResource(ctx, "a", "test://note") },
			`{"contents":[{"text":"a note","uri":"test://note"}]}`, ""},
		{"missing", func() (json.RawMessage, error) { return set.ReadForModel(ctx, "a", "test://x") }, "", "Mcp error: -32002: Resource not found"},
		{"unknown", func() (json.RawMessage, error) { return set.ListResources(ctx, "nope", "") }, "", "unknown MCP server 'nope'"},
		{"cursor alone", func() (json.RawMessage, error) { return set.ListResources(ctx, "", "c") }, "", "cursor can only be used when a server is specified"},
	} {
		got, err := test.list()
		if test.complain != "" {
			if err == nil || !strings.Contains(err.Error(), test.complain) {
				t.Errorf("%s: %v", test.what, err)
			}
			continue
		}
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", test.what, got, err, test.want)
		}
	}
}

func TestResourceTools(t *testing.T) {
	t.Parallel()
	s := service(t)
	set := join(t, s, &listener{}, testServer("a"))
	for _, spec := range mcp.ResourceSpecs() {
		if !json.Valid(spec) {
			t.Errorf("not JSON: %s", spec)
		}
	}
	for _, test := range []struct{ name, arguments, server, want string }{
		{"list_mcp_resources", `{}`, "codex", `{"resources":[{"server":"a","name":"note","uri":"test://note","x-own":1},{"server":"a","name":"blob","uri":"test://blob"}]}`},
		{"list_mcp_resources", `not json`, "codex", `{"resources":[{"server":"a","name":"note","uri":"test://note","x-own":1},{"server":"a","name":"blob","uri":"test://blob"}]}`},
		{"list_mcp_resource_templates", `{"server":"a"}`, "a", `{"server":"a","resourceTemplates":[{"server":"a","name":"item","uriTemplate":"test://item/{id}"}]}`},
		{"read_mcp_resource", `{"server":"a","uri":"test://note"}`, "a", `{"server":"a","uri":"test://note","contents":[{"text":"a note","uri":"test://note"}]}`},
		{"read_mcp_resource", `{"server":"a","uri":"test://zz"}`, "a", "resources/read failed: resources/read failed for `a` (test://zz): Mcp error: -32002: Resource not found({\"why\":\"Resource not found\"})"},
		{"read_mcp_resource", `{"server":"nope","uri":"x"}`, "nope", "unknown MCP server 'nope'"},
		{"read_mcp_resource", `{"uri":"x"}`, "codex", "failed to parse function arguments: missing field `server`"},
	} {
		c, ok := set.ResourceCall(test.name, test.arguments)
		if !ok {
			t.Fatal(test.name)
		}
		if got := c.Item("i").Server; got != test.server {
			t.Errorf("%s %s: shown under %s", test.name, test.arguments, got)
		}
		o := c.Run(within(t, patience), 0)
		var text string
		if err := json.Unmarshal(o.Output, &text); err != nil || text != test.want || o.Failed != (o.Result == nil) {
			t.Errorf("%s %s: %s, %v\nwant %s", test.name, test.arguments, text, err, test.want)
		}
	}
	if _, ok := set.ResourceCall("other", ""); ok {
		t.Error("another tool is taken for one of these")
	}
}
