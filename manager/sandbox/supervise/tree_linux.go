package supervise

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func closeOnExecFrom(fd int) {
	if unix.CloseRange(uint(fd), ^uint(0), unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	for ; fd < 256; fd++ { // before Linux 5.11
		unix.CloseOnExec(fd)
	}
}

func dupOver(from, to int) error { return unix.Dup3(from, to, 0) }

// adopt makes the supervisor the parent of every orphan below it, so that a daemon cannot walk away.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

// killAll signals every descendant. The first process of a namespace reaches them in one call; elsewhere they are found
// by walking the process table.
func killAll(sig unix.Signal) {
	if os.Getpid() == 1 {
		_ = unix.Kill(-1, sig)
		return
	}
	for _, pid := range Descendants(os.Getpid()) {
		_ = unix.Kill(pid, sig)
	}
}

// Descendants lists the living processes below root, from one pass over /proc.
func Descendants(root int) []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	children := make(map[int][]int, len(names))
	zombie := make(map[int]bool)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		state, parent, ok := readStat(pid)
		if !ok {
			continue
		}
		children[parent] = append(children[parent], pid)
		zombie[pid] = state == 'Z' || state == 'X'
	}
	var out []int
	queue := []int{root}
	for len(queue) > 0 {
		next := children[queue[0]]
		queue = append(queue[1:], next...)
		for _, pid := range next {
			if !zombie[pid] {
				out = append(out, pid)
			}
		}
	}
	return out
}

// readStat reads state and parent of a process. The name before them may hold anything, parentheses included.
func readStat(pid int) (state byte, parent int, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0, false
	}
	i := strings.LastIndexByte(string(text), ')')
	if i < 0 {
		return 0, 0, false
	}
	f := strings.Fields(string(text[i+1:]))
	if len(f) < 2 || len(f[0]) != 1 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(f[1])
	return f[0][0], parent, err == nil
}
