//go:build linux || darwin

package supervise

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// socketFD is where a supervisor finds the connection to its host; placeholders follow.
const socketFD = 3

// patience is how long a supervisor tries to kill what does not die: less than its host waits for it.
const patience = 4 * time.Second

// Role tells whether this process was started as a supervisor, from its arguments without the program's name.
func Role(args []string) (run func() int, ok bool) {
	if len(args) != 1 || args[0] != RoleName || os.Getenv(EnvMark) == "" {
		return nil, false
	}
	return supervise, true
}

// supervise runs one command as ordered on the socket, and returns when nothing of it is left.
func supervise() int {
	h := &helper{host: os.NewFile(socketFD, "host")}
	if err := h.settle(); err != nil {
		return 1
	}
	var o Order
	if err := ReadFrame(h.host, &o); err != nil {
		return 1
	}
	pid, master, err := h.begin(&o)
	if err != nil {
		h.tell(Report{Failed: describe(err)}, -1)
		return 1
	}
	if o.Try {
		h.tell(Report{Started: &Started{Pid: os.Getpid()}}, -1)
		h.tell(Report{Exited: &Exit{}}, -1)
		return 0
	}
	h.main = pid
	h.tell(Report{Started: &Started{Pid: pid, Terminal: master >= 0, Landlock: h.landlock}}, master)
	if master >= 0 {
		_ = unix.Close(master)
	}
	return h.watch(o.Linger)
}

// helper is the supervisor's state. Only the goroutine that watches touches it.
type helper struct {
	host     *os.File
	main     int // pid of the command
	exit     *Exit
	landlock int
	inside   *Confinement // what was set up; nil with full access
}

// settle cuts the supervisor off from what it inherited, apart from the standard streams, and from the terminal's
// signals. A signal that is caught is at its default again in the command; one that is ignored would stay ignored.
func (h *helper) settle() error {
	closeOnExecFrom(socketFD)
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGALRM, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	return adopt()
}

// begin makes the confinement and starts the command. It returns its pid and the terminal's master, or -1.
func (h *helper) begin(o *Order) (pid, master int, err error) {
	master = -1
	if o.Confine != nil {
		h.inside = o.Confine
		if err := enter(o.Confine); err != nil {
			return 0, -1, err
		}
	}
	files := []uintptr{0, 1, 2}
	attr := &syscall.SysProcAttr{Setsid: true}
	if o.TTY != nil {
		m, s, err := openTerminal(*o.TTY)
		if err != nil {
			return 0, -1, stage("terminal", err)
		}
		defer s.Close()
		master, _ = unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		_ = m.Close()
		files = []uintptr{s.Fd(), s.Fd(), s.Fd()}
		attr.Setctty = true
	}
	pid, err = h.launch(o, &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files, Sys: attr})
	if err != nil && master >= 0 {
		_ = unix.Close(master)
		master = -1
	}
	h.letGo()
	return pid, master, err
}

func openTerminal(size Size) (master, slave *os.File, err error) {
	master, slave, err = pty.Open()
	if err != nil {
		return nil, nil, err
	}
	err = unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: size.Cols, Row: size.Rows})
	if err != nil {
		_ = master.Close()
		_ = slave.Close()
	}
	return master, slave, err
}

// launch starts the command from a thread that never ends and that alone carries the confinement: filters, rights and
// the wish to die with the parent belong to threads, and a child inherits those of the thread that made it.
func (h *helper) launch(o *Order, attr *syscall.ProcAttr) (int, error) {
	type result struct {
		pid int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		pid, err := h.launchHere(o, attr)
		done <- result{pid, err}
		select {} // the thread is the parent whose death kills the command
	}()
	r := <-done
	return r.pid, r.err
}

func (h *helper) launchHere(o *Order, attr *syscall.ProcAttr) (int, error) {
	dieWithParent(attr.Sys)
	path, err := FindProgram(o.Argv[0], o.Dir, o.Env)
	if err != nil {
		return 0, stage("exec", err)
	}
	if o.Confine != nil {
		if h.landlock, err = confineThread(o.Confine); err != nil {
			return 0, err
		}
	}
	if o.Try {
		return 0, nil
	}
	pid, err := syscall.ForkExec(path, o.Argv, attr)
	return pid, stage("exec", err)
}

