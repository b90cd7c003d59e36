package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"
)

// process is one plugin process, as go-plugin sees it (runner.Runner) and as
// the host ends it. It owns the child, its group, and our ends of its pipes.
//
// What go-plugin's own runner does otherwise, and why that will not do: it
// gives the child the host's stdin, which carries the conversation with the
// client; it kills the child but not the child's children; and it waits for
// the pipes to close before it looks whether the child is alive, which a
// grandchild can put off for ever.
type process struct {
	logger hclog.Logger
	spawn  *spawner
	drain  time.Duration
	group  group

	cmd    *exec.Cmd
	stdin  *os.File       // our end of the child's stdin: held, never written
	stdout *io.PipeReader // the handshake, for go-plugin
	stderr *watched
	hello  hello
	files  []*os.File // closed once the child has died and was drained

	mu      sync.Mutex // guards the two below
	started bool
	killed  bool // no start from here on

	dead    chan struct{} // closed as soon as the child has died
	drained chan struct{} // closed when nothing of it is left: pipes read to the end or given up
	wait    error         // what cmd.Wait said; set before dead is closed
}

// watched is a reader that tells when it came to its end.
type watched struct {
	*os.File
	once sync.Once
	end  chan struct{}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.File.Read(p)
	if err != nil {
		w.once.Do(func() { close(w.end) })
		if errors.Is(err, os.ErrClosed) {
			err = io.EOF // closed by us after the child's death: nothing to report
		}
	}
	return n, err
}

// newProcess prepares cmd, whose stdio it sets, to be started by Start.
func newProcess(logger hclog.Logger, cmd *exec.Cmd, sp *spawner, drain time.Duration) *process {
	return &process{
		logger: logger, spawn: sp, drain: drain, cmd: cmd,
		hello:   hello{logger: logger},
		dead:    make(chan struct{}),
		drained: make(chan struct{}),
	}
}

// Start starts the child. ctx matters only while it waits for its turn.
func (p *process) Start(ctx context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return errors.New("ended before it was started")
	}
	var child []*os.File
	defer func() {
		for _, f := range child {
			f.Close()
		}
		if err != nil {
			p.closeFiles()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	inR, inW := pipe()
	outR, outW := pipe()
	errR, errW := pipe()
	for _, f := range []*os.File{inR, outW, errW} {
		if f != nil {
			child = append(child, f)
		}
	}
	for _, f := range []*os.File{inW, outR, errR} {
		if f != nil {
			p.files = append(p.files, f)
		}
	}
	if err != nil {
		return fmt.Errorf("making the plugin's pipes: %w", err)
	}
	p.stdin = inW
	p.stderr = &watched{File: errR, end: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = inR, outW, errW
	if err := p.spawn.start(ctx, p.cmd, &p.group); err != nil {
		return fmt.Errorf("starting %s: %w", p.cmd.Path, err)
	}
	p.started = true

	hs, w := io.Pipe()
	p.stdout = hs
	outEnd := make(chan struct{})
	// Both end with the child: reap waits for it, and closes what the other reads.
	go func() {
		defer close(outEnd)
		p.hello.pump(outR, w)
	}()
	go p.reap(outEnd, w)
	return nil
}

// reap waits for the child, ends what it left behind, and gives the pipes a
// moment to run dry, which they do not while somebody outside the group
// inherited them.
func (p *process) reap(outEnd <-chan struct{}, handshake *io.PipeWriter) {
	awaitExit(p.cmd.Process) // leaves the child unreaped where it can, so that its group id is still its own
	p.group.kill()
	p.wait = p.cmd.Wait()
	close(p.dead)

	timeout := time.NewTimer(p.drain)
	defer timeout.Stop()
	for _, end := range []<-chan struct{}{outEnd, p.stderr.end} {
		select {
		case <-end:
		case <-timeout.C:
		}
	}
	p.closeFiles()
	handshake.Close() // go-plugin may have stopped reading; at this end, for it would call the other an error
	<-outEnd
	p.group.close()
	close(p.drained)
}

func (p *process) closeFiles() {
	for _, f := range p.files {
		f.Close()
	}
}

// terminate asks the group to end: end of file on stdin and, where there is
// such a thing, SIGTERM.
func (p *process) terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started {
		p.stdin.Close()
		select {
		case <-p.dead:
		default:
			p.group.terminate()
		}
	}
}

// kill ends the group at once, and keeps a child from being started later.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if !p.started {
		return
	}
	select {
	case <-p.dead: // its group is gone, and its id may be somebody else's
	default:
		p.group.kill()
	}
}

// exit describes how the child ended. Valid once dead is closed.
func (p *process) exit() string {
	if s := p.cmd.ProcessState; s != nil {
		return s.String() // "exit status 2", "signal: killed"
	}
	return fmt.Sprint(p.wait)
}

// wasKilled tells whether the child ended by our force. Valid once dead is closed.
func (p *process) wasKilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed && p.cmd.ProcessState != nil && p.cmd.ProcessState.ExitCode() == -1
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		return 0
	}
	return p.cmd.Process.Pid
}

// The rest is what go-plugin wants of a runner.

var _ runner.Runner = (*process)(nil)

func (p *process) Stdout() io.ReadCloser           { return p.stdout }
func (p *process) Stderr() io.ReadCloser           { return p.stderr }
func (p *process) Name() string                    { return p.cmd.Path }
func (p *process) Diagnose(context.Context) string { return "" }

func (p *process) ID() string {
	if pid := p.pid(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

func (p *process) Wait(ctx context.Context) error {
	select {
	case <-p.dead:
		return p.wait
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

func (p *process) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

func (p *process) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
