package rpc

import (
	"context"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadShellCommand runs a command that the user typed, outside of the sandbox.
func threadShellCommand(ctx context.Context, c *Connection, p *protocol.ThreadShellCommandParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	if strings.TrimSpace(p.Command) == "" {
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "command must not be empty", Remedy: "send the command line to run"}
	}
	op := &thread.ShellCommand{Command: p.Command}
	if p.TimeoutMs != nil {
		op.Timeout = time.Duration(max(*p.TimeoutMs, 1)) * time.Millisecond
	}
	receipt, err := t.Submit(ctx, op)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadShellCommandResponse{}, after: receipt.Release}, nil
}
