package python_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// running is a host with the example of a kind.
func running(t *testing.T, kind, settings string) *plugins.Host {
	t.Helper()
	exe := interpreter(t)
	script, err := filepath.Abs(kind + "_plugin.py")
	if err != nil {
		t.Fatal(err)
	}
	h, err := plugins.New(plugins.Options{
		Kinds: []plugins.Kind{skill.Contract(nil), mcp.Contract(nil)},
		Specs: []plugins.Spec{{Name: "snake", Kind: kind, Path: exe, Args: []string{"-B", script}, Settings: json.RawMessage(settings), StartTimeout: time.Minute}},
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
	return h
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func answers(answer string, err error) plugins.Asker {
	return func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(answer), err
	}
}

func TestSkillPluginTalks(t *testing.T) {
	for _, c := range []struct {
		settings string
		ask      plugins.Asker
		says     string
	}{
		{`{"audience":"beginners"}`, nil, "This is for beginners."},
		{`{"ask":true}`, answers(`{"action":"accept","content":{"audience":"sailors"}}`, nil), "This is for sailors."},
		{`{"ask":true}`, answers(`{"action":"decline"}`, nil), "This is for everybody."},
		{`{"ask":true}`, answers("", errors.New("nobody is there")), "This is for everybody."},
		{`{"ask":true}`, nil, "This is for everybody."},
	} {
		h := running(t, "skill", c.settings)
		ctx := patient(t)
		p, err := plugins.Get[skill.Provider](ctx, h, "snake")
		if err != nil {
			t.Fatal(err)
		}
		if c.ask != nil {
			ctx = plugins.WithAsker(ctx, c.ask)
		}
		got, err := p.Read(ctx, skill.ReadRequest{Path: "example:/example"})
		if err != nil || !strings.Contains(string(got.Text), c.says) {
			t.Errorf("%s: %q, %v; want %q", c.settings, got.Text, err, c.says)
		}
	}
}

// asked is a host for sessions, who answers one question.
type asked struct {
	answer string
	lines  chan string
}

func (a asked) Elicit(context.Context, json.RawMessage) (json.RawMessage, error) {
	if a.answer == "" {
		return nil, errors.New("nobody is there")
	}
	return json.RawMessage(a.answer), nil
}
func (a asked) Progress(json.RawMessage) {}
func (a asked) ToolsChanged()            {}
func (a asked) Log(level, text string)   { a.lines <- level + ": " + text }

func TestMCPPluginTalks(t *testing.T) {
	h := running(t, "mcp", `{"greeting":"Ahoy"}`)
	ctx := patient(t)
	p, err := plugins.Get[mcp.Provider](ctx, h, "snake")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arguments, answer, says string }{
		{`{"name":"world"}`, "", "Ahoy, world!"},
		{`{}`, `{"action":"accept","content":{"name":"sailor"}}`, "Ahoy, sailor!"},
		{`{}`, `{"action":"decline"}`, "does not want to say"},
		{`{}`, "", "nobody is there"},
	} {
		host := asked{c.answer, make(chan string, 10)}
		s, err := p.Start(ctx, mcp.Server{Name: "example"}, host)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.CallTool(ctx, mcp.ToolCall{Name: "greet", Arguments: json.RawMessage(c.arguments)})
		if err != nil || !strings.Contains(string(got), c.says) {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
		if strings.HasPrefix(c.says, "Ahoy") && !strings.HasSuffix(<-host.lines, "is greeted") {
			t.Error("its log says something else")
		}
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
