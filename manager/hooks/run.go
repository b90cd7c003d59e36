package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A Call raises an event.
type Call struct {
	Event    Event
	Subjects []string // what matchers are compared with; any that matches will do
	Input    any      // the JSON object that hooks read
	ToolCall string   // id of the tool call that it is about, or empty
	Cwd      string   // absolute; where hooks run
	Now      func() time.Time
	// Tell hears of every hook, that it runs and what became of it.
	Tell func(run protocol.HookRunSummary, ended bool)
}

// A Result is what the hooks of an event want, in the order of their files.
type Result struct {
	Contexts []string        // to be shown to the model
	Stopped  bool            // end the turn, whatever else
	Why      string          // why it was stopped, or the first reason why it was blocked
	Blocks   []Block         // reasons why what was about to happen shall not
	Allowed  bool            // a permission was given, and refused by none
	Input    json.RawMessage // of the tool call, instead of the model's; nil leaves it
}

// A Block is the reason of one hook.
type Block struct{ RunID, Reason string }

// Run runs the hooks that an event concerns and waits for those that are not
// asynchronous; the others are heard of no more. It returns when ctx ends, at the
// latest; what it waits for is killed then.
func (s *Set) Run(ctx context.Context, c Call) Result {
	if !s.Has(c.Event) {
		return Result{}
	}
	input, err := json.Marshal(c.Input)
	if err != nil {
		input = []byte("{}") // an input that has no JSON form is nobody's choice
	}
	var chosen []*hook
	for _, h := range s.hooks {
		switch {
		case !h.runs(c.Event, c.Subjects):
		case h.async:
			s.behind.Start(func(ctx context.Context) { h.exec(ctx, c.Cwd, input) })
		default:
			chosen = append(chosen, h)
		}
	}
	return runAll(ctx, c, chosen, input)
}

// runAll runs hooks side by side and tells what becomes of them in their order.
func runAll(ctx context.Context, c Call, chosen []*hook, input []byte) Result {
	summaries := make([]protocol.HookRunSummary, len(chosen))
	outcomes := make([]outcome, len(chosen))
	var running sync.WaitGroup
	for i, h := range chosen {
		begun := c.Now()
		summaries[i] = h.summary(c, begun)
		c.Tell(summaries[i], false)
		running.Go(func() {
			outcomes[i] = meaning(c.Event, h.exec(ctx, c.Cwd, input))
			ended := c.Now()
			at, took := ended.Unix(), ended.Sub(begun).Milliseconds()
			summaries[i].CompletedAt, summaries[i].DurationMs = &at, &took
		})
	}
	running.Wait()
	var result Result
	for i, o := range outcomes {
		summaries[i].Status, summaries[i].Entries = o.status, o.entries
		c.Tell(summaries[i], true)
		result.add(summaries[i].ID, o, chosen[i].context)
	}
	result.Allowed = result.Allowed && len(result.Blocks) == 0
	return result
}

func (r *Result) add(id string, o outcome, limit *int64) {
	for _, text := range o.contexts {
		r.Contexts = append(r.Contexts, bounded(text, limit))
	}
	switch {
	case o.status == protocol.HookRunStatusStopped && !r.Stopped:
		r.Stopped, r.Why = true, o.stop
	case o.status == protocol.HookRunStatusBlocked:
		r.Blocks = append(r.Blocks, Block{id, o.block})
		if r.Why == "" {
			r.Why = o.block
		}
	}
	r.Allowed = r.Allowed || o.allow
	if o.input != nil {
		r.Input = o.input
	}
}

const (
	contextTokens = 2_500 // what a hook may add where its file does not say
	bytesPerToken = 4
)

// bounded cuts the middle of a text that is too long to be added.
func bounded(text string, limit *int64) string {
	tokens := int64(contextTokens)
	if limit != nil {
		tokens = min(*limit, contextTokens*10)
	}
	most := int(tokens) * bytesPerToken
	if len(text) <= most {
		return text
	}
	head, tail := text[:most/2], text[len(text)-most/2:]
	return fmt.Sprintf("Warning: truncated output (original token count: %d)\n\n", len(text)/bytesPerToken) +
		strings.ToValidUTF8(head, "") + "\n...\n" + strings.ToValidUTF8(tail, "")
}

func (h *hook) summary(c Call, begun time.Time) protocol.HookRunSummary {
	id := fmt.Sprintf("%s:%d:%s", h.event.label('-'), h.order, h.path)
	if c.ToolCall != "" {
		id += ":" + c.ToolCall
	}
	return protocol.HookRunSummary{ID: id, EventName: h.event.wire(), HandlerType: protocol.HookHandlerTypeCommand,
		ExecutionMode: protocol.HookExecutionModeSync, Scope: h.event.scope(), SourcePath: protocol.LegacyAppPathString(h.path), Source: h.source,
		DisplayOrder: int64(h.order), Status: protocol.HookRunStatusRunning, StatusMessage: h.status, StartedAt: begun.Unix()}
}

// exec runs the hook's command to its end, or to its time's.
func (h *hook) exec(ctx context.Context, cwd string, input []byte) run {
	limit, cancel := context.WithTimeout(ctx, h.limit)
	defer cancel()
	process, err := sandbox.Start(limit, sandbox.Spec{Argv: shellOf(h.command), Dir: cwd, Env: os.Environ(), Stdin: true, Separate: true,
		Policy: sandbox.Policy{Mode: sandbox.FullAccess, Cwd: cwd}})
	if err != nil {
		var start *sandbox.StartError
		if errors.As(err, &start) {
			err = start
		}
		return run{failure: "hook could not be started: " + err.Error()}
	}
	var writing sync.WaitGroup
	writing.Go(func() { // ends with limit, or when nobody can read any more
		_, _ = process.Write(limit, input) // a hook need not read its input
		_ = process.CloseStdin()
	})
	exit, err := process.Wait(limit)
	if err != nil {
		_ = process.Kill(0) // what survives that is reported by the sandbox
	}
	cancel()
	_ = process.Close() // with whatever the hook left behind
	writing.Wait()
	switch {
	case ctx.Err() != nil:
		return run{failure: "hook was cut off by the end of the turn"}
	case err != nil:
		return run{failure: fmt.Sprintf("hook timed out after %ds", int64(h.limit/time.Second))}
	}
	out, errs := process.Stdout().Snapshot(), process.Stderr().Snapshot()
	return run{code: exit.Code, out: text(out), err: text(errs), cut: out.Omitted > 0}
}

func text(o sandbox.Output) string { return strings.ToValidUTF8(string(o.Bytes()), "\uFFFD") }

// shellOf has the user's shell run a command line.
func shellOf(command string) []string {
	if runtime.GOOS == "windows" {
		shell := os.Getenv("COMSPEC")
		if shell == "" {
			shell = "cmd.exe"
		}
		return []string{shell, "/C", command}
	}
	return []string{sandbox.UserShell(), "-lc", command}
}
