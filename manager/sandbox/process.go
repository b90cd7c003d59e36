package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Process is a command that was started, with everything it started. All methods may be called concurrently.
// Close it: until then it holds pipes, goroutines and perhaps a supervisor.
type Process struct {
	pid    int
	spec   Spec
	stdout *Stream
	stderr *Stream // nil unless Spec.Separate
	ctl    controller

	exited chan struct{} // closed when the command itself ended; exit is set before
	exit   Exit
	gone   chan struct{} // closed when nothing is left of it; survivors is set before
	// survivors says that something could not be killed.
	survivors bool

	mu      sync.Mutex
	stdin   *os.File // nil when closed; the terminal's master when tty
	master  *os.File // nil unless tty
	readers []*os.File
	pumps   sync.WaitGroup
	closed  bool
}

// controller is the operating system's side of a process. Calls are bounded in time and may be concurrent.
type controller interface {
	// signal sends a signal to the process group of the command.
	signal(number int) error
	// kill asks for the end of everything, politely for the length of grace; it does not wait.
	kill(grace time.Duration) error
	// destroy is the last means, after kill was not enough. It returns what is known to be left.
	destroy() error
}

// Start runs a command. ctx bounds the start, not the command. Errors: *[UnenforceableError] when the policy cannot be
// enforced, *[StartError] when the command cannot be executed; in either case nothing runs.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if spec.OutputLimit <= 0 {
		spec.OutputLimit = DefaultOutputLimit
	}
	if spec.Drain <= 0 {
		spec.Drain = defaultDrain
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return start(ctx, spec)
}

func newProcess(spec Spec) *Process {
	p := &Process{
		spec: spec, stdout: newStream(spec.OutputLimit),
		exited: make(chan struct{}), gone: make(chan struct{}),
	}
	if spec.Separate && spec.TTY == nil {
		p.stderr = newStream(spec.OutputLimit)
	}
	return p
}

// follow starts reading the outputs. The files are closed by Close.
func (p *Process) follow(stdout, stderr *os.File) {
	p.readers = append(p.readers, stdout)
	p.pumps.Go(func() { p.stdout.pump(stdout) })
	if stderr != nil {
		p.readers = append(p.readers, stderr)
		p.pumps.Go(func() { p.stderr.pump(stderr) })
	}
}

// Pid is the command's process id as the host sees it, where it can: inside a process namespace of its own, the
// supervisor's. It names the process in messages; do not signal it.
func (p *Process) Pid() int { return p.pid }

// Stdout is the output; standard error is in it too unless Spec.Separate.
func (p *Process) Stdout() *Stream { return p.stdout }

// Stderr is standard error where Spec.Separate, else nil.
func (p *Process) Stderr() *Stream { return p.stderr }

// Exited is closed when the command itself has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Gone is closed when the command and all that it started have ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// ExitStatus is how the command ended; false while it runs.
func (p *Process) ExitStatus() (Exit, bool) {
	select {
	case <-p.exited:
		return p.exit, true
	default:
		return Exit{}, false
	}
}

// Wait waits for the end of the command and of its output. When something left behind holds the output open, it returns
// after Spec.Drain; the output goes on being collected. The only error is that of ctx.
func (p *Process) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-p.exited:
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
	drain := time.NewTimer(p.spec.Drain)
	defer drain.Stop()
	for _, s := range []*Stream{p.stdout, p.stderr} {
		if s == nil {
			continue
		}
		select {
		case <-s.done:
		case <-drain.C:
			return p.exit, nil
		case <-ctx.Done():
			return p.exit, ctx.Err()
		}
	}
	return p.exit, nil
}

