package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func closeOnExecFrom(fd int) {
	for ; fd < 256; fd++ {
		unix.CloseOnExec(fd)
	}
}

func dupOver(from, to int) error { return unix.Dup2(from, to) }

// adopt is nothing here: macOS gives orphans to launchd. A daemon that left its parent and its session is out of sight.
func adopt() error { return nil }

func dieWithParent(*syscall.SysProcAttr) {}

func enter(*Confinement) error { return nil }

func confineThread(*Confinement) (int, error) { return 0, nil }

func (h *helper) hostIsGone() {}

// killAll signals what is still below the supervisor, and the sessions and groups that its children lead.
func killAll(sig unix.Signal) {
	procs, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return
	}
	mine := map[int32]bool{int32(os.Getpid()): true}
	groups := map[int32]bool{}
	for grown := true; grown; {
		grown = false
		for i := range procs {
			p := &procs[i]
			pid := p.Proc.P_pid
			if mine[pid] || !mine[p.Eproc.Ppid] && !groups[p.Eproc.Pgid] {
				continue
			}
			mine[pid], grown = true, true
			if p.Eproc.Pgid != int32(unix.Getpgrp()) {
				groups[p.Eproc.Pgid] = true
			}
		}
	}
	for pid := range mine {
		if pid != int32(os.Getpid()) {
			_ = unix.Kill(int(pid), sig)
		}
	}
}