// letGo drops the command's standard streams: as long as the supervisor held them, they would not end.
func (h *helper) letGo() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		for fd := range 3 {
			_ = unix.Close(fd)
		}
		return
	}
	for fd := range 3 {
		_ = dupOver(null, fd)
	}
	_ = unix.Close(null)
}

// watch reaps, obeys and waits until nothing of the command is left.
func (h *helper) watch(linger bool) int {
	reaped := make(chan wait, 16)
	go reap(reaped)
	asked := make(chan Request)
	go h.hear(asked)
	for {
		select {
		case w, more := <-reaped:
			if !more {
				return 0
			}
			if w.pid == h.main && h.exit == nil {
				h.exit = w.exit()
				if !linger {
					return h.finish(0, reaped) // what a confined command leaves behind ends with it
				}
				h.tell(Report{Exited: h.exit}, -1)
			}
		case r, more := <-asked:
			switch {
			case !more:
				h.end(0, reaped)
				h.hostIsGone()
				return 0
			case r.Kill:
				return h.finish(r.grace(), reaped)
			case r.Signal > 0 && h.exit == nil:
				_ = unix.Kill(-h.main, unix.Signal(r.Signal))
			}
		}
	}
}

// hear passes on what the host asks. The channel closes when the host is gone.
func (h *helper) hear(asked chan<- Request) {
	defer close(asked)
	for {
		var r Request
		if ReadFrame(h.host, &r) != nil {
			return
		}
		asked <- r
	}
}

// finish ends everything and tells the host how it went.
func (h *helper) finish(grace time.Duration, reaped <-chan wait) int {
	gone := h.end(grace, reaped)
	h.tell(Report{Exited: h.exit, Survivors: !gone}, -1)
	return 0
}

// end kills everything, politely for the length of grace. False when something could not be killed.
func (h *helper) end(grace time.Duration, reaped <-chan wait) bool {
	if grace > 0 {
		killAll(unix.SIGTERM)
		killAll(unix.SIGCONT)
		if h.drain(grace, reaped) {
			return true
		}
	}
	// Each round kills what the round before had forked meanwhile. The pause grows, because what is left after a few
	// rounds waits for a device and not for us.
	pause := time.Millisecond
	for limit := time.Now().Add(patience); time.Now().Before(limit); pause = min(2*pause, 100*time.Millisecond) {
		killAll(unix.SIGKILL)
		if h.drain(pause, reaped) {
			return true
		}
	}
	return false
}

// drain reaps for the length of d. True when no child is left.
func (h *helper) drain(d time.Duration, reaped <-chan wait) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case w, more := <-reaped:
			if !more {
				return true
			}
			if w.pid == h.main && h.exit == nil {
				h.exit = w.exit()
			}
		case <-t.C:
			return false
		}
	}
}

// tell sends a report. The host may be gone: then nobody is interested.
func (h *helper) tell(r Report, fd int) {
	frame, err := EncodeFrame(r)
	if err != nil {
		return
	}
	if fd >= 0 {
		n, err := unix.SendmsgN(socketFD, frame, unix.UnixRights(fd), nil, 0)
		if err != nil {
			return
		}
		frame = frame[n:]
	}
	_, _ = h.host.Write(frame)
}

// wait is the end of one child.
type wait struct {
	pid    int
	status unix.WaitStatus
}

func (w wait) exit() *Exit {
	if w.status.Signaled() {
		n := int(w.status.Signal())
		return &Exit{Code: 128 + n, Signal: n}
	}
	return &Exit{Code: w.status.ExitStatus()}
}

// reap waits for children, adopted ones included, until there are none.
func reap(out chan<- wait) {
	defer close(out)
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return
		case status.Exited() || status.Signaled():
			out <- wait{pid, status}
		}
	}
}

func describe(err error) *Failure {
	f := &Failure{Stage: "supervisor", Text: err.Error()}
	if s := (*stageError)(nil); errors.As(err, &s) {
		f.Stage, f.Text = s.stage, s.err.Error()
	}
	if no := syscall.Errno(0); errors.As(err, &no) {
		f.Errno = int(no)
	}
	return f
}
