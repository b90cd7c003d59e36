package command

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// None stands for no limit in a [Request].
const None = -1

// A Request is a command that a client wants to run.
type Request struct {
	// Name is the client's word for the process; with an empty one nothing can be done with it but wait.
	Name string
	// Sandbox is what runs, where and how confined. How its output is read is set by this package.
	Sandbox sandbox.Spec
	// Timeout ends the command; None lets it run.
	Timeout time.Duration
	// Cap is how many bytes of each stream are told or kept, from the beginning; None is as many as can be held.
	Cap int64
	// Tell is told the output as it comes; with a cap beyond a mebibyte, the command waits for it. Nil: the output is
	// kept for the end.
	Tell Teller
}

// A Teller hears the output of one process. Output may block until ctx ends; it is called by one goroutine a stream.
type Teller interface {
	Output(ctx context.Context, c Chunk) error
}

// A Chunk is a piece of one stream.
type Chunk struct {
	Stderr bool
	Data   []byte
	// Cut says that nothing more of this stream will be told: the cap is reached, or the teller was too slow for what
	// something left behind has written.
	Cut bool
}

const (
	// mostKept bounds what is kept of a stream until the end of its command.
	mostKept = 64 << 20
	// mostPending bounds what is held of a stream for a teller that is slow. A command whose cap is beyond that waits
	// for its teller at pace; what its pipe holds when it ends must fit, too.
	mostPending = 1 << 20
	pace        = mostPending / 2
	// drain is how long the output may go on after its command, while something left behind holds it open.
	drain = 2 * time.Second
)

// spec is what the sandbox runs. A stream of the sandbox holds a beginning and an end of the same size; here the
// beginning counts, and must hold a byte more than the cap, to tell a stream that ended there from one that went on.
func (r *Request) spec() sandbox.Spec {
	s := r.Sandbox
	s.Separate, s.Drain = true, drain
	s.OutputLimit = 2 * int(r.held()+1)
	return s
}

// held is how many bytes from the beginning of a stream are held at least.
func (r *Request) held() int64 {
	most := int64(mostKept)
	if r.Tell != nil {
		most = mostPending
	}
	if r.Cap < 0 || r.Cap > most {
		return most
	}
	return r.Cap
}

// A Process is a command that was started. Its methods may be called concurrently.
type Process struct {
	table   *Table
	request Request
	running *sandbox.Process
	started time.Time
	in      *input                   // nil: the command has no input of the client's
	unheard [2]*sandbox.Subscription // of stdout and stderr, where there are any to be told

	begin sync.Once
	begun chan struct{}
	onEnd func(Result)

	kill   sync.Once
	killed chan struct{}

	cut    [2]bool // of stdout and stderr, each set by its teller
	result Result
	done   chan struct{} // closed at the end; result is set before
}

// A Result is how a command ended, and what was kept of its output.
type Result struct {
	// Code is its exit code; 128 and the signal's number if one ended it; 124 if its time was over.
	Code           int
	Stdout, Stderr Kept
	// Held says that something which the command left behind held its output open, and was killed.
	Held bool
	// Err says that something could not be killed.
	Err error
}

// Kept is what was kept of a stream, and whether the cap was reached.
type Kept struct {
	Data []byte
	Cut  bool
}

func newProcess(t *Table, r Request, running *sandbox.Process) *Process {
	p := &Process{
		table: t, request: r, running: running, started: time.Now(),
		begun: make(chan struct{}), killed: make(chan struct{}), done: make(chan struct{}),
	}
	if r.Sandbox.Stdin || r.Sandbox.TTY != nil {
		p.in = newInput()
	}
	if r.Tell == nil {
		return p
	}
	for i, s := range p.streams() {
		if s == nil {
			continue
		}
		p.unheard[i] = s.Subscribe(math.MaxInt)
		if r.Cap < 0 || r.Cap > mostPending {
			p.unheard[i].Pace(pace)
		}
	}
	return p
}

func (p *Process) streams() [2]*sandbox.Stream {
	return [2]*sandbox.Stream{p.running.Stdout(), p.running.Stderr()}
}

// unpace lets what has ended be read to its end, whether it is told or not.
func (p *Process) unpace() {
	for _, sub := range p.unheard {
		if sub != nil {
			sub.Unpace()
		}
	}
}

// Begin lets the output be told, and calls onEnd (if not nil) after the last of it. Only the first call counts.
func (p *Process) Begin(onEnd func(Result)) {
	p.begin.Do(func() {
		p.onEnd = onEnd
		close(p.begun)
	})
}

