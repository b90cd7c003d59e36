package command

import (
	"context"
	"errors"
	"sync"

	"github.com/codexhost/codexhost/manager/sandbox"
)

const (
	// roomBytes is how much input may wait before who writes is asked to wait too.
	roomBytes = 1 << 20
	// mostInput is how much may wait in all.
	mostInput = 64 << 20
)

var (
	// ErrNoInput refuses input for a command that was started without any.
	ErrNoInput = errors.New("the command has no input")
	// ErrInputEnded refuses input after its end.
	ErrInputEnded = errors.New("stdin is already closed")
	// ErrInputFull refuses input that a command does not read.
	ErrInputFull = errors.New("too much input waits for the command to read it")
)

// An input is what waits for a command to read it.
type input struct {
	mu       sync.Mutex // guards the fields below
	queue    [][]byte
	held     int  // bytes accepted and not written
	promised int  // writes accepted and not sent
	ended    bool // nothing follows what was accepted
	waiting  []chan struct{}

	more chan struct{} // holds a token when there is news for feed
}

func newInput() *input { return &input{more: make(chan struct{}, 1)} }

// A Write is input that a process has accepted.
type Write struct {
	in   *input
	data []byte
	once sync.Once
	// Room, unless nil, is closed when the command has read so much that the next write is welcome, or has ended.
	Room <-chan struct{}
}

// Write accepts input for the command, and with end its end. It does not block. Nothing reaches the command before
// Send, which must be called. data must not change. Errors: ErrNoInput, ErrInputEnded, ErrInputFull.
func (p *Process) Write(data []byte, end bool) (*Write, error) {
	if p.in == nil {
		return nil, ErrNoInput
	}
	return p.in.accept(data, end)
}

func (in *input) accept(data []byte, end bool) (*Write, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.ended && len(data) > 0:
		return nil, ErrInputEnded
	case in.held+len(data) > mostInput:
		return nil, ErrInputFull
	}
	in.held += len(data)
	in.promised++
	in.ended = in.ended || end
	w := &Write{in: in, data: data}
	if in.held > roomBytes {
		room := make(chan struct{})
		in.waiting = append(in.waiting, room)
		w.Room = room
	}
	return w, nil
}

// Send lets the input go to the command. Writes reach it in the order in which they were sent.
func (w *Write) Send() {
	w.once.Do(func() {
		w.in.mu.Lock()
		defer w.in.mu.Unlock()
		w.in.promised--
		if len(w.data) > 0 {
			w.in.queue = append(w.in.queue, w.data)
		}
		select {
		case w.in.more <- struct{}{}:
		default:
		}
	})
}

// feed writes what waits to the command, until its end, that of the command, or that of ctx.
func (in *input) feed(ctx context.Context, to *sandbox.Process) {
	defer in.close()
	for {
		data, ended := in.next()
		switch {
		case data != nil:
			if _, err := to.Write(ctx, data); err != nil {
				return // the command reads no more
			}
			in.wrote(len(data))
		case ended:
			_ = to.CloseStdin() // what cannot be closed has ended
			return
		default:
			select {
			case <-in.more:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next takes what is to be written next, if anything, and says whether nothing follows.
func (in *input) next() (data []byte, ended bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == 0 {
		return nil, in.ended && in.promised == 0
	}
	data = in.queue[0]
	in.queue = in.queue[1:]
	return data, false
}

func (in *input) wrote(n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.held -= n
	if in.held <= roomBytes {
		in.release()
	}
}

// close refuses what comes, and lets nobody wait.
func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.ended, in.queue, in.held = true, nil, 0
	in.release()
}

func (in *input) release() {
	for _, room := range in.waiting {
		close(room)
	}
	in.waiting = nil
}
