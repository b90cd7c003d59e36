//go:build linux || darwin

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// start launches the supervisor of one command and waits for its first report.
func start(ctx context.Context, spec Spec) (*Process, error) {
	if os.Getenv(supervise.EnvMark) != "" {
		return nil, fmt.Errorf("starting %s: this program is a supervisor that did not branch off: call sandbox.Role at the top of main", spec.Argv[0])
	}
	l, err := prepare(ctx, &spec)
	if err != nil {
		return nil, err
	}
	return l.run(ctx, spec)
}

// launch is everything one supervisor is started with.
type launch struct {
	order supervise.Order
	attr  *syscall.SysProcAttr
	// wrap, if any, is a program in front of the supervisor (bubblewrap), with its arguments.
	wrap  []string
	holds []*os.File // placeholders, kept until nothing of the command is left
	drop  func()     // removes what was put in place for the command; may be nil
}

func (l *launch) run(ctx context.Context, spec Spec) (*Process, error) {
	p := newProcess(spec)
	s := &supervisor{p: p, drop: l.drop, holds: l.holds}
	ends, err := openEnds(spec)
	if err == nil {
		err = s.launch(l, ends)
		ends.closeChild()
	}
	if err != nil {
		ends.closeHost()
		s.release()
		return nil, fmt.Errorf("starting the supervisor of %s: %w", spec.Argv[0], err)
	}
	master, err := s.handshake(ctx, l.order)
	if err != nil {
		ends.closeHost()
		s.abandon()
		return nil, startFailure(spec, err)
	}
	p.ctl = s
	p.stdin = ends.in
	if master != nil {
		p.master, p.stdin = master, master
		ends.out = master
	}
	p.follow(ends.out, ends.err)
	s.done.Go(s.listen)
	return p, nil
}

// startFailure tells a command that cannot be executed from a machine that cannot confine it.
func startFailure(spec Spec, err error) error {
	var f *refused
	if !errors.As(err, &f) {
		return fmt.Errorf("starting %s: %w", spec.Argv[0], err)
	}
	if f.Stage == "exec" {
		if f.Errno != 0 {
			return &StartError{Argv: spec.Argv, Err: syscall.Errno(f.Errno)}
		}
		return &StartError{Argv: spec.Argv, Err: errors.New(f.Text)}
	}
	if spec.Policy.Mode.Confined() {
		return &UnenforceableError{Mode: spec.Policy.Mode, Why: f.Stage + ": " + f.Text, Fix: "ask for sandbox/status, which says what this machine offers"}
	}
	return fmt.Errorf("starting %s: %s: %s", spec.Argv[0], f.Stage, f.Text)
}

// refused is a failure as an error.
type refused struct{ supervise.Failure }

func (r *refused) Error() string { return r.Stage + ": " + r.Text }

// ends are both sides of a command's standard streams. On a terminal the child's are the null device, and the host's
// arrive with the first report.
type ends struct {
	in, out, err          *os.File
	childIn, childOut, ce *os.File
}

func openEnds(spec Spec) (*ends, error) {
	e := &ends{}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return e, err
	}
	e.childIn = null
	if spec.TTY != nil {
		e.childOut, e.ce = null, null
		return e, nil
	}
	if spec.Stdin {
		if e.childIn, e.in, err = pipe(1); err != nil {
			e.childIn = nil
			return e, errors.Join(err, null.Close())
		}
		_ = null.Close()
	}
	if e.out, e.childOut, err = pipe(0); err != nil {
		return e, err
	}
	e.ce = e.childOut
	if spec.Separate {
		if e.err, e.ce, err = pipe(0); err != nil {
			e.ce = nil
		}
	}
	return e, err
}

// pipe makes a pipe whose end number mine does not block, so that closing it ends a read or write that waits.
func pipe(mine int) (r, w *os.File, err error) {
	var fds [2]int
	if err := cloexecPipe(&fds); err != nil {
		return nil, nil, os.NewSyscallError("pipe", err)
	}
	_ = unix.SetNonblock(fds[mine], true)
	return os.NewFile(uintptr(fds[0]), "|0"), os.NewFile(uintptr(fds[1]), "|1"), nil
}

func (e *ends) closeChild() { closeAll(e.childIn, e.childOut, e.ce) }
func (e *ends) closeHost()  { e.closeChild(); closeAll(e.in, e.out, e.err) }

// closeAll closes what is there; a file named twice is closed once and refuses the second time.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// supervisor is the host's side of one. It implements controller.
type supervisor struct {
	p     *Process
	proc  *os.Process
	conn  *net.UnixConn
	holds []*os.File
	drop  func()
	done  sync.WaitGroup

	mu    sync.Mutex // one frame at a time
	group int        // the command's process group where the host can see it, else 0
}

// launch starts the supervisor's process.
func (s *supervisor) launch(l *launch, e *ends) error {
	mine, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	conn, err := net.FileConn(mine)
	_ = mine.Close()
	if err != nil {
		return err
	}
	s.conn = conn.(*net.UnixConn)
	name, argv := selfExe(), []string{"codexhost", supervise.RoleName}
	if len(l.wrap) > 0 {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		name, argv = l.wrap[0], append(slices.Clone(l.wrap), self, supervise.RoleName)
	}
	files := append([]*os.File{e.childIn, e.childOut, e.ce, theirs}, l.holds...)
	// Two processors are plenty for a program that waits. One built with the race detector would sleep for a second
	// before it ends.
	env := []string{supervise.EnvMark + "=1", "GOMAXPROCS=2", "GORACE=atexit_sleep_ms=0", "PATH=/usr/local/bin:/usr/bin:/bin"}
	s.proc, err = os.StartProcess(name, argv, &os.ProcAttr{Dir: "/", Env: env, Files: files, Sys: l.attr})
	if err != nil {
		_ = s.conn.Close()
	}
	return err
}

