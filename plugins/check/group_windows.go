package check

import "os/exec"

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may have ended

// groupLives tells nothing here: processes have no group to ask for.
func groupLives(*exec.Cmd) bool { return false }