// Write writes to the command's input, as long as ctx allows: a command that does not read blocks it. It returns
// ErrStdinClosed when there is no input, or no more.
func (p *Process) Write(ctx context.Context, data []byte) (int, error) {
	p.mu.Lock()
	in := p.stdin
	p.mu.Unlock()
	if in == nil {
		return 0, ErrStdinClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = in.SetWriteDeadline(time.Unix(1, 0)) })
	n, err := in.Write(data)
	if !stop() {
		// The deadline belongs to this call only.
		_ = in.SetWriteDeadline(time.Time{})
	}
	switch {
	case err == nil:
		return n, nil
	case ctx.Err() != nil:
		return n, fmt.Errorf("writing to the input of the command: %w", ctx.Err())
	case errors.Is(err, os.ErrClosed) || isBrokenPipe(err):
		return n, ErrStdinClosed
	}
	return n, fmt.Errorf("writing to the input of the command: %w", err)
}

// CloseStdin ends the command's input. On a terminal it types the end-of-file character, because a terminal has only one
// end. Closing twice is nothing.
func (p *Process) CloseStdin() error {
	p.mu.Lock()
	in := p.stdin
	p.stdin = nil
	tty := p.master != nil
	p.mu.Unlock()
	switch {
	case in == nil:
		return nil
	case tty:
		_ = in.SetWriteDeadline(time.Now().Add(time.Second))
		_, err := in.Write([]byte{4})
		return err
	}
	return in.Close()
}

// Resize changes the size of the terminal. An error without one.
func (p *Process) Resize(size Size) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.master == nil {
		return errors.New("resizing: the command has no terminal")
	}
	return setSize(p.master, size)
}

// Signal sends a signal to the process group of the command; nothing happens when it has ended.
func (p *Process) Signal(number int) error {
	select {
	case <-p.exited:
		return nil
	default:
		return p.ctl.signal(number)
	}
}

// Kill ends the command and everything it started, daemons included: TERM first, KILL after grace. When it returns nil
// nothing of them is alive. It takes at most grace plus ten seconds and then returns ErrSurvivors.
func (p *Process) Kill(grace time.Duration) error {
	select {
	case <-p.gone:
		return p.left()
	default:
	}
	// An error means that it is ending already.
	_ = p.ctl.kill(grace)
	if p.goneWithin(grace + killSlack) {
		return p.left()
	}
	return p.destroy()
}

// goneWithin waits for the end of everything, as long as d.
func (p *Process) goneWithin(d time.Duration) bool {
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-p.gone:
		return true
	case <-limit.C:
		return false
	}
}

func (p *Process) left() error {
	if p.survivors {
		return ErrSurvivors
	}
	return nil
}

func (p *Process) destroy() error {
	err := p.ctl.destroy()
	if p.goneWithin(killSlack) {
		return errors.Join(err, p.left())
	}
	return errors.Join(ErrSurvivors, err)
}

// Close kills what is left, at once, and frees everything. What the streams hold can still be read.
func (p *Process) Close() error {
	err := p.Kill(0)
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		if p.stdin != nil && p.stdin != p.master {
			_ = p.stdin.Close()
		}
		p.stdin, p.master = nil, nil
	}
	readers := p.readers
	p.mu.Unlock()
	// With nobody left the outputs end by themselves, unless their ends were handed to a stranger over a socket.
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	for _, s := range []*Stream{p.stdout, p.stderr} {
		if s == nil || err != nil {
			continue
		}
		select {
		case <-s.done:
		case <-limit.C:
		}
	}
	for _, f := range readers {
		_ = f.Close()
	}
	p.pumps.Wait()
	return err
}

// Run starts a command, waits for its end or that of ctx, and leaves nothing behind. The process is returned for its
// output, closed. The error of ctx means that the command was killed.
func Run(ctx context.Context, spec Spec, grace time.Duration) (*Process, Exit, error) {
	p, err := Start(ctx, spec)
	if err != nil {
		return nil, Exit{}, err
	}
	exit, err := p.Wait(ctx)
	if err != nil {
		_ = p.Kill(grace)
		exit, _ = p.ExitStatus()
	}
	return p, exit, errors.Join(err, p.Close())
}
