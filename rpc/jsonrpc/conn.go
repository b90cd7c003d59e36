// Package jsonrpc is the transport of the front door: one connection that reads frames from a client, hands requests
// and notifications to a Handler, and writes answers, notifications and requests of its own. It knows no method, no
// thread and no schema, imports none of our packages, and closes neither of the streams that it is given.
//
// # Framing
//
// JSON lines or, if the first header of the base protocol of LSP is met before a message was understood, Content-Length
// blocks. Answers follow the framing of the client. The member "jsonrpc" is sent with Content-Length framing and to a
// client that sent it; it is never required. Blank lines, CRLF and byte order marks are skipped, input may come in
// pieces of any size, a last line without an end counts.
//
// What is no message is answered and skipped, never fatal: -32700 with id null for broken JSON and broken UTF-8, -32600
// for what is JSON but no message, under its id if it has a usable one. Answers to nothing are logged. A frame over
// MaxFrame is skipped without being kept, and answered.
//
// # Order and blocking
//
// Frames are handed to the Handler on one goroutine, in the order of their arrival. Frames sent by one goroutine leave
// in the order of the calls; so a response sent before a notification is read before it. Everything goes through one
// queue with one writer goroutine, which is bounded in bytes in this way:
//
//   - Reply, ReplyError, Notify and Start never block and are never dropped.
//   - Delta blocks while the queue is over MaxQueue. Whoever streams waits for the client, nobody else does. When the
//     client is slow, pieces of one text that wait are joined, up to 64 KiB each; no other frame stands between them.
//   - The reader takes no further frame while the queue is over MaxQueue: a client that asks without reading is slowed
//     down, and none of its requests is refused or lost.
//
// What is sent after the input ended is still written, until Close. When the output fails, what waits is dropped, later
// sends are discarded, and Done is closed: the owner should shut down.
//
// # sourcegraph/jsonrpc2
//
// A jsonrpc2.Conn carries the connection over an ObjectStream of ours. It numbers requests (from 0), keeps the calls
// that wait for an answer, keeps the order of responses and requests, and fails everything at Close. These are kept
// away from it, since its stream and handlers end the connection at the first odd line, decode four times and reorder:
// framing and decoding of requests and notifications, which go from our reader to the Handler; notifications on the
// way out, which need no lock of its but only the queue; rendering, as it cannot leave out "jsonrpc"; and the end of the
// input, at which it would refuse to send what is still owed. Its table of calls forgets a call only when an answer
// comes, so a cancelled call is given one by our stream; and answers whose id is null, which it would take for 0, are
// sorted out before.
package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/sourcegraph/jsonrpc2"
)

// Handler receives what the client sends. Its methods are called one at a time, in the order of arrival, on the
// goroutine that reads: they must not wait for the client (an answer, a reply read), may wait briefly for room in a
// queue, and should return when ctx ends, which is Run's. params is nil when absent, a null is passed on; it is valid
// JSON, and the handler's to keep and change.
type Handler interface {
	// Request owes the client one Reply or ReplyError under id, from any goroutine, at any time before Close. Ids are
	// the client's business: two requests may carry the same.
	Request(ctx context.Context, id ID, method string, params json.RawMessage)
	Notification(ctx context.Context, method string, params json.RawMessage)
}

// Options of a connection; the zero value of each field stands for its default.
type Options struct {
	MaxFrame  int           // largest frame read, in bytes; 64 MiB
	MaxQueue  int           // bytes waiting to be written above which Delta and the reader wait; 8 MiB
	CloseWait time.Duration // how long Close waits for the client to read what is owed; 2 s

	// Append appends the JSON of a result or of params to b. It is called without locks, from any goroutine, and must
	// not keep b. Default: encoding/json without HTML escapes.
	Append func(b []byte, v any) ([]byte, error)
	Clock  func() time.Time // for emittedAtMs, which only JSON lines carry; time.Now
	Logger hclog.Logger     // nothing
}

// Conn is a connection to one client. Its methods may be called from any goroutine.
type Conn struct {
	h      Handler
	append func(b []byte, v any) ([]byte, error)
	clock  func() time.Time
	log    hclog.Logger
	wait   time.Duration

	in     io.Reader
	reader *reader // of the goroutine that Run starts
	scan   scanner // likewise

	style  style
	out    *queue
	stream *stream
	rpc    *jsonrpc2.Conn

	calls sync.Mutex      // one call is numbered and sent at a time
	ended context.Context // done when no answer can come any more; the cause says why
	end   context.CancelCauseFunc

	gate    sync.Mutex // held while a frame is handled
	stopped bool       // under gate: Run has returned

	closing  chan struct{} // closed when Close begins
	closed   chan struct{} // and when it is over
	begun    atomic.Bool
	closeErr error // read after closed
}

