package plugins

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// setDeathSignal has the kernel tell the child when the host dies. The kernel
// goes by the thread that started the child, not by the process: hence spawner.
func setDeathSignal(cmd *exec.Cmd, sig syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = sig
}

// awaitExit returns when the child has died, and leaves it to be reaped.
func awaitExit(p *os.Process) {
	for {
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// runOpen makes cmd run the open file f instead of the path it was opened by.
// The child inherits no descriptor: the kernel opens the link before it closes
// what is marked so.
func runOpen(cmd *exec.Cmd, f *os.File) {
	if !isScript(f) {
		cmd.Path = "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	}
}
