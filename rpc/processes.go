package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/jsonrpc"
)

// The two families of methods by which a client runs commands by itself, and the
// words in which they differ.
var (
	execFamily = family{start: "command/exec", write: "command/exec/write", size: "command/exec",
		missing: "no active command/exec for process id %q", taken: "duplicate active command/exec process id: %q",
		noInput: "stdin streaming is not enabled for this command/exec", failed: "failed to spawn command: %s",
		delta: "command/exec/outputDelta", name: "processId"}
	spawnFamily = family{start: "process/spawn", write: "process/writeStdin", size: "process",
		missing: "no active process for process handle %q", taken: "duplicate active process handle: %q",
		noInput: "stdin streaming is not enabled for this process", failed: "failed to spawn process: %s",
		delta: "process/outputDelta", name: "processHandle"}
)

type family struct {
	start, write   string // methods
	size           string // how errors about a size begin
	missing, taken string // with the name of a process
	noInput        string
	failed         string // with the reason
	delta          string // the notification of output
	name           string // the member that names a process
}

const (
	defaultTimeout = 10 * time.Second
	defaultCap     = 1 << 20
)

// timeout is a time limit as commands have it.
func (f *family) timeout(ms *int64) (time.Duration, error) {
	switch {
	case ms == nil:
		return defaultTimeout, nil
	case *ms < 0:
		return 0, invalidParams(nil, "leave timeoutMs out for the default of ten seconds", "%s timeoutMs must be non-negative, got %d", f.start, *ms)
	}
	return time.Duration(min(*ms, int64(1<<62/time.Millisecond))) * time.Millisecond, nil
}

// terminal is the size of the terminal that a command gets; nil for pipes.
func (f *family) terminal(tty bool, size *sandbox.Size) (*sandbox.Size, error) {
	switch {
	case !tty && size != nil:
		return nil, invalidParams(nil, "set tty, or leave size out", "%s size requires tty: true", f.start)
	case !tty:
		return nil, nil
	case size == nil:
		return &sandbox.Size{Cols: 80, Rows: 24}, nil
	}
	return size, f.checkSize(*size)
}

func (f *family) checkSize(s sandbox.Size) error {
	if s.Cols == 0 || s.Rows == 0 {
		return invalidParams(nil, "send the size in characters", "%s size rows and cols must be greater than 0", f.size)
	}
	return nil
}

// startError says why a command did not start.
func (f *family) startError(name string, err error) error {
	var start *sandbox.StartError
	var unenforceable *sandbox.UnenforceableError
	switch {
	case errors.Is(err, command.ErrDuplicate):
		return &thread.Refusal{Kind: thread.KindInvalidRequest, Message: fmt.Sprintf(f.taken, name), Remedy: "choose another name, or wait for the end of that process"}
	case errors.Is(err, command.ErrTooMany), errors.Is(err, command.ErrClosed):
		return &thread.Refusal{Kind: thread.KindInvalidRequest, Message: fmt.Sprintf(f.failed, err), Remedy: "end some of them and try again"}
	case errors.As(err, &unenforceable):
		return &thread.Failure{Kind: thread.KindNotSupported, Remedy: unenforceable.Fix, Err: fmt.Errorf(f.failed, unenforceable)}
	case errors.As(err, &start):
		return &coded{codeInternal, nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: fmt.Sprintf(f.failed, reason(start.Err)),
			Remedy: "check the program, its rights, and the folder"}}
	}
	return err
}

// reason is an error of the operating system in the reference's form.
func reason(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	text := no.Error()
	return fmt.Sprintf("%s%s (os error %d)", strings.ToUpper(text[:1]), text[1:], int(no))
}

// running is a process that must be running.
func (f *family) running(p *command.Process, name string) (*command.Process, error) {
	if p == nil {
		return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: fmt.Sprintf(f.missing, name), Remedy: "it has ended, or was never started on this connection"}
	}
	return p, nil
}

// writeTo writes a process's input. The answer waits while too much input waits.
func (f *family) writeTo(p *command.Process, name string, delta *string, end bool, answer any) (reply, error) {
	if delta == nil && !end {
		return reply{}, invalidParams(nil, "send the bytes to write in base64, or close the input", "%s requires deltaBase64 or closeStdin", f.write)
	}
	data, err := decodeBase64(value(delta))
	if err != nil {
		return reply{}, invalidParams(nil, "encode the bytes in base64", "invalid deltaBase64: %s", err)
	}
	if _, err := f.running(p, name); err != nil {
		return reply{}, err
	}
	w, err := p.Write(data, end)
	switch {
	case errors.Is(err, command.ErrNoInput):
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: f.noInput, Remedy: "start it with streamStdin or tty"}
	case err != nil:
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: err.Error(), Remedy: "wait for each answer before writing on; the input may have ended"}
	case w.Room == nil:
		return reply{result: answer, after: w.Send}, nil
	}
	w.Send()
	return reply{later: func(context.Context) (any, error) {
		<-w.Room // closed at the latest when the process ends
		return answer, nil
	}}, nil
}

// resize changes the size of a process's terminal.
func (f *family) resize(p *command.Process, name string, s sandbox.Size) error {
	if err := f.checkSize(s); err != nil {
		return err
	}
	if _, err := f.running(p, name); err != nil {
		return err
	}
	if err := p.Resize(s); err != nil {
		return &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "failed to resize PTY: process is not attached to a PTY", Remedy: "start it with tty"}
	}
	return nil
}

// A teller sends the output of one process to the client. Where the client asked
// not to hear of it, it goes nowhere.
type teller struct {
	c      *Connection
	family *family
	name   string
}

// Output sends a piece; it waits while the client reads too slowly.
func (t *teller) Output(ctx context.Context, chunk command.Chunk) error {
	if s := t.c.initialized(); s == nil || s.optedOut[t.family.delta] {
		return nil
	}
	return t.c.conn.Delta(ctx, jsonrpc.Delta{Method: t.family.delta, Head: t.head(chunk), Text: string(chunk.Data), Base64: true})
}

// head is the start of the params of a piece.
func (t *teller) head(chunk command.Chunk) []byte {
	b := make([]byte, 0, 96+len(t.name))
	b = append(append(append(b, `{"`...), t.family.name...), `":`...)
	b = member(b, t.name)
	b = append(b, `,"stream":"stdout"`...)
	if chunk.Stderr {
		b = append(b[:len(b)-len(`out"`)], `err"`...)
	}
	if chunk.Cut {
		return append(b, `,"capReached":true,"deltaBase64":`...)
	}
	return append(b, `,"capReached":false,"deltaBase64":`...)
}
