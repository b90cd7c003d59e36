package mcp

import (
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is the job object that a server and its descendants run in. The system
// ends them all when the last handle closes, which is ours.
type group struct{ job windows.Handle }

// start starts cmd in a new job.
func (g *group) start(cmd *exec.Cmd) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		_ = windows.CloseHandle(job)
		return err
	}
	p, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, p)
		_ = windows.CloseHandle(p)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = windows.CloseHandle(job)
		return err
	}
	g.job = job
	return nil
}

// terminate has no polite way here beyond the end of stdin.
func (g *group) terminate() {}
func (g *group) kill()      { _ = windows.TerminateJobObject(g.job, 1) }

// close runs once, after the leader is gone; what is left in the job ends.
func (g *group) close() { _ = windows.CloseHandle(g.job) }

// A job keeps the whole family together.
type family struct{}

func familyOf(int) family { return family{} }
func (family) kill()      {}

func signalName(s syscall.Signal) string { return s.String() }
func (*spawner) adopt()                  {}
func sweep(time.Duration)                {}

// leftIn cannot be known here.
func leftIn(*os.File) int64 { return 0 }
