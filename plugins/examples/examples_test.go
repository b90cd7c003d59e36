// Package examples tests the example plugins as their authors would: built by
// the go command, tried by the conformance suite, and used through a host.
package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/check/checktest"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// What a complete plugin takes is promised to authors.
func TestLength(t *testing.T) {
	for file, limit := range map[string]int{"greet/main.go": 40, "shout/main.go": 60} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte("\n")); n >= limit {
			t.Errorf("%s has %d lines: it must stay below %d", file, n, limit)
		}
	}
}

// Whoever imports the SDK gets the SDK, and nothing of the host.
func TestNothingOfTheHost(t *testing.T) {
	const ours = "github.com/codexhost/codexhost/"
	allowed := []string{"plugins/examples/", "plugins/skill", "plugins/mcp", "plugins/serve", "plugins/proto/"}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./greet", "./shout").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := 0
	for pkg := range strings.Lines(string(out)) {
		pkg, own := strings.CutPrefix(strings.TrimSpace(pkg), ours)
		if !own {
			continue
		}
		n++
		good := false
		for _, a := range allowed {
			good = good || pkg == a || strings.HasSuffix(a, "/") && strings.HasPrefix(pkg, a)
		}
		if !good {
			t.Errorf("a plugin pulls in %s", pkg)
		}
	}
	if n < 5 {
		t.Errorf("only %d packages of ours: this looks at the wrong thing", n)
	}
}

// host runs the example in a folder, which it builds.
func host(t *testing.T, name, kind, settings string) (*plugins.Host, string) {
	t.Helper()
	exe := checktest.Build(t, name)
	h, err := plugins.New(plugins.Options{
		Kinds: []plugins.Kind{skill.Contract(nil), mcp.Contract(nil)},
		Specs: []plugins.Spec{{Name: name, Kind: kind, Path: exe, Settings: json.RawMessage(settings), StartTimeout: time.Minute}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return h, exe
}

func TestGreet(t *testing.T) {
	h, exe := host(t, "greet", skill.Kind, `{"word":"Ahoy"}`)
	checktest.Run(t, check.Target{Path: exe, Kind: skill.Kind})
	p, err := plugins.Get[skill.Provider](t.Context(), h, "greet")
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.List(t.Context(), skill.ListRequest{})
	if err != nil || len(l.Skills) != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
	c, err := p.Read(t.Context(), skill.ReadRequest{Path: l.Skills[0].Path})
	if err != nil || string(c.Text) != "Begin with \"Ahoy\".\n" {
		t.Errorf("%q, %v", c.Text, err)
	}
}

// user is a host for a session, whose user has one answer.
type user struct{ answer string }

func (u user) Elicit(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{"action":"` + u.answer + `"}`), nil
}
func (user) Progress(json.RawMessage) {}
func (user) ToolsChanged()            {}
func (user) Log(_, _ string)          {}

func TestShout(t *testing.T) {
	h, exe := host(t, "shout", mcp.Kind, "")
	checktest.Run(t, check.Target{Path: exe, Kind: mcp.Kind})
	p, err := plugins.Get[mcp.Provider](t.Context(), h, "shout")
	if err != nil {
		t.Fatal(err)
	}
	for answer, says := range map[string]string{"accept": "LAND HO!", "decline": "does not want to hear"} {
		s, err := p.Start(t.Context(), mcp.Server{Name: "shout"}, user{answer})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.CallTool(t.Context(), mcp.ToolCall{Name: "shout", Arguments: json.RawMessage(`{"text":"land ho"}`)})
		if err != nil || !strings.Contains(string(got), says) {
			t.Errorf("%s: %s, %v", answer, got, err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
