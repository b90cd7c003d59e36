package tool

import (
	"context"
	"fmt"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// An ending is how a command that is not left running ended.
type ending struct {
	code   int64 // -1 for a command that did not come to its end
	took   time.Duration
	output string
	failed bool // it could not be started, timed out, or was aborted; output says so
}

// exitOfTimeout is the exit code that a command is given which took too long.
const exitOfTimeout = 124

// toEnd runs a permitted command to its end and tells its item. It is killed when
// ctx ends or after a timeout; 0 is none.
func (e *Exec) toEnd(ctx context.Context, t Turn, r commandRequest, p permit, timeout time.Duration) ending {
	begun := t.Now()
	item := r.item(begun.UnixMilli())
	if !p.shown {
		shown := item
		t.Start(ctx, &shown)
	}
	end := e.runToEnd(ctx, t, r, p, timeout)
	end.took = t.Now().Sub(begun)
	at, ms := t.Now().UnixMilli(), end.took.Milliseconds()
	item.CompletedAtMs, item.DurationMs, item.ExitCode, item.Status = &at, &ms, &end.code, commandStatus(end.code)
	if end.output != "" {
		item.AggregatedOutput = &end.output
	}
	t.Complete(context.WithoutCancel(ctx), &item)
	return end
}

func (e *Exec) runToEnd(ctx context.Context, t Turn, r commandRequest, p permit, timeout time.Duration) ending {
	process, err := sandbox.Start(ctx, sandbox.Spec{Argv: r.Argv, Dir: r.dir, Policy: p.policy, Env: e.Environ(t, r.callID, p.policy)})
	if err != nil {
		return ending{code: -1, output: "execution error: " + startFailure(err), failed: true}
	}
	defer process.Close() // whatever is left of it
	limit := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	live := process.Stdout().Subscribe(deltaBytes)
	told := make(chan struct{})
	go func() { // ends with the process
		defer close(told)
		grow(t, r.callID, process, live)
	}()
	exit, err := process.Wait(limit)
	end := ending{code: exitCode(exit)}
	if err != nil {
		_ = process.Kill(interruptGrace) // what survives even that is reported by the sandbox
		end.code, end.failed = -1, true
	}
	<-told
	end.output = shownText(process.Stdout().Snapshot())
	switch {
	case ctx.Err() != nil:
		end.output = "command aborted by user"
	case err != nil:
		end.code = exitOfTimeout
		end.output = fmt.Sprintf("command timed out after %d milliseconds\n%s", timeout.Milliseconds(), end.output)
	}
	return end
}
