//go:build unix

package plugins

import (
	"os/exec"
	"syscall"
)

// group is the process group of one child, which leads it.
type group struct {
	pgid int
}

// prepare puts the command into a group of its own.
func (g *group) prepare(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

func (g *group) joined(cmd *exec.Cmd) error {
	g.pgid = cmd.Process.Pid
	return nil
}

// terminate and kill signal every member. A group without members is no error.
func (g *group) terminate() { _ = syscall.Kill(-g.pgid, syscall.SIGTERM) }
func (g *group) kill()      { _ = syscall.Kill(-g.pgid, syscall.SIGKILL) }
func (g *group) close()     {}