// Done is closed when nothing of the process is left and its end was told.
func (p *Process) Done() <-chan struct{} { return p.done }

// Result is how it ended, once Done.
func (p *Process) Result() Result {
	<-p.done
	return p.result
}

// Kill ends the process, soon.
func (p *Process) Kill() { p.kill.Do(func() { close(p.killed) }) }

// Resize changes the size of the terminal. An error without one.
func (p *Process) Resize(s sandbox.Size) error { return p.running.Resize(s) }

// run follows the process to its end.
func (p *Process) run() {
	life := p.table.life
	feeding, starve := context.WithCancel(life)
	defer starve()
	var work sync.WaitGroup
	if p.in != nil {
		work.Go(func() { p.in.feed(feeding, p.running) })
	}
	telling, hush := context.WithCancel(life)
	defer hush()
	work.Go(func() {
		defer hush()
		p.tell(telling)
	})
	code, forced := p.attend(life)
	p.unpace()
	p.result.Held = !forced && !p.drained(life)
	p.result.Err = p.running.Close()
	starve()
	if p.table.lastWords(telling) {
		hush()
	}
	work.Wait()
	p.result.Code = code
	p.result.Stdout, p.result.Stderr = p.kept(p.running.Stdout(), p.cut[0]), p.kept(p.running.Stderr(), p.cut[1])
	select {
	case <-p.begun:
	case <-life.Done(): // perhaps nobody was told that it began
	}
	p.table.forget(p)
	select {
	case <-p.begun:
		if p.onEnd != nil {
			p.onEnd(p.result)
		}
	default:
	}
	close(p.done)
}

const (
	codeTimedOut = 124
	codeKilled   = 128 + 9
)

// attend waits for the end of the command, and makes it end when it must. It reports whether that was needed.
func (p *Process) attend(life context.Context) (code int, forced bool) {
	limit := after(p.request.Timeout)
	ended := p.table.ended
	var last <-chan time.Time   // the end of what the end of the client's input allows
	var silent <-chan time.Time // time to see whether it says something
	var quiet time.Duration
	heard := int64(-1)
	for {
		select {
		case <-p.running.Exited():
			exit, _ := p.running.ExitStatus()
			return exit.Code, false
		case <-limit:
			return p.force(codeTimedOut), true
		case <-p.killed:
			return p.force(codeKilled), true
		case <-life.Done():
			return p.force(codeKilled), true
		case <-last:
			return p.force(codeKilled), true
		case <-ended:
			ended = nil
			if p.in != nil {
				if w, err := p.in.accept(nil, true); err == nil {
					w.Send()
				}
			}
			e := p.table.ending
			if e.Limit <= 0 || e.Silence > 0 && p.request.Timeout < 0 {
				return p.force(codeKilled), true
			}
			last, quiet = after(e.Limit), e.Silence
			if quiet > 0 {
				heard, silent = p.said(), after(quiet)
			}
		case <-silent:
			now := p.said()
			if now == heard {
				return p.force(codeKilled), true
			}
			heard, silent = now, after(quiet)
		}
	}
}

// after is time.After, and never for a negative time.
func after(d time.Duration) <-chan time.Time {
	if d < 0 {
		return nil
	}
	return time.After(d)
}

// force kills the process; what survives even that, Close reports. Its code is the given one, unless it was faster.
func (p *Process) force(code int) int {
	_ = p.running.Kill(0)
	if exit, ended := p.running.ExitStatus(); ended && exit.Signal == 0 && !exit.Lost && code == codeKilled {
		return exit.Code
	}
	return code
}

// said is how much the command has written so far.
func (p *Process) said() (n int64) {
	for _, s := range p.streams() {
		if s != nil {
			n += s.Snapshot().Total
		}
	}
	return n
}

// drained waits for the end of the output of a command that has ended. It reports whether that came in time.
func (p *Process) drained(life context.Context) bool {
	if _, err := p.running.Wait(life); err != nil {
		return false
	}
	for _, s := range p.streams() {
		if s == nil {
			continue
		}
		select {
		case <-s.Done():
		default:
			return false
		}
	}
	return true
}

// kept is what the end tells of a stream.
func (p *Process) kept(s *sandbox.Stream, cut bool) Kept {
	if p.request.Tell != nil || s == nil {
		return Kept{Cut: cut}
	}
	out, held := s.Snapshot(), p.request.held()
	data := out.Head
	if out.Omitted == 0 {
		data = out.Bytes()
	}
	if out.Total > 0 && int64(len(data)) >= held {
		return Kept{Data: data[:held:held], Cut: true}
	}
	return Kept{Data: data}
}
