package command

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
)

const (
	// mostProcesses is how many commands of one client run at a time; the next one waits.
	mostProcesses = 128
	// slotWait is how long it waits.
	slotWait = time.Minute
	// lastWords is how long a client that has ended its input may take to read what is left of a command's output.
	lastWords = 2 * time.Second
)

var (
	// ErrDuplicate refuses a name that a running process has.
	ErrDuplicate = errors.New("a process of that name is running")
	// ErrTooMany is returned when no other command ended for a minute.
	ErrTooMany = errors.New("too many commands are running")
	// ErrClosed is returned by a table that is closed or closing.
	ErrClosed = errors.New("the client is gone")
)

// A Table is the processes of one client. Its methods may be called concurrently. The zero value is not usable: see
// [NewTable].
type Table struct {
	slots chan struct{}
	life  context.Context // ends with Close; every process hangs on it
	end   context.CancelFunc
	work  sync.WaitGroup // what starts, and one for each process
	ended chan struct{}  // closed at the end of the client's input; ending is set before

	mu      sync.Mutex // guards the fields below
	running map[*Process]struct{}
	names   map[string]*Process // nil while it starts
	ending  Ending
	closed  bool
}

// Ending is what becomes of the commands when the client can say no more.
type Ending struct {
	// Limit is how long they may go on; zero ends them at once.
	Limit time.Duration
	// Silence, where it is not zero, ends those that wrote nothing for that long, and at once those that have no time
	// limit of their own: whoever would have ended them may be gone.
	Silence time.Duration
}

// NewTable makes an empty table. Close it.
func NewTable() *Table {
	life, end := context.WithCancel(context.Background())
	return &Table{
		slots: make(chan struct{}, mostProcesses), life: life, end: end, ended: make(chan struct{}),
		running: make(map[*Process]struct{}), names: make(map[string]*Process),
	}
}

// Start runs a command. ctx bounds the start, not the command. Nothing is told of it before [Process.Begin]. Errors:
// those of sandbox.Start, ErrDuplicate, ErrTooMany, ErrClosed.
func (t *Table) Start(ctx context.Context, r Request) (*Process, error) {
	if err := t.reserve(r.Name); err != nil {
		return nil, err
	}
	defer t.work.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	p, err := t.start(ctx, r)
	if err != nil {
		t.release(r.Name)
		return nil, err
	}
	return p, nil
}

// reserve takes a name, and holds up Close until work is done.
func (t *Table) reserve(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if name != "" {
		if _, taken := t.names[name]; taken {
			return ErrDuplicate
		}
		t.names[name] = nil
	}
	t.work.Add(1)
	return nil
}

func (t *Table) release(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, name)
}

func (t *Table) start(ctx context.Context, r Request) (*Process, error) {
	wait := time.NewTimer(slotWait)
	defer wait.Stop()
	select {
	case t.slots <- struct{}{}:
	case <-wait.C:
		return nil, ErrTooMany
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	run, err := sandbox.Start(ctx, r.spec())
	if err != nil {
		<-t.slots
		return nil, err
	}
	p := newProcess(t, r, run)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running[p] = struct{}{}
	if r.Name != "" {
		t.names[r.Name] = p
	}
	t.work.Go(p.run) // Close, if it has begun, waits for this start, and life has ended: then it ends at once
	return p, nil
}

// forget frees what a process had.
func (t *Table) forget(p *Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.running, p)
	if t.names[p.request.Name] == p {
		delete(t.names, p.request.Name)
	}
	<-t.slots
}

// Get is the running process of a name, or nil.
func (t *Table) Get(name string) *Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names[name]
}

// EndInput says that the client will write no more, to nobody: the inputs of all commands end, and those commands that
// may not go on. Only the first call counts.
func (t *Table) EndInput(e Ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.ended:
	default:
		t.ending = e
		close(t.ended)
	}
}

// lastWords waits while a process that has ended may still be told of: for as long as telling lives or, when the
// client's input has ended, only as long as its ending allows. It reports whether telling goes on too long.
func (t *Table) lastWords(telling context.Context) bool {
	select {
	case <-telling.Done():
		return false
	case <-t.ended:
	}
	limit := lastWords
	if t.ending.Limit > 0 && t.ending.Silence == 0 {
		limit = t.ending.Limit
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-telling.Done():
		return false
	case <-late.C:
		return true
	}
}

// Wait waits until no process is left and all ends were told.
func (t *Table) Wait(ctx context.Context) error {
	for {
		p := t.any()
		if p == nil {
			return nil
		}
		select {
		case <-p.Done():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *Table) any() *Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.running {
		return p
	}
	return nil
}

// Close kills all processes and waits until nothing of them is left. No more can be started.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.end()
	t.work.Wait()
}
