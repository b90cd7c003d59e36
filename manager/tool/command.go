package tool

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A CommandRequest is a command that the model wants to run.
type CommandRequest struct {
	CallID     string
	Argv       []string
	Script     string // what the shell is given; the whole line where there is no shell
	Dir        string // absolute
	Escalate   bool   // outside of the sandbox, with the user's consent
	Reason     string // the model's words for the user
	PrefixRule []string
}

// item is the command as the client sees it.
func (r CommandRequest) item(startedAtMs int64, actions []protocol.CommandAction) protocol.ThreadItemCommandExecution {
	return protocol.ThreadItemCommandExecution{
		ID: r.CallID, Command: rollout.JoinCommand(r.Argv), Cwd: r.Dir, Status: protocol.CommandExecutionStatusInProgress,
		Source: protocol.CommandExecutionSourceUnifiedExecStartup, CommandActions: actions,
		StartedAtMs: &startedAtMs,
	}
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
