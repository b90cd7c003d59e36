package mcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// The polite way to end a server: its stdin closes, then it is asked, then it is
// killed. The last wait is for pipes that somebody else holds open.
const (
	politeWait = 600 * time.Millisecond
	termWait   = 600 * time.Millisecond
	drainWait  = 250 * time.Millisecond
)

// process is a server's process and what it leads.
type process struct {
	cmd    *exec.Cmd
	group  group
	stdin  *os.File
	stdout *os.File
	exited chan struct{} // closed when the leader has been reaped
	wg     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	stderr tail
}

// launch starts the program of c. A failure is a *provider.StartError.
func launch(s *spawner, c *provider.Config) (*process, error) {
	path, err := lookPath(c.Command, c.Env["PATH"], c.Cwd)
	if err != nil {
		return nil, &provider.StartError{Stage: provider.StageSpawn, Reason: osText(err)}
	}
	p := &process{exited: make(chan struct{})}
	p.cmd = &exec.Cmd{Path: path, Args: append([]string{c.Command}, c.Args...), Dir: c.Cwd, Env: make([]string, 0, len(c.Env))}
	for name, value := range c.Env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	stderr, err := p.pipes(s)
	if err != nil {
		return nil, &provider.StartError{Stage: provider.StageSpawn, Reason: osText(err)}
	}
	p.wg.Go(func() { p.drain(stderr) })
	go p.wait(s) // ends with the process, which stop ends
	return p, nil
}

// pipes makes the three pipes and starts the command.
func (p *process) pipes(s *spawner) (stderr *os.File, err error) {
	var files []*os.File
	defer func() {
		if err != nil {
			for _, f := range files {
				f.Close()
			}
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			if r, w, err = os.Pipe(); err == nil {
				files = append(files, r, w)
			}
		}
		return r, w
	}
	childIn, stdin := pipe()
	stdout, childOut := pipe()
	stderr, childErr := pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = childIn, childOut, childErr
	if err = s.start(p.cmd, &p.group); err != nil {
		return nil, err
	}
	for _, f := range []*os.File{childIn, childOut, childErr} {
		f.Close()
	}
	p.stdin, p.stdout = stdin, stdout
	return stderr, nil
}

// drain reads stderr to its end, so that the server never blocks on it.
func (p *process) drain(f *os.File) {
	defer f.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a grandchild may hold the pipe after the leader died
		select {
		case <-p.exited:
			t := time.NewTimer(drainWait)
			defer t.Stop()
			select {
			case <-t.C:
				f.Close()
			case <-stop:
			}
		case <-stop:
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := f.Read(buf)
		p.mu.Lock()
		p.stderr.write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait reaps the leader and ends what it leaves behind.
func (p *process) wait(s *spawner) {
	_ = p.cmd.Wait()
	s.forget(p.cmd.Process.Pid)
	p.group.kill()
	p.group.close()
	close(p.exited)
	time.AfterFunc(drainWait, func() { p.stdout.Close() })
}

// stop ends the process: politely at first, at once when hurry is or becomes
// closed. It returns when the process is gone.
func (p *process) stop(hurry <-chan struct{}) {
	defer familyOf(p.cmd.Process.Pid).kill()
	_ = p.stdin.Close()
	if p.gone(politeWait, hurry) {
		return
	}
	p.group.terminate()
	if p.gone(termWait, hurry) {
		return
	}
	p.group.kill()
	<-p.exited // a killed process is reaped, whatever it was doing
	p.wg.Wait()
}

// inHurry is what is left of the polite waits when there is no time.
const inHurry = 100 * time.Millisecond

func (p *process) gone(limit time.Duration, hurry <-chan struct{}) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-p.exited:
		p.wg.Wait()
		return true
	case <-t.C:
		return false
	case <-hurry:
	}
	t.Reset(inHurry)
	select {
	case <-p.exited:
		p.wg.Wait()
		return true
	case <-t.C:
		return false
	}
}

// deathWait is how long the end of a server's stdout may come before its death.
const deathWait = 100 * time.Millisecond

// unread is how many bytes are left in the stdin of a server that has died, 0
// when it lives or that cannot be known.
func (p *process) unread() int64 {
	t := time.NewTimer(deathWait)
	defer t.Stop()
	select {
	case <-p.exited:
		return leftIn(p.stdin)
	case <-t.C:
		return 0
	}
}

// remains is what is known of the process.
func (p *process) remains() provider.Remains {
	var r provider.Remains
	select {
	case <-p.exited:
		state := p.cmd.ProcessState
		if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
			r.Signal = signalName(w.Signal())
		} else {
			code := state.ExitCode()
			r.ExitCode = &code
		}
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Stderr = p.stderr.lines()
	return r
}

// lookPath finds the program as the server's own environment would.
func lookPath(command, path, dir string) (string, error) {
	if strings.ContainsRune(command, os.PathSeparator) || filepath.IsAbs(command) {
		if !filepath.IsAbs(command) {
			command = filepath.Join(dir, command)
		}
		return executable(command)
	}
	var failure error = &os.PathError{Op: "exec", Path: command, Err: syscall.ENOENT}
	for _, folder := range filepath.SplitList(path) {
		if folder == "" {
			continue // the working directory is not searched
		}
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		found, err := executable(filepath.Join(folder, command))
		if err == nil {
			return found, nil
		}
		if errors.Is(err, os.ErrPermission) {
			failure = err
		}
	}
	return "", failure
}

// executable checks a path, on Windows with the usual endings too.
func executable(path string) (string, error) {
	if runtime.GOOS == "windows" {
		return exec.LookPath(path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case info.IsDir(), info.Mode()&0o111 == 0:
		return "", &os.PathError{Op: "exec", Path: path, Err: syscall.EACCES}
	}
	return path, nil
}

// osText writes an error of the system as clients know it:
// "No such file or directory (os error 2)".
func osText(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err.Error()
	}
	text := errno.Error()
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return fmt.Sprintf("%s (os error %d)", text, int(errno))
}

// spawner starts every process from one thread of the operating system that
// lives as long as the provider: on Linux a parent-death signal is sent when the
// thread that started the child ends, and Go ends threads as it sees fit.
type spawner struct {
	jobs chan spawnJob
	done chan struct{}
	quit context.CancelFunc

	mu      sync.Mutex // guards leaders; held while one is started
	leaders map[int]bool
}

type spawnJob struct {
	cmd    *exec.Cmd
	group  *group
	result chan error
}

var errShut = errors.New("the provider is shutting down")

func newSpawner() *spawner {
	ctx, quit := context.WithCancel(context.Background())
	s := &spawner{jobs: make(chan spawnJob), done: make(chan struct{}), quit: quit, leaders: map[int]bool{}}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		exactTimers()
		for {
			select {
			case j := <-s.jobs:
				j.result <- s.fork(j)
			case <-ctx.Done():
				return
			}
		}
	}()
	return s
}

func (s *spawner) fork(j spawnJob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := j.group.start(j.cmd); err != nil {
		return err
	}
	s.leaders[j.cmd.Process.Pid] = true
	return nil
}

// forget is called when a leader has been reaped.
func (s *spawner) forget(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leaders, pid)
}

// start starts cmd in a group of its own.
func (s *spawner) start(cmd *exec.Cmd, g *group) error {
	j := spawnJob{cmd, g, make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.result
	case <-s.done:
		return errShut
	}
}

func (s *spawner) close() {
	s.quit()
	<-s.done
}
