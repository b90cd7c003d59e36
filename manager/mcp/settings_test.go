package mcp

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestLaunch(t *testing.T) {
	env := lookup(map[string]string{"PATH": "/bin", "HOME": "/h", "OPENAI_API_KEY": "secret", "WANTED": "w", "TZ": "UTC", "TOKEN": "t", "EMPTY": ""})
	config := func(s Server, cwd string) (provider.Config, launch, error) {
		l, err := s.launch(cwd, provider.ClientInfo{Name: "c", Version: "1"}, env)
		var c provider.Config
		if err == nil {
			if err := json.Unmarshal(l.server.Config, &c); err != nil {
				t.Fatal(err)
			}
		}
		return c, l, err
	}
	stdio := Server{Name: "s", Command: "x", Env: map[string]string{"TZ": "mine"}, EnvVars: []string{"WANTED", "UNSET"}}
	c, l, err := config(stdio, "/w")
	if err != nil || len(c.Env) != 4 || c.Env["PATH"] != "/bin" || c.Env["WANTED"] != "w" || c.Env["TZ"] != "mine" || c.Cwd != "/w" {
		t.Errorf("%+v, %v", c, err)
	}
	if strings.Contains(string(l.server.Config), "secret") {
		t.Error("a key of the host is in the settings")
	}
	_, elsewhere, _ := config(stdio, "/v")
	if l.server.Key == elsewhere.server.Key || l.place != elsewhere.place {
		t.Error("keys: another folder makes another server, of the same settings")
	}
	filtered := stdio
	filtered.DisabledTools, filtered.ToolTimeout = []string{"x"}, time.Second
	if _, same, _ := config(filtered, "/w"); same.server.Key != l.server.Key {
		t.Error("keys: filters and timeouts do not need a process of their own")
	}
	stdio.Cwd = "sub"
	if c, _, _ := config(stdio, "/w"); c.Cwd != "/w/sub" {
		t.Errorf("cwd %q", c.Cwd)
	}

	http := Server{Name: "h", URL: "https://x.example:8/mcp?a", BearerTokenEnvVar: "TOKEN",
		HTTPHeaders: map[string]string{"X-A": "1", "bad name": "2"}, EnvHTTPHeaders: map[string]string{"X-B": "WANTED", "X-C": "EMPTY", "X-D": "UNSET"}}
	if c, _, err := config(http, "/w"); err != nil || len(c.Headers) != 3 || c.Headers["Authorization"] != "Bearer t" || c.Headers["X-A"] != "1" || c.Headers["X-B"] != "w" {
		t.Errorf("%+v, %v", c, err)
	}
	if o := http.origin(); o == nil || *o != "https://x.example:8" {
		t.Errorf("origin %v", o)
	}
	for variable, want := range map[string]string{
		"UNSET": "Environment variable UNSET for MCP server 'h' is not set",
		"EMPTY": "Environment variable EMPTY for MCP server 'h' is empty",
	} {
		http.BearerTokenEnvVar = variable
		if _, _, err := config(http, "/w"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestBreaker(t *testing.T) {
	var b breaker
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, 0, firstPause} {
		if pause, ok, _ := b.allow(now); !ok || pause != want {
			t.Errorf("after %d crashes: %v, %v", i, pause, ok)
		}
		b.crash(now)
		now = now.Add(time.Second)
	}
	_, ok, again := b.allow(now)
	if ok || !again.Equal(time.Unix(1000, 0).Add(crashWindow)) {
		t.Errorf("after three: %v, again at %v", ok, again)
	}
	if _, ok, _ := b.allow(again); !ok {
		t.Error("closed for longer than it said")
	}
	b.crash(now)
	b.reset()
	if pause, ok, _ := b.allow(now); !ok || pause != 0 {
		t.Error("a reset does not forget")
	}
}

func TestWithToken(t *testing.T) {
	for in, want := range map[string]string{
		``:                      `{"progressToken":7}`,
		`null`:                  `{"progressToken":7}`,
		`{}`:                    `{"progressToken":7}`,
		` { } `:                 `{"progressToken":7}`,
		`{"a":{"b":1}}`:         `{"a":{"b":1},"progressToken":7}`,
		`{"progressToken":"x"}`: `{"progressToken":"x"}`,
	} {
		if got := string(withToken(json.RawMessage(in), 7)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestParseArguments(t *testing.T) {
	if a, err := ParseArguments(" \n"); a != nil || err != nil {
		t.Errorf("%s, %v", a, err)
	}
	if a, err := ParseArguments(`{"a":1}`); string(a) != `{"a":1}` || err != nil {
		t.Errorf("%s, %v", a, err)
	}
	if _, err := ParseArguments(`{`); err == nil || !strings.HasPrefix(err.Error(), "err: ") {
		t.Errorf("%v", err)
	}
}
