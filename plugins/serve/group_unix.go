//go:build unix

package serve

import "syscall"

// endGroup ends the processes of the group that we lead, ourselves included.
// The host does so too, but not when it has died. It returns if the group is
// somebody else's, as when a plugin is run by hand.
func endGroup() {
	if pid := syscall.Getpid(); syscall.Getpgrp() == pid {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}
