package tool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// mostTerminals bounds the commands that a thread may leave running; the oldest
// goes first.
const mostTerminals = 64

// What a command gets between TERM and KILL: less when the thread ends and its
// client may be gone, and less again when a user waits for an interrupt.
const (
	killGrace      = 2 * time.Second
	closeGrace     = 300 * time.Millisecond
	interruptGrace = 100 * time.Millisecond
)

// Terminals are the commands of one thread that run, or ran a moment ago. They
// outlive the turns that started them; Close ends them all.
type Terminals struct {
	mu     sync.Mutex // guards the fields below
	byID   map[int]*terminal
	closed bool
	follow sync.WaitGroup // one for each terminal: tells its output and its end
}

// A terminal is a command and what the client is shown of it.
type terminal struct {
	id      int
	turn    Turn // the turn that started it, whose item it is
	item    protocol.ThreadItemCommandExecution
	script  string
	process *sandbox.Process
	unread  *sandbox.Subscription // what the model has not read
	started time.Time
	tty     bool
	told    chan struct{} // closed when the end was told
}

// NewTerminals makes an empty set.
func NewTerminals() *Terminals { return &Terminals{byID: make(map[int]*terminal)} }

// newID is a number that no other command of the thread has.
func (s *Terminals) newID() int {
	for {
		if id := 1000 + rand.IntN(99_000); s.byID[id] == nil {
			return id
		}
	}
}

// add registers a command that runs, and follows it to its end.
func (s *Terminals) add(t *terminal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("the thread is closing")
	}
	t.id = s.newID()
	s.byID[t.id] = t
	id := strconv.Itoa(t.id)
	t.item.ProcessID = &id
	return nil
}

// watch tells the output and the end of a command whose start was told.
func (s *Terminals) watch(t *terminal) {
	s.follow.Go(func() {
		t.follow()
		s.mu.Lock()
		delete(s.byID, t.id)
		s.mu.Unlock()
	})
	if old := s.surplus(); old != nil {
		_ = old.process.Kill(killGrace) // its follower tells the end
	}
}

// surplus is the oldest command when there are too many.
func (s *Terminals) surplus() *terminal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byID) <= mostTerminals {
		return nil
	}
	var oldest *terminal
	for _, t := range s.byID {
		if oldest == nil || t.started.Before(oldest.started) {
			oldest = t
		}
	}
	return oldest
}

func (s *Terminals) get(id int) *terminal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

func (s *Terminals) list() []*terminal {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*terminal, 0, len(s.byID))
	for _, t := range s.byID {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].started.Before(all[j].started) })
	return all
}

// Running lists the commands that run, as clients see them, oldest first.
func (s *Terminals) Running() []protocol.ThreadBackgroundTerminal {
	var out []protocol.ThreadBackgroundTerminal
	for _, t := range s.list() {
		if _, ended := t.process.ExitStatus(); !ended {
			out = append(out, protocol.ThreadBackgroundTerminal{Command: t.script, Cwd: t.item.Cwd, ItemID: t.item.ID, ProcessID: *t.item.ProcessID})
		}
	}
	return out
}

// Terminate ends one command, by the id that clients see. It reports whether
// there was one.
func (s *Terminals) Terminate(processID string) bool {
	id, err := strconv.Atoi(processID)
	if err != nil {
		return false
	}
	t := s.get(id)
	if t == nil {
		return false
	}
	t.end(killGrace)
	return true
}

// Clean ends all commands that run and waits until their ends are told.
func (s *Terminals) Clean() { s.clean(killGrace) }

func (s *Terminals) clean(grace time.Duration) {
	var ending sync.WaitGroup
	for _, t := range s.list() {
		ending.Go(func() { t.end(grace) })
	}
	ending.Wait()
}

// Close ends all commands; no more can be added.
func (s *Terminals) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.clean(closeGrace)
	s.follow.Wait()
}

// end kills a command and waits until its end is told.
func (t *terminal) end(grace time.Duration) {
	_ = t.process.Kill(grace) // what survives even that is reported by the sandbox
	<-t.told
}

const (
	deltaBytes    = 8 << 10
	deltaInterval = 50 * time.Millisecond
	// mostDeltaBytes bounds what one command may send its client live; the item's
	// end carries head and tail of everything.
	mostDeltaBytes = 1 << 20
)

// follow tells a command's output as it comes, and its end.
func (t *terminal) follow() {
	defer close(t.told)
	live := t.process.Stdout().Subscribe(deltaBytes)
	grow(t.turn, t.item.ID, t.process, live)
	ctx := context.Background()
	exit, _ := t.process.Wait(ctx) // the only error is that of the context
	t.finish(ctx, exitCode(exit))
	_ = t.process.Close() // nothing of it is left; its output stays readable
}

// grow tells the output of an item's command as it comes, until the command ends
// or has been told enough of. It closes the subscription.
func grow(t Turn, itemID string, process *sandbox.Process, live *sandbox.Subscription) {
	defer live.Close()
	ctx := context.Background()
	for sent := 0; sent < mostDeltaBytes; {
		out, err := live.Next(ctx)
		if err != nil {
			return
		}
		text := shownText(out)
		sent += len(text)
		t.Grow(ctx, "item/commandExecution/outputDelta", itemID, text)
		select {
		case <-process.Exited():
		case <-time.After(deltaInterval):
		}
	}
}

// exitCode is how a command ended: -1 when it did not end by itself.
func exitCode(e sandbox.Exit) int64 {
	if e.Signal != 0 || e.Lost {
		return -1
	}
	return int64(e.Code)
}

func commandStatus(code int64) protocol.CommandExecutionStatus {
	if code == 0 {
		return protocol.CommandExecutionStatusCompleted
	}
	return protocol.CommandExecutionStatusFailed
}

// finish tells how a command ended.
func (t *terminal) finish(ctx context.Context, code int64) {
	now := t.turn.Now()
	took, at := now.Sub(t.started).Milliseconds(), now.UnixMilli()
	item := t.item
	item.ExitCode, item.DurationMs, item.CompletedAtMs, item.Status = &code, &took, &at, commandStatus(code)
	if out := shownText(t.process.Stdout().Snapshot()); out != "" {
		item.AggregatedOutput = &out
	}
	t.turn.Complete(ctx, &item)
}
