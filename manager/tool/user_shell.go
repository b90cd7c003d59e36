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
	r := commandRequest{callID: uuid.NewString(), dir: t.Cwd(), source: protocol.CommandExecutionSourceUserShell,
		Command: policy.Command{Argv: []string{e.Shell, "-lc", command}}}
	end := e.toEnd(ctx, t, r, permit{policy: sandbox.Policy{Mode: sandbox.FullAccess, Cwd: r.dir}}, timeout)
	output := end.output
	if e.OutputLimit > 0 {
		output = cutMiddle(output, e.OutputLimit)
	}
	return fmt.Sprintf("%s\n<command>\n%s\n</command>\n<result>\nExit code: %d\nDuration: %.4f seconds\nOutput:\n%s\n</result>\n%s",
		userShellOpen, command, end.code, end.took.Seconds(), output, userShellClose)
}
