package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// Size is that of a terminal, in characters.
type Size = supervise.Size

// Spec is a command to run.
type Spec struct {
	// Argv is the program, looked up in the PATH of Env when it holds no slash, and its arguments.
	Argv []string
	// Dir is the folder to run in, absolute.
	Dir string
	// Env is the whole environment ("NAME=value"); nothing is added to it. See [Environ].
	Env []string
	// TTY runs the command on a terminal of that size. Nil: on pipes.
	TTY *Size
	// Stdin keeps the input of a command on pipes open for Write. Otherwise it reads an end of file at once.
	Stdin bool
	// Separate keeps standard error apart from standard output. Otherwise both are one stream, in the order written.
	// Of no effect on a terminal.
	Separate bool
	// OutputLimit bounds what each stream holds, in bytes. Zero: [DefaultOutputLimit].
	OutputLimit int
	// Drain is how long Wait gives the output to end after the command did, while something the command left behind
	// holds it open. Zero: 200 ms.
	Drain time.Duration
	// Policy confines the command.
	Policy Policy
}

// DefaultOutputLimit is what one stream holds: a head and a tail of 512 KiB each.
const DefaultOutputLimit = 1 << 20

const (
	defaultDrain = 200 * time.Millisecond
	startTimeout = 10 * time.Second
	// killSlack is what a kill may take beyond its grace before it is reported as failed.
	killSlack = 5 * time.Second
)

func (s *Spec) check() error {
	switch {
	case len(s.Argv) == 0 || s.Argv[0] == "":
		return errors.New("starting a command: no program given")
	case !filepath.IsAbs(s.Dir):
		return fmt.Errorf("starting %s: the folder %q is not absolute", s.Argv[0], s.Dir)
	}
	for _, text := range s.Argv {
		if strings.IndexByte(text, 0) >= 0 {
			return fmt.Errorf("starting %q: an argument holds a NUL byte", s.Argv[0])
		}
	}
	switch s.Policy.Mode {
	case ReadOnly, WorkspaceWrite, FullAccess, External:
		return nil
	}
	return fmt.Errorf("starting %s: unknown sandbox mode %q", s.Argv[0], s.Policy.Mode)
}

// ErrStdinClosed is returned by Process.Write when the command has no input to write to.
var ErrStdinClosed = errors.New("stdin is closed")

// ErrSurvivors is returned by Process.Kill and Process.Close when something could not be killed in time: a process that
// belongs to another user, or that waits for a device.
var ErrSurvivors = errors.New("processes are left that could not be killed")

// UnenforceableError says that a policy cannot be enforced on this machine. Nothing was run.
type UnenforceableError struct {
	Mode Mode
	Why  string // what is missing, in one sentence
	Fix  string // what the user can do about it
}

func (e *UnenforceableError) Error() string {
	return fmt.Sprintf("the %s sandbox cannot be enforced here: %s", e.Mode, e.Why)
}

// StartError says that the command itself could not be executed: no such program, no such folder, no permission.
type StartError struct {
	Argv []string
	Err  error // an errno on Unix
}

func (e *StartError) Error() string { return fmt.Sprintf("starting %s: %v", e.Argv[0], e.Err) }
func (e *StartError) Unwrap() error { return e.Err }

// Exit is how a command ended.
type Exit = supervise.Exit
