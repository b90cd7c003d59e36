package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Exec offers exec_command and write_stdin: commands that may stay running and
// be talked to.
type Exec struct {
	Terminals *Terminals
	Approvals *Approvals
	Patches   *ApplyPatch // takes the commands that are nothing but a patch
	Shell     string      // the user's shell, absolute
	// Environ is the environment of a command.
	Environ func(t Turn, callID string, p sandbox.Policy) []string
	// OutputLimit is how many bytes of output the model takes at once; 0 for no limit.
	OutputLimit int
	// InterruptKills says that an interrupted call takes its command along.
	// Commands that earlier calls left running are not concerned.
	InterruptKills bool
}

const execSpec = `{"type":"function","name":"exec_command","description":"Runs a shell command and returns its output, or the id of a session when it is still running after the yield time.","strict":false,"parameters":{"type":"object","properties":{` +
	`"cmd":{"type":"string","description":"The command line for the shell."},` +
	`"workdir":{"type":"string","description":"Folder to run in; the turn's own when left out."},` +
	`"shell":{"type":"string","description":"Shell program to use instead of the user's."},` +
	`"login":{"type":"boolean","description":"Whether the shell reads the login files. Default true."},` +
	`"tty":{"type":"boolean","description":"Run on a terminal, so that write_stdin can answer it. Default false."},` +
	`"yield_time_ms":{"type":"number","description":"How long to wait for the end before returning, 250 to 30000. Default 10000."},` +
	`"max_output_tokens":{"type":"number","description":"How much output to return. Default 10000."},` +
	`"sandbox_permissions":{"type":"string","enum":["use_default","require_escalated"],"description":"require_escalated asks the user to run this one command outside of the sandbox."},` +
	`"justification":{"type":"string","description":"With require_escalated: the question for the user, in a sentence."},` +
	`"prefix_rule":{"type":"array","items":{"type":"string"},"description":"With require_escalated: the beginning of the command that could be allowed from now on."}},` +
	`"required":["cmd"],"additionalProperties":false}}`

const writeStdinSpec = `{"type":"function","name":"write_stdin","description":"Types into a session that exec_command left running, or looks what it has printed, and returns the new output.","strict":false,"parameters":{"type":"object","properties":{` +
	`"session_id":{"type":"number","description":"The session's id."},` +
	`"chars":{"type":"string","description":"What to type; empty only looks."},` +
	`"yield_time_ms":{"type":"number","description":"How long to wait for output. Default 250 after typing, at least 5000 for a look."},` +
	`"max_output_tokens":{"type":"number","description":"How much output to return. Default 10000."}},` +
	`"required":["session_id"],"additionalProperties":false}}`

// Specs implements Offer.
func (e *Exec) Specs() []json.RawMessage {
	return []json.RawMessage{json.RawMessage(execSpec), json.RawMessage(writeStdinSpec)}
}

// Find implements Offer.
func (e *Exec) Find(namespace, name string) (Tool, bool) {
	switch {
	case namespace != "":
		return nil, false
	case name == "exec_command":
		return (*execCommand)(e), true
	case name == "write_stdin":
		return (*writeStdin)(e), true
	}
	return nil, false
}

// execArgs are the arguments of exec_command.
type execArgs struct {
	Cmd         *string  `json:"cmd"`
	Workdir     string   `json:"workdir"`
	Shell       string   `json:"shell"`
	Login       *bool    `json:"login"`
	TTY         bool     `json:"tty"`
	YieldMs     *int64   `json:"yield_time_ms"`
	MaxTokens   int      `json:"max_output_tokens"`
	Permissions string   `json:"sandbox_permissions"`
	Reason      string   `json:"justification"`
	PrefixRule  []string `json:"prefix_rule"`
}

type execCommand Exec

// Run starts a command and waits for its end, or for as long as the model wants.
func (e *execCommand) Run(ctx context.Context, t Turn, c Call) Output {
	var args execArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	if args.Cmd == nil {
		return Text("failed to parse function arguments: missing field `cmd`")
	}
	r := e.request(t, c, args)
	if out, ok := e.Patches.Command(ctx, t, c.ID, r.Argv, r.dir); ok {
		return out
	}
	allowed, refused := e.Approvals.command(ctx, t, r)
	if refused != nil {
		return *refused
	}
	term, err := (*Exec)(e).start(ctx, t, r, allowed)
	if err != nil {
		return r.refused(err.Error())
	}
	yield := clamp(args.YieldMs, 10_000, 250, 30_000)
	return Text((*Exec)(e).read(ctx, term, term.started, yield, args.MaxTokens))
}

