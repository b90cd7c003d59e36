package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Shell offers the tool by which models run commands that were trained before
// commands could stay running: shell_command takes a line, shell its words.
type Shell struct {
	*Exec
	Words bool // offer shell, not shell_command
}

const (
	shellApproval = `"workdir":{"type":"string","description":"Folder to run in; the turn's own when left out."},` +
		`"timeout_ms":{"type":"number","description":"The command is ended after this many milliseconds. Default 10000."},` +
		`"sandbox_permissions":{"type":"string","enum":["use_default","require_escalated"],"description":"require_escalated asks the user to run this one command outside of the sandbox."},` +
		`"justification":{"type":"string","description":"With require_escalated: the question for the user, in a sentence."},` +
		`"prefix_rule":{"type":"array","items":{"type":"string"},"description":"With require_escalated: the beginning of the command that could be allowed from now on."}}`
	shellCommandSpec = `{"type":"function","name":"shell_command","description":"Runs a shell command to its end and returns its output.","strict":false,"parameters":{"type":"object","properties":{` +
		`"command":{"type":"string","description":"The command line for the shell."},` +
		`"login":{"type":"boolean","description":"Whether the shell reads the login files. Default true."},` + shellApproval +
		`,"required":["command"],"additionalProperties":false}}`
	shellSpec = `{"type":"function","name":"shell","description":"Runs a program to its end and returns its output. For a command line, pass it to a shell: [\"bash\", \"-lc\", \"...\"].","strict":false,"parameters":{"type":"object","properties":{` +
		`"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},` + shellApproval +
		`,"required":["command"],"additionalProperties":false}}`
)

// Specs implements Offer.
func (s Shell) Specs() []json.RawMessage {
	if s.Words {
		return []json.RawMessage{json.RawMessage(shellSpec)}
	}
	return []json.RawMessage{json.RawMessage(shellCommandSpec)}
}

// Find implements Offer.
func (s Shell) Find(namespace, name string) (Tool, bool) {
	switch {
	case namespace != "":
		return nil, false
	case name == "shell_command" && !s.Words, name == "shell" && s.Words:
		return s, true
	}
	return nil, false
}

// shellArgs are the arguments of both tools.
type shellArgs struct {
	Command     json.RawMessage `json:"command"`
	Workdir     string          `json:"workdir"`
	Login       *bool           `json:"login"`
	TimeoutMs   *int64          `json:"timeout_ms"`
	Permissions string          `json:"sandbox_permissions"`
	Reason      string          `json:"justification"`
	PrefixRule  []string        `json:"prefix_rule"`
}

// Run runs a command to its end, or to its timeout.
func (s Shell) Run(ctx context.Context, t Turn, c Call) Output {
	var args shellArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	argv, err := s.argv(args)
	if err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	r := commandRequest{callID: c.ID, dir: within(t.Cwd(), args.Workdir), source: protocol.CommandExecutionSourceAgent,
		Command: policy.Command{Argv: argv, Escalated: args.Permissions == "require_escalated", Justification: args.Reason, PrefixRule: args.PrefixRule}}
	if out, ok := s.Patches.Command(ctx, t, c.ID, r.Argv, r.dir); ok {
		return out
	}
	allowed, refused := s.Approvals.command(ctx, t, r)
	if refused != nil {
		return *refused
	}
	end := s.toEnd(ctx, t, r, allowed, shellTimeout(args.TimeoutMs))
	if ctx.Err() != nil {
		return Errorf("aborted by user after %.1fs", end.took.Seconds())
	}
	return Text(s.text(end))
}

// argv is the command as the system runs it.
func (s Shell) argv(args shellArgs) ([]string, error) {
	if s.Words {
		var words []string
		if err := json.Unmarshal(args.Command, &words); err != nil {
			return nil, fmt.Errorf("command: %w", err)
		}
		if len(words) == 0 {
			return nil, fmt.Errorf("command must not be empty")
		}
		return words, nil
	}
	if args.Command == nil {
		return nil, fmt.Errorf("missing field `command`")
	}
	var line string
	if err := json.Unmarshal(args.Command, &line); err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	return []string{s.Shell, loginFlag(args.Login), line}, nil
}

// shellTimeout is how long a command may take.
func shellTimeout(ms *int64) time.Duration {
	if ms == nil {
		return 10 * time.Second
	}
	return time.Duration(max(*ms, 1)) * time.Millisecond
}

// text is what the model reads of a command.
func (s Shell) text(end ending) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Exit code: %d\nWall time: %.1f seconds\n", end.code, end.took.Seconds())
	limit := s.OutputLimit
	if limit <= 0 {
		limit = defaultOutputTokens * bytesPerToken
	}
	if len(end.output) > limit {
		fmt.Fprintf(&b, "Total output lines: %d\n", strings.Count(end.output, "\n"))
	}
	b.WriteString("Output:\n")
	b.WriteString(cutMiddle(end.output, limit))
	return b.String()
}

// within is a folder that a model names, seen from the turn's own.
func within(cwd, dir string) string {
	switch {
	case dir == "":
		return cwd
	case filepath.IsAbs(dir):
		return dir
	}
	return filepath.Join(cwd, dir)
}

// loginFlag has a shell read the login files, unless the model says no.
func loginFlag(login *bool) string {
	if login != nil && !*login {
		return "-c"
	}
	return "-lc"
}
