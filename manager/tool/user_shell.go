package tool

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// What opens and closes the model's account of a user's command; readers of
// history know it by these.
const (
	userShellOpen  = "<user_shell_command>"
	userShellClose = "</user_shell_command>"
)

// UserShell runs a command that the user typed, outside of any sandbox, to its
// end, and returns what the model is told of it. A timeout of 0 is none.
func (e *Exec) UserShell(ctx context.Context, t Turn, command string, timeout time.Duration) string {
	r := commandRequest{callID: uuid.NewString(), dir: t.Cwd(), Command: policy.Command{Argv: []string{e.Shell, "-lc", command}}}
	begun := t.Now()
	item := r.item(begun.UnixMilli())
	item.Source = protocol.CommandExecutionSourceUserShell
	shown := item
	t.Start(ctx, &shown)
	code, took, output := e.userShell(ctx, t, r, timeout)
	at, ms := t.Now().UnixMilli(), took.Milliseconds()
	item.CompletedAtMs, item.DurationMs, item.ExitCode = &at, &ms, &code
	item.Status = commandStatus(code)
	if output != "" {
		item.AggregatedOutput = &output
	}
	t.Complete(context.WithoutCancel(ctx), &item)
	if e.OutputLimit > 0 {
		output = cutMiddle(output, e.OutputLimit)
	}
	return fmt.Sprintf("%s\n<command>\n%s\n</command>\n<result>\nExit code: %d\nDuration: %.4f seconds\nOutput:\n%s\n</result>\n%s",
		userShellOpen, command, code, took.Seconds(), output, userShellClose)
}

// userShell runs the command; the code is -1 for one that did not come to its end.
func (e *Exec) userShell(ctx context.Context, t Turn, r commandRequest, timeout time.Duration) (code int64, took time.Duration, output string) {
	free := sandbox.Policy{Mode: sandbox.FullAccess, Cwd: r.dir}
	begun := t.Now()
	process, err := sandbox.Start(ctx, sandbox.Spec{Argv: r.Argv, Dir: r.dir, Policy: free, Env: e.Environ(t, r.callID, free)})
	if err != nil {
		return -1, 0, "execution error: " + startFailure(err)
	}
	defer process.Close()
	limit := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	live := process.Stdout().Subscribe(deltaBytes)
	told := make(chan struct{})
	go func() { // ends with the process, which Close ends at the latest
		defer close(told)
		grow(t, r.callID, process, live)
	}()
	exit, err := process.Wait(limit)
	switch {
	case ctx.Err() != nil:
		_ = process.Kill(killGrace)
		code, output = -1, "command aborted by user"
	case err != nil:
		_ = process.Kill(killGrace)
		code, output = -1, fmt.Sprintf("command timed out after %d milliseconds\n%s", timeout.Milliseconds(), shownText(process.Stdout().Snapshot()))
	default:
		code, output = exitCode(exit), shownText(process.Stdout().Snapshot())
	}
	<-told
	return code, t.Now().Sub(begun), output
}
