package mcp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Diagnosis is what is known of a server that did not start, for whoever has to
// mend it.
type Diagnosis struct {
	provider.Remains
	// Advice is what to try.
	Advice string
}

// diagnose tells what is known of a failed start.
func diagnose(s *Server, err error) *Diagnosis {
	d := &Diagnosis{}
	stage := provider.StageConfig // it was not even tried
	if e, ok := errors.AsType[*provider.StartError](err); ok {
		stage, d.Remains = e.Stage, e.Remains
	}
	d.Advice = d.advice(s, stage)
	return d
}

// advice is for the likeliest cause.
func (d *Diagnosis) advice(s *Server, stage provider.Stage) string {
	table := "[mcp_servers." + s.Name + "]"
	switch {
	case s.Plugin != "":
		return "see codexhost/plugin/list for the plugin's state"
	case stage == provider.StageConfig:
		return "mend " + table + " in config.toml"
	case stage == provider.StageAuth:
		return "log in with mcpServer/oauth/login, or set bearer_token_env_var in " + table
	case d.Noise != "" && d.ExitCode == nil: // one that gave up has other troubles
		return "have the program log to stderr: its standard output is for MCP messages alone"
	case s.Command == "":
		return "see that an MCP server listens at " + s.URL
	case stage == provider.StageSpawn:
		return "check command and cwd in " + table + "; a program that is not in PATH needs its full path"
	case stage == provider.StageTimeout:
		return "run it by hand to see what takes so long (" + commandLine(s) + "), or raise startup_timeout_sec in " + table
	}
	return "run it by hand to see what it says: " + commandLine(s)
}

// commandLine is what a user can paste into a shell.
func commandLine(s *Server) string {
	words := make([]string, 0, len(s.Args)+1)
	for _, w := range append([]string{s.Command}, s.Args...) {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./=:@,+%", r)
		}) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// How much of what a server said is in the text of an error.
const (
	saidLines = 5
	saidWidth = 300
)

// said is what the server's process had to say for itself, to stand after the
// words that clients know. It is empty where it said nothing.
func (d *Diagnosis) said() string {
	if d.Noise == "" && len(d.Stderr) == 0 {
		return ""
	}
	var b strings.Builder
	switch {
	case d.Signal != "":
		fmt.Fprintf(&b, "\nIt was ended by %s.", d.Signal)
	case d.ExitCode != nil:
		fmt.Fprintf(&b, "\nIt ended with exit code %d.", *d.ExitCode)
	}
	if d.Noise != "" {
		fmt.Fprintf(&b, "\nIts standard output begins with what is no MCP message: %s", strconv.Quote(clip(d.Noise)))
	}
	if n := len(d.Stderr); n > 0 {
		b.WriteString("\nIts stderr ends with:")
		for _, line := range d.Stderr[max(0, n-saidLines):] {
			b.WriteString("\n    " + clip(line))
		}
	}
	b.WriteString("\nTry this: " + d.Advice)
	return b.String()
}

// clip makes a line fit for a terminal.
func clip(line string) string {
	line = strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, line)
	if len(line) > saidWidth {
		line = strings.ToValidUTF8(line[:saidWidth], "") + "…"
	}
	return line
}

// startFailure is the whole text of a failed start: the words that clients know,
// and what the server said.
func startFailure(s *Server, err error, limit time.Duration) string {
	return startupText(s.Name, err, limit) + diagnose(s, err).said()
}