// request is the command as the guard and the client see it.
func (e *execCommand) request(t Turn, c Call, args execArgs) commandRequest {
	shell := args.Shell
	if shell == "" {
		shell = e.Shell
	}
	return commandRequest{callID: c.ID, dir: within(t.Cwd(), args.Workdir), tty: args.TTY,
		source: protocol.CommandExecutionSourceUnifiedExecStartup, Command: policy.Command{Argv: []string{shell, loginFlag(args.Login), *args.Cmd},
			Escalated: args.Permissions == "require_escalated", Justification: args.Reason, PrefixRule: args.PrefixRule}}
}

// start runs a permitted command and tells so.
func (e *Exec) start(ctx context.Context, t Turn, r commandRequest, p permit) (*terminal, error) {
	spec := sandbox.Spec{Argv: r.Argv, Dir: r.dir, Policy: p.policy, Env: e.Environ(t, r.callID, p.policy)}
	if r.tty {
		spec.TTY = &sandbox.Size{Cols: 120, Rows: 40}
	}
	term := &terminal{turn: t, script: r.script(), tty: r.tty, started: t.Now(), told: make(chan struct{})}
	term.item = r.item(term.started.UnixMilli())
	process, err := sandbox.Start(ctx, spec)
	if err != nil {
		why := startFailure(err)
		e.failedStart(ctx, t, term, p, why)
		return nil, errors.New(why)
	}
	term.process = process
	term.unread = process.Stdout().Subscribe(sandbox.DefaultOutputLimit)
	if err := e.Terminals.add(term); err != nil {
		return nil, errors.Join(err, process.Close())
	}
	if !p.shown {
		begun := term.item
		t.Start(ctx, &begun)
	}
	e.Terminals.watch(term)
	return term, nil
}

// failedStart shows a command that could not even be started.
func (e *Exec) failedStart(ctx context.Context, t Turn, term *terminal, p permit, why string) {
	if !p.shown {
		begun := term.item
		t.Start(ctx, &begun)
	}
	code, took, at := int64(-1), int64(0), t.Now().UnixMilli()
	item := term.item
	item.Status, item.ExitCode, item.DurationMs, item.CompletedAtMs = protocol.CommandExecutionStatusFailed, &code, &took, &at
	item.AggregatedOutput = &why
	t.Complete(ctx, &item)
}

// startFailure says why a command could not be started, for model and user.
func startFailure(err error) string {
	var start *sandbox.StartError
	var cannot *sandbox.UnenforceableError
	switch {
	case errors.As(err, &start):
		return fmt.Sprintf("Failed to create unified exec process: %s", osError(start.Err))
	case errors.As(err, &cannot):
		return fmt.Sprintf("%v. %s", err, cannot.Fix)
	}
	return err.Error()
}

// read waits for a command's end, within a time, and returns what the model has
// not read yet.
func (e *Exec) read(ctx context.Context, t *terminal, since time.Time, yield time.Duration, maxTokens int) string {
	timer := time.NewTimer(yield)
	defer timer.Stop()
	r := execResult{sessionID: t.id, maxTokens: maxTokens, limit: e.OutputLimit}
	select {
	case <-t.told:
		exit, _ := t.process.ExitStatus()
		r.exited, r.code = true, exit.Code
	case <-timer.C:
	case <-ctx.Done():
		if e.InterruptKills {
			t.end(interruptGrace)
		}
		return fmt.Sprintf("Wall time: %.1f seconds\naborted by user", t.turn.Now().Sub(since).Seconds())
	}
	r.took = t.turn.Now().Sub(since)
	r.output = t.unread.Take()
	return r.text()
}

// clamp is a number of milliseconds within bounds, or the default.
func clamp(ms *int64, standard, least, most int64) time.Duration {
	n := standard
	if ms != nil {
		n = *ms
	}
	return time.Duration(min(max(n, least), most)) * time.Millisecond
}
