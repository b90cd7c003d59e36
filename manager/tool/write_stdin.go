package tool

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// stdinArgs are the arguments of write_stdin.
type stdinArgs struct {
	SessionID *int   `json:"session_id"`
	Chars     string `json:"chars"`
	YieldMs   *int64 `json:"yield_time_ms"`
	MaxTokens int    `json:"max_output_tokens"`
}

type writeStdin Exec

// Run types into a command that runs, or only looks at what it has printed.
func (w *writeStdin) Run(ctx context.Context, t Turn, c Call) Output {
	var args stdinArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	if args.SessionID == nil {
		return Text("failed to parse function arguments: missing field `session_id`")
	}
	term := w.Terminals.get(*args.SessionID)
	if term == nil {
		return Errorf("write_stdin failed: Unknown process id %d", *args.SessionID)
	}
	since := t.Now()
	yield := clamp(args.YieldMs, 5_000, 5_000, 300_000)
	if args.Chars != "" {
		if !term.tty {
			return Text("write_stdin failed: stdin is closed for this session; start the command with tty set to true to type into it")
		}
		if _, err := term.process.Write(ctx, []byte(args.Chars)); err != nil {
			return Errorf("write_stdin failed: %v", err)
		}
		t.Tell(ctx, "item/commandExecution/terminalInteraction", &protocol.TerminalInteractionNotification{
			ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: term.item.ID, ProcessID: strconv.Itoa(term.id), Stdin: args.Chars})
		yield = clamp(args.YieldMs, 250, 250, 30_000)
	}
	return Text((*Exec)(w).read(ctx, term, since, yield, args.MaxTokens))
}
