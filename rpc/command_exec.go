package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// commandExec runs a command for the client and answers when it has ended.
func commandExec(ctx context.Context, c *Connection, p *protocol.CommandExecParams) (reply, error) {
	r, err := execRequest(c, p)
	if err != nil {
		return reply{}, err
	}
	running, err := c.manager.Exec(ctx, c.client, r, p.SandboxPolicy, p.PermissionProfile)
	if err != nil {
		return reply{}, execFamily.startError(r.Name, err)
	}
	running.Begin(nil)
	return reply{later: func(context.Context) (any, error) {
		end := running.Result() // comes when the host ends, too
		return &protocol.CommandExecResponse{ExitCode: int64(end.Code), Stdout: end.Stdout.Text(), Stderr: end.Stderr.Text()}, nil
	}}, nil
}

// execRequest is what a client wants to run, checked in the reference's order.
func execRequest(c *Connection, p *protocol.CommandExecParams) (*manager.ClientCommand, error) {
	r := &manager.ClientCommand{Argv: p.Command, Name: value(p.ProcessID), Cwd: value(p.Cwd), Env: p.Env,
		Stdin: p.StreamStdin, Cap: defaultCap}
	if len(p.Command) == 0 {
		return nil, emptyCommand()
	}
	size, err := execFamily.terminal(p.Tty, execSize(p.Size))
	if err != nil {
		return nil, err
	}
	r.TTY = size
	switch {
	case p.DisableOutputCap && p.OutputBytesCap != nil:
		return nil, invalidParams(nil, "send one of the two", "command/exec cannot set both outputBytesCap and disableOutputCap")
	case p.DisableTimeout && p.TimeoutMs != nil:
		return nil, invalidParams(nil, "send one of the two", "command/exec cannot set both timeoutMs and disableTimeout")
	case p.DisableOutputCap:
		r.Cap = command.None
	case p.OutputBytesCap != nil:
		r.Cap = *p.OutputBytesCap
	}
	if r.Timeout, err = execFamily.timeout(p.TimeoutMs); err != nil {
		return nil, err
	}
	if p.DisableTimeout {
		r.Timeout = command.None
	}
	streams := p.Tty || p.StreamStdin || p.StreamStdoutStderr
	if streams && p.ProcessID == nil {
		return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "command/exec tty or streaming requires a client-supplied processId",
			Remedy: "send a processId that no running command of this connection has"}
	}
	if p.Tty || p.StreamStdoutStderr {
		r.Tell = &teller{c, &execFamily, r.Name}
	}
	return r, nil
}

func emptyCommand() error {
	return &thread.Refusal{Kind: thread.KindInvalidInput, Message: "command must not be empty", Remedy: "send the program and its arguments"}
}

func execSize(s *protocol.CommandExecTerminalSize) *sandbox.Size {
	if s == nil {
		return nil
	}
	return &sandbox.Size{Cols: uint16(s.Cols), Rows: uint16(s.Rows)} // decoded as 16 bits
}
