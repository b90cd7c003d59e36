//go:build !linux && !darwin

package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Role tells whether this process was started as the supervisor of a command. There are none on this system.
func Role([]string) (run func() int, ok bool) { return nil, false }

func probe(context.Context) Report {
	return Report{
		OS: runtime.GOOS, Backend: "none", Why: "no sandbox was written for " + runtime.GOOS,
		Fix: "run the host under Linux or macOS (on Windows: WSL), or let something around it be the sandbox: sandbox mode external",
	}
}

// start runs a command with full access; there is no other kind here.
func start(ctx context.Context, spec Spec) (*Process, error) {
	if spec.Policy.Mode.Confined() {
		r := probe(ctx)
		return nil, &UnenforceableError{Mode: spec.Policy.Mode, Why: r.Why, Fix: r.Fix}
	}
	if spec.TTY != nil {
		return nil, errors.New("starting " + spec.Argv[0] + ": terminals are not offered on " + runtime.GOOS)
	}
	cmd := &exec.Cmd{Path: spec.Argv[0], Args: spec.Argv, Dir: spec.Dir, Env: spec.Env}
	if path, err := exec.LookPath(spec.Argv[0]); err == nil {
		cmd.Path = path
	}
	p := newProcess(spec)
	files, err := connect(cmd, spec)
	if err != nil {
		return nil, err
	}
	job, err := startJob(cmd)
	for _, f := range files.child {
		_ = f.Close()
	}
	if err != nil {
		for _, f := range []*os.File{files.in, files.out, files.err} {
			if f != nil {
				_ = f.Close()
			}
		}
		return nil, &StartError{Argv: spec.Argv, Err: err}
	}
	p.pid, p.stdin, p.ctl = cmd.Process.Pid, files.in, &direct{job: job}
	p.follow(files.out, files.err)
	go func() { // ends with the command, which Close kills
		_ = cmd.Wait()
		p.exit = Exit{Code: cmd.ProcessState.ExitCode()}
		close(p.exited)
		job.wait()
		close(p.gone)
	}()
	return p, nil
}

type pipes struct {
	in, out, err *os.File
	child        []*os.File
}

// connect gives a command its streams: the null device for input unless it is wanted.
func connect(cmd *exec.Cmd, spec Spec) (p pipes, err error) {
	pair := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	if spec.Stdin {
		var r *os.File
		if r, p.in = pair(); r != nil {
			cmd.Stdin = r
			p.child = append(p.child, r)
		}
	}
	var w *os.File
	if p.out, w = pair(); w != nil {
		cmd.Stdout, cmd.Stderr = w, w
		p.child = append(p.child, w)
	}
	if spec.Separate {
		if p.err, w = pair(); w != nil {
			cmd.Stderr = w
			p.child = append(p.child, w)
		}
	}
	return p, err
}

// direct controls a command that has no supervisor.
type direct struct{ job *job }

func (d *direct) signal(number int) error {
	if number == int(syscall.SIGKILL) || number == int(syscall.SIGTERM) || number == int(syscall.SIGINT) {
		return d.job.kill()
	}
	return errors.New("signals are not offered on " + runtime.GOOS)
}

func (d *direct) kill(time.Duration) error { return d.job.kill() }
func (d *direct) destroy() error           { return d.job.kill() }

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

func setSize(*os.File, Size) error { return errors.ErrUnsupported }