// handshake sends the order and waits for the command to be executed. It returns the terminal, if one was ordered.
func (s *supervisor) handshake(ctx context.Context, o supervise.Order) (*os.File, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := s.send(o)
	if err != nil {
		return nil, late(ctx, err)
	}
	r, fd, err := s.firstReport()
	if err != nil {
		return nil, late(ctx, err)
	}
	var master *os.File
	if fd >= 0 {
		_ = unix.SetNonblock(fd, true)
		master = os.NewFile(uintptr(fd), "terminal")
	}
	switch {
	case r.Failed != nil:
		closeAll(master)
		return nil, &refused{*r.Failed}
	case r.Started == nil || (o.TTY != nil) != (master != nil):
		closeAll(master)
		return nil, errors.New("the supervisor sent something else than a report of its start")
	}
	if !stop() {
		closeAll(master)
		return nil, late(ctx, os.ErrDeadlineExceeded)
	}
	s.p.pid = r.Started.Pid
	s.group = r.Started.Pid
	if c := o.Confine; c != nil && (c.Namespaces || c.Outer) {
		s.p.pid, s.group = s.proc.Pid, 0 // the command's own number means nothing out here
	}
	return master, nil
}

// late prefers the reason why a deadline was set to the deadline.
func late(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("talking to the supervisor: %w", err)
}

// firstReport reads one frame and the descriptor that may come with its first byte.
func (s *supervisor) firstReport() (supervise.Report, int, error) {
	var r supervise.Report
	fd := -1
	head := make([]byte, 4)
	oob := make([]byte, unix.CmsgSpace(4))
	for got := 0; got < 4; {
		n, oobn, _, _, err := s.conn.ReadMsgUnix(head[got:], oob)
		if err == nil && n == 0 {
			err = errors.New("it ended without a report")
		}
		if err != nil {
			return r, fd, err
		}
		if oobn > 0 {
			fd = descriptor(oob[:oobn])
		}
		got += n
	}
	err := supervise.ReadFrame(&prefixed{head, s.conn}, &r)
	return r, fd, err
}

func descriptor(oob []byte) int {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	for _, m := range msgs {
		if fds, err := unix.ParseUnixRights(&m); err == nil && len(fds) > 0 {
			unix.CloseOnExec(fds[0])
			return fds[0]
		}
	}
	return -1
}

// prefixed reads head before the connection.
type prefixed struct {
	head []byte
	conn *net.UnixConn
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) > 0 {
		n := copy(b, p.head)
		p.head = p.head[n:]
		return n, nil
	}
	return p.conn.Read(b)
}

func (s *supervisor) send(v any) error {
	frame, err := supervise.EncodeFrame(v)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.conn.Write(frame)
	return err
}

// listen takes the reports of a supervisor until it ends, and then ends the process.
func (s *supervisor) listen() {
	exited := false
	for {
		var r supervise.Report
		if err := supervise.ReadFrame(s.conn, &r); err != nil {
			break
		}
		if r.Survivors {
			s.p.survivors = true
		}
		if r.Exited != nil && !exited {
			exited = true
			s.p.exit = *r.Exited
			close(s.p.exited)
		}
	}
	_ = s.conn.Close()
	state, _ := s.proc.Wait()
	s.release()
	if !exited {
		// Killed from outside, or by its command. What it watched over is found again by the process group.
		s.p.exit = Exit{Code: 128 + int(unix.SIGKILL), Signal: int(unix.SIGKILL), Lost: true}
		close(s.p.exited)
	}
	if state == nil || !state.Success() {
		sweepGroup(s.group)
	}
	close(s.p.gone)
}

func (s *supervisor) signal(number int) error { return s.send(supervise.Request{Signal: number}) }

func (s *supervisor) kill(grace time.Duration) error {
	_ = s.proc.Signal(unix.SIGCONT) // a command with full access may have stopped it
	return s.send(supervise.Request{Kill: true, GraceMS: grace.Milliseconds()})
}

// destroy kills the supervisor. In a process namespace that ends everything; elsewhere the group is all that is known.
func (s *supervisor) destroy() error {
	sweepGroup(s.group)
	err := s.proc.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// abandon ends a supervisor whose command did not start, or started too late. The end of the socket makes it clean up;
// only one that does not is killed.
func (s *supervisor) abandon() {
	_ = s.conn.Close()
	_ = s.proc.Signal(unix.SIGCONT) // its command may have begun, and stopped it
	limit := time.AfterFunc(killSlack, func() { _ = s.proc.Kill() })
	_, _ = s.proc.Wait()
	limit.Stop()
	s.release()
}

func (s *supervisor) release() {
	if s.drop != nil {
		s.drop()
	}
	closeAll(s.holds...)
}

// sweepGroup kills a process group that lost its supervisor.
func sweepGroup(group int) {
	if group > 1 {
		_ = unix.Kill(-group, unix.SIGKILL)
	}
}

func isBrokenPipe(err error) bool { return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.EIO) }

func setSize(f *os.File, size Size) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: size.Cols, Row: size.Rows})
	})
	return errors.Join(err, set)
}
