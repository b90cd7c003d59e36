package mcp

import (
	"errors"
	"strings"
	"testing"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

func TestDiagnosis(t *testing.T) {
	four := 4
	npx := &Server{Name: "docs", Command: "npx", Args: []string{"-y", "the docs"}}
	web := &Server{Name: "web", URL: "http://127.0.0.1:1/mcp"}
	start := func(stage provider.Stage, r provider.Remains) error {
		return &provider.StartError{Stage: stage, Reason: "why", Remains: r}
	}
	for _, c := range []struct {
		name         string
		server       *Server
		err          error
		said, advice string // what each must hold; nothing said if empty
	}{
		{"silent death", npx, start(provider.StageHandshake, provider.Remains{ExitCode: &four}), "", "run it by hand to see what it says: npx -y 'the docs'"},
		{"last words", npx, start(provider.StageHandshake, provider.Remains{ExitCode: &four, Stderr: []string{"a", "\x1b[31mno key\x1b[0m"}}),
			"\nIt ended with exit code 4.\nIts stderr ends with:\n    a\n    [31mno key[0m\nTry this: run it", "run it by hand"},
		{"noise", npx, start(provider.StageTimeout, provider.Remains{Noise: "Welcome!", NoiseLines: 3}),
			"\nIts standard output begins with what is no MCP message: \"Welcome!\"\nTry this: have the program log to stderr", "log to stderr"},
		{"killed", npx, start(provider.StageHandshake, provider.Remains{Signal: "SIGKILL", Stderr: []string{"x"}}), "\nIt was ended by SIGKILL.", "by hand"},
		{"no program", npx, start(provider.StageSpawn, provider.Remains{}), "", "check command and cwd in [mcp_servers.docs]"},
		{"slow", npx, start(provider.StageTimeout, provider.Remains{}), "", "raise startup_timeout_sec in [mcp_servers.docs]"},
		{"nobody there", web, start(provider.StageHandshake, provider.Remains{}), "", "listens at http://127.0.0.1:1/mcp"},
		{"login", web, start(provider.StageAuth, provider.Remains{}), "", "mcpServer/oauth/login"},
		{"settings", web, errors.New("Environment variable X is not set"), "", "mend [mcp_servers.web]"},
		{"plugin", &Server{Name: "p", Plugin: "p"}, errors.New("it is broken"), "", "codexhost/plugin/list"},
	} {
		d := diagnose(c.server, c.err)
		if said := d.said(); !strings.HasPrefix(said, c.said) || (said == "") != (c.said == "") {
			t.Errorf("%s: said %q", c.name, said)
		}
		if !strings.Contains(d.Advice, c.advice) {
			t.Errorf("%s: advice %q", c.name, d.Advice)
		}
	}
	long := diagnose(npx, start(provider.StageHandshake, provider.Remains{Stderr: append(make([]string, 15), strings.Repeat("é", 1000))})).said()
	if len(long) > 600 || !strings.Contains(long, "é…\nTry this") {
		t.Errorf("%d bytes: %s", len(long), long)
	}
}
