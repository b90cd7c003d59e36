package tool

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A commandRequest is a command that the model wants to run.
type commandRequest struct {
	policy.Command
	callID string
	dir    string // absolute
	tty    bool
	source protocol.CommandExecutionSource // who wants it, by which tool
}

// key is what an approval for the session remembers of the command.
func (r commandRequest) key() string { return policy.Key(r.Command, r.dir, r.tty) }

// script is what the user reads as the command: what the shell is given.
func (r commandRequest) script() string {
	if s, ok := policy.Script(r.Argv); ok {
		return s
	}
	return protocol.JoinCommand(r.Argv)
}

// item is the command as the client sees it.
func (r commandRequest) item(startedAtMs int64) protocol.ThreadItemCommandExecution {
	return protocol.ThreadItemCommandExecution{
		ID: r.callID, Command: protocol.JoinCommand(r.Argv), Cwd: r.dir, Status: protocol.CommandExecutionStatusInProgress,
		Source: r.source, CommandActions: policy.Actions(r.Argv, r.dir),
		StartedAtMs: &startedAtMs,
	}
}

// refused is what the model reads when the command did not run.
func (r commandRequest) refused(why string) Output {
	if r.source == protocol.CommandExecutionSourceUnifiedExecStartup {
		return Errorf("exec_command failed: CreateProcess { message: %q }", `Rejected("`+strings.ReplaceAll(why, `"`, `\"`)+`")`)
	}
	return Text(why)
}

// osError is an error of the system in the words that models of the reference
// know: the text, and its number.
func osError(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return fmt.Sprintf("%s (os error %d)", string(text[0]-'a'+'A')+text[1:], int(errno))
}
