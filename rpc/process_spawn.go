package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// processSpawn starts a process for the client, unconfined. Its end is told.
func processSpawn(ctx context.Context, c *Connection, p *protocol.ProcessSpawnParams) (reply, error) {
	r, err := spawnRequest(c, p)
	if err != nil {
		return reply{}, err
	}
	running, err := c.manager.Spawn(ctx, c.client, r)
	if err != nil {
		return reply{}, spawnFamily.startError(r.Name, err)
	}
	return reply{
		result: &protocol.ProcessSpawnResponse{},
		after:  func() { running.Begin(func(end command.Result) { c.exited(ctx, p.ProcessHandle, end) }) },
	}, nil
}

// exited tells the client of the end of a process.
func (c *Connection) exited(ctx context.Context, handle string, end command.Result) {
	c.Event(context.WithoutCancel(ctx), thread.Event{Kind: thread.Told, Method: protocol.MethodProcessExited,
		Params: &protocol.ProcessExitedNotification{
			ProcessHandle: handle, ExitCode: int64(end.Code), OutputDrainTimedOut: &end.Held,
			Stdout: end.Stdout.Text(), StdoutCapReached: end.Stdout.Cut, Stderr: end.Stderr.Text(), StderrCapReached: end.Stderr.Cut,
		}})
}

// spawnRequest is what a client wants to run, checked in the reference's order.
func spawnRequest(c *Connection, p *protocol.ProcessSpawnParams) (*manager.ClientCommand, error) {
	r := &manager.ClientCommand{Argv: p.Command, Name: p.ProcessHandle, Cwd: string(p.Cwd), Env: p.Env,
		Stdin: p.StreamStdin, Timeout: command.None, Cap: defaultCap}
	if len(p.Command) == 0 {
		return nil, emptyCommand()
	}
	if p.ProcessHandle == "" {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "processHandle must not be empty", Remedy: "send one that no running process of this connection has"}
	}
	size, err := spawnFamily.terminal(p.Tty, spawnSize(p.Size))
	if err != nil {
		return nil, err
	}
	r.TTY = size
	if p.OutputBytesCap.Value != nil {
		r.Cap = *p.OutputBytesCap.Value
	} else if p.OutputBytesCap.Set {
		r.Cap = command.None
	}
	if p.TimeoutMs.Value != nil || !p.TimeoutMs.Set {
		if r.Timeout, err = spawnFamily.timeout(p.TimeoutMs.Value); err != nil {
			return nil, err
		}
	}
	if p.Tty || p.StreamStdoutStderr {
		r.Tell = &teller{c, &spawnFamily, r.Name}
	}
	return r, nil
}

func spawnSize(s *protocol.ProcessTerminalSize) *sandbox.Size {
	if s == nil {
		return nil
	}
	return &sandbox.Size{Cols: uint16(s.Cols), Rows: uint16(s.Rows)} // decoded as 16 bits
}
