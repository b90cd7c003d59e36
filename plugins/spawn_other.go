//go:build !linux

package plugins

import (
	"os"
	"os/exec"
	"syscall"
)

func setDeathSignal(*exec.Cmd, syscall.Signal) {}

func relaxTimers() {}

// awaitExit has no way here to wait without reaping; exec.Cmd.Wait does both.
func awaitExit(*os.Process) {}

// runOpen has no way here to run an open file: what is run is what the path
// leads to, which was checked a moment ago.
func runOpen(*exec.Cmd, *os.File) {}