// NewConn returns a connection that writes at once, and reads when Run is called. The caller ends it with Close, and
// owns in and out.
func NewConn(in io.Reader, out io.Writer, h Handler, o Options) *Conn {
	c := &Conn{
		h: h, in: in, append: o.Append, clock: o.Clock, log: o.Logger, wait: or(o.CloseWait, 2*time.Second),
		reader:  newReader(in, or(o.MaxFrame, 64<<20)),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	if c.append == nil {
		c.append = appendJSON
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.log == nil {
		c.log = hclog.NewNullLogger()
	}
	c.out = newQueue(&c.style, or(o.MaxQueue, 8<<20))
	go c.out.run(out)
	c.stream = newStream(c.out, c.log)
	// The life of this connection ends with Close, not with a context: replies outlive the one that Run is given.
	life := context.Background()
	c.ended, c.end = context.WithCancelCause(life)
	c.rpc = jsonrpc2.NewConn(life, c.stream, c.stream,
		jsonrpc2.OnSend(c.stream.onSend), jsonrpc2.OnRecv(c.stream.onRecv), jsonrpc2.SetLogger(c.stream))
	return c
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Run reads and handles frames until the input ends (nil), fails (its error), ctx ends (its error) or the connection is
// closed (ErrClosed). No handler is called after it returned. When it returns early, a goroutine may be left in a Read
// that cannot be interrupted; it ends with that Read. Run is called once.
func (c *Conn) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer c.end(ErrInputEnded)
	done := make(chan error, 1)
	go func() { done <- c.readAll(ctx) }()
	var err error
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.closing:
		err = ErrClosed
	}
	cancel()
	c.gate.Lock()
	c.stopped = true
	c.gate.Unlock()
	if d, ok := c.in.(interface{ SetReadDeadline(time.Time) error }); ok && d.SetReadDeadline(time.Unix(1, 0)) == nil {
		<-done
	}
	return err
}

func (c *Conn) readAll(ctx context.Context) error {
	for {
		if err := c.out.room(ctx); err != nil {
			return err
		}
		frame, err := c.reader.next()
		if err != nil && !answerable(err) {
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("reading from the client: %w", err)
		}
		if c.reader.headers {
			c.style.headers.Store(true)
		}
		c.gate.Lock()
		stopped := c.stopped
		if !stopped {
			c.receive(ctx, frame, err)
		}
		c.gate.Unlock()
		if stopped {
			return ErrClosed
		}
	}
}

// Flush waits until everything sent before it was handed to the output, or ctx ends.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.out.flush(ctx); err != nil {
		return fmt.Errorf("flushing: %w", err)
	}
	return nil
}

// Waiting returns how many bytes wait to be written, about.
func (c *Conn) Waiting() int {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.held
}

// Done is closed when nothing is written any more: the output failed, or Close is over.
func (c *Conn) Done() <-chan struct{} { return c.out.done }

// Err returns why the output failed, or nil.
func (c *Conn) Err() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.err
}

var errUnread = errors.New("the client did not read what was left to say")

// Close fails calls that wait, lets the writer write what was sent before, and waits for it, up to CloseWait in all. Then
// the rest is dropped, with an error, even if the client reads on: call Flush first, with a bound of your own, where
// everything must arrive. A Write that does not return is left behind. Close may be called again, and from several
// goroutines.
func (c *Conn) Close() error {
	if c.begun.Swap(true) {
		<-c.closed
		return c.closeErr
	}
	defer close(c.closed)
	c.end(ErrClosed) // before Run hears of it, which would say that the input ended
	close(c.closing)
	_ = c.rpc.Close() // our stream has no error to tell
	<-c.stream.idle
	c.out.close()
	t := time.NewTimer(c.wait)
	defer t.Stop()
	select {
	case <-c.out.done:
	case <-t.C:
		c.out.fail(errUnread)
	}
	if err := c.Err(); err != nil {
		c.closeErr = fmt.Errorf("closing the connection: %w", err)
	}
	return c.closeErr
}
