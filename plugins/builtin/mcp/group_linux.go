package mcp

import (
	"bytes"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

func (*group) close() {}

// family is the descendants of a server at one moment, those included that have
// left its group.
type family []relative

// relative is one process. Its start tells it from another that got its number.
type relative struct {
	pid   int
	start string
}

func familyOf(pid int) family {
	var out family
	for queue := []int{pid}; len(queue) > 0; queue = queue[1:] {
		for _, child := range childrenOf(queue[0]) {
			out = append(out, relative{child, startOf(child)})
			queue = append(queue, child)
		}
	}
	return out
}

// kill kills those that still live.
func (f family) kill() {
	for _, r := range f {
		if r.start != "" && startOf(r.pid) == r.start {
			_ = syscall.Kill(r.pid, syscall.SIGKILL)
		}
	}
}

// startOf is when a process was started, in the kernel's ticks, or empty.
func startOf(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name in parentheses may hold anything; 20 fields after it is the start.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}

// adopt makes this process the parent of every orphan among its descendants, so
// that none gets away by leaving its group and its parent, and reaps them as they
// end. It is for the plugin process only, which has no other children.
func (s *spawner) adopt() {
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		defer signal.Stop(ended)
		for {
			select {
			case <-ended:
				s.reap()
			case <-s.done:
				return
			}
		}
	}()
}

// reap takes the status of dead orphans. A leader's belongs to its Wait.
func (s *spawner) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range childrenOf(os.Getpid()) {
		if !s.leaders[pid] {
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		}
	}
}

// sweep kills every descendant of this process and reaps it, within limit. No
// server may be in use any more.
func sweep(limit time.Duration) {
	for end := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		children := childrenOf(os.Getpid())
		if len(children) == 0 || time.Now().After(end) {
			return
		}
		for _, pid := range children {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		}
	}
}

// childrenOf lists the children of a process, from all of its threads.
func childrenOf(pid int) []int {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []int
	for _, t := range threads {
		list, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(list) {
			if n, err := strconv.Atoi(string(field)); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// leftIn is the number of bytes in a pipe, asked at the end that writes.
func leftIn(pipe *os.File) int64 {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	var failure error
	err = raw.Control(func(fd uintptr) { n, failure = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	if err != nil || failure != nil {
		return 0
	}
	return int64(n)
}
