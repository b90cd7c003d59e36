package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// demoHost is the host as its client sees it: a process and two pipes.
type demoHost struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	calls  int // requests sent
	stderr tail

	messages chan *demoMessage // closed at the end of output
	broken   error             // why; set before messages is closed
	stop     chan struct{}     // closed when nobody receives any more
	stopped  sync.Once
	exited   chan struct{} // closed when the process is gone and its output read
	waitErr  error         // of the process; set before exited is closed
}

// demoMessage is any message of the host.
type demoMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// startDemoHost starts the host. Whoever started it calls kill, at the latest.
func startDemoHost(exe, dir string, env []string) (*demoHost, error) {
	h := &demoHost{
		cmd:      exec.Command(exe, "app-server"),
		messages: make(chan *demoMessage), stop: make(chan struct{}), exited: make(chan struct{}),
	}
	h.cmd.Dir, h.cmd.Env, h.cmd.Stderr, h.cmd.WaitDelay = dir, env, &h.stderr, time.Second
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the host: %w", err)
	}
	h.in = in
	go func() { // ends with the process, which end and kill see to
		defer close(h.exited)
		h.read(out)
		h.waitErr = h.cmd.Wait()
	}()
	return h, nil
}

// read hands over the host's messages until its output ends.
func (h *demoHost) read(out io.Reader) {
	defer close(h.messages)
	r := bufio.NewReader(out)
	for {
		text, err := r.ReadBytes('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				h.broken = err
			}
			return
		}
		m := new(demoMessage)
		if err := json.Unmarshal(text, m); err != nil {
			h.broken = fmt.Errorf("a line that is no message: %w", err)
			return
		}
		select {
		case h.messages <- m:
		case <-h.stop: // nobody cares, but a full pipe would keep the host from ending
		}
	}
}

// send writes one message, a line of JSON.
func (h *demoHost) send(text string) error {
	if _, err := io.WriteString(h.in, text+"\n"); err != nil {
		return fmt.Errorf("writing to the host: %w", err)
	}
	return nil
}

var errHostEnded = errors.New("the host has ended")

// receive takes the next message. It waits as long as ctx lives.
func (h *demoHost) receive(ctx context.Context) (*demoMessage, error) {
	select {
	case m, ok := <-h.messages:
		if !ok {
			if h.broken != nil {
				return nil, h.broken
			}
			return nil, errHostEnded
		}
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// end closes the host's input and waits for it to go, as long as ctx lives.
func (h *demoHost) end(ctx context.Context) (code int, err error) {
	h.ignore()
	if err := h.in.Close(); err != nil {
		return 0, fmt.Errorf("closing the host's input: %w", err)
	}
	select {
	case <-h.exited:
	case <-ctx.Done():
		return 0, fmt.Errorf("the host did not end: %w", context.Cause(ctx))
	}
	var failed *exec.ExitError
	if h.waitErr != nil && !errors.As(h.waitErr, &failed) {
		return 0, fmt.Errorf("waiting for the host: %w", h.waitErr)
	}
	return h.cmd.ProcessState.ExitCode(), nil
}

// ignore lets the host write what nobody reads any more.
func (h *demoHost) ignore() { h.stopped.Do(func() { close(h.stop) }) }

// kill ends the host, unless it has ended, and waits for it.
func (h *demoHost) kill() {
	h.ignore()
	select {
	case <-h.exited:
		return
	default:
	}
	_ = h.cmd.Process.Kill() // it may end by itself this very moment
	<-h.exited               // bounded by WaitDelay
}

// tail keeps the last lines that a process wrote.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const mostTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if n := len(t.kept) - mostTail; n > 0 {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
