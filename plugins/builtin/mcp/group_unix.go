//go:build unix

package mcp

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// group is the process group that a server leads.
type group struct{ pgid int }

// start starts cmd as the leader of a new group that dies with us where the
// system offers that.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return err
	}
	g.pgid = cmd.Process.Pid
	return nil
}

// terminate and kill signal every member. A group without members is no error.
func (g *group) terminate() { _ = syscall.Kill(-g.pgid, syscall.SIGTERM) }
func (g *group) kill()      { _ = syscall.Kill(-g.pgid, syscall.SIGKILL) }

func signalName(s syscall.Signal) string { return unix.SignalName(s) }
