//go:build !linux && !darwin && !windows

package sandbox

import "os/exec"

// job is the command alone: this system is not known well enough to find what it starts.
type job struct{ cmd *exec.Cmd }

func startJob(cmd *exec.Cmd) (*job, error) { return &job{cmd}, cmd.Start() }

func (j *job) kill() error { return j.cmd.Process.Kill() }

func (j *job) wait() {}
