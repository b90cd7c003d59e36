package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// firstCall is the first id of our own calls. The SDK counts from 1 and makes a
// handful; the numbers stay small because some servers keep them in 32 bits.
const firstCall = 1 << 20

// maxNoise is how much may come before the handshake that is no message. A
// program which only talks is no server, and is told so at once.
const maxNoise = 256 << 10

// conn is a server's stdin and stdout. To the SDK it is a connection; calls go
// past it. The SDK's goroutine that reads is the only one that does.
type conn struct {
	in    *lineReader
	from  io.Closer // what in reads
	out   io.WriteCloser
	host  provider.Host
	noisy func() // called once when the noise is too much
	// unread says how many of the bytes last written the server did not read
	// before it died, 0 when that is not known.
	unread func() int64
	gone   chan struct{}
	work   sync.WaitGroup // questions under way
	ctx    context.Context
	stop   context.CancelFunc

	writeMu sync.Mutex
	written int64      // guarded by writeMu
	batch   []envelope // the SDK's next messages; its goroutine's only

	mu         sync.Mutex // guards what follows
	closed     bool
	next       int64
	calls      map[int64]*pending
	questions  map[string]context.CancelFunc
	handshake  []byte // the result of initialize, verbatim
	noise      string
	noiseLines int64
	noiseBytes int
}

// pending is a call without an answer.
type pending struct {
	settled chan answer
	from    int64 // where its line begins in what was written; guarded by writeMu
}

// answer settles a call.
type answer struct {
	result json.RawMessage
	err    error
}

func newConn(in io.ReadCloser, out io.WriteCloser, host provider.Host, noisy func()) *conn {
	ctx, stop := context.WithCancel(context.Background())
	return &conn{
		in: newLineReader(in), from: in, out: out, host: host, noisy: noisy, unread: func() int64 { return 0 }, gone: make(chan struct{}), ctx: ctx, stop: stop,
		next: firstCall, calls: map[int64]*pending{}, questions: map[string]context.CancelFunc{},
	}
}

// Connect implements the SDK's Transport: the connection is there already.
func (c *conn) Connect(context.Context) (sdk.Connection, error) { return c, nil }

// SessionID implements the SDK's Connection.
func (c *conn) SessionID() string { return "" }

// Read implements the SDK's Connection: it returns what concerns the SDK and
// settles the rest itself.
func (c *conn) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		for len(c.batch) > 0 {
			e := c.batch[0]
			c.batch = c.batch[1:]
			if c.take(&e) {
				continue
			}
			if m, err := e.message(); err == nil {
				return m, nil
			}
		}
		l, err := c.in.next()
		if err != nil {
			c.end(c.unread())
			return nil, io.EOF
		}
		if l.cut() {
			c.refuse(&l)
			continue
		}
		c.batch = c.parse(l.text)
		if c.batch == nil {
			c.hear(l.text)
		}
	}
}

// parse reads a message, or several in an array as older servers may send them.
func (c *conn) parse(text []byte) []envelope {
	if e, ok := open(text); ok {
		return []envelope{e}
	}
	var all []envelope
	_ = rawjson.Array(text, func(element []byte) bool {
		if e, ok := open(element); ok {
			all = append(all, e)
		}
		return true
	})
	return all
}

// hear notes a line that is no message. Blank ones are not even noise.
func (c *conn) hear(text []byte) {
	const keep = 512
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(text) == 0 {
		return
	}
	if c.noiseLines++; c.noise == "" {
		c.noise = string(text[:min(len(text), keep)])
	}
	before := c.noiseBytes
	c.noiseBytes += len(text) + 1
	if c.handshake == nil && before <= maxNoise && c.noiseBytes > maxNoise {
		go c.noisy()
	}
}

// take settles what is ours; it returns false for what is the SDK's.
func (c *conn) take(e *envelope) bool {
	if e.method == nil {
		return c.settle(e)
	}
	switch e.name() {
	case "elicitation/create":
		if e.id == nil {
			return true
		}
		c.ask(e)
	case "notifications/cancelled":
		if !c.withdraw(e.params) {
			return false
		}
	case "notifications/progress":
		c.host.Progress(e.params)
	case "notifications/tools/list_changed":
		c.host.ToolsChanged()
	case "notifications/resources/list_changed":
		provider.TellResourcesChanged(c.host)
	case "notifications/message":
		c.host.Log(logLine(e.params))
	default:
		return false
	}
	return true
}

// settle hands an answer to its call.
func (c *conn) settle(e *envelope) bool {
	id, ok := e.number()
	if !ok || id < firstCall {
		c.mu.Lock()
		if c.handshake == nil && e.result != nil {
			c.handshake = e.result
		}
		c.mu.Unlock()
		return false
	}
	c.mu.Lock()
	call := c.calls[id]
	delete(c.calls, id)
	c.mu.Unlock()
	if call == nil {
		return true // nobody waits for it any more, or it never was a call
	}
	settled := call.settled
	switch {
	case e.failure != nil:
		w := wireError(e.failure)
		settled <- answer{err: &provider.CallError{Cause: provider.CauseServer, Code: w.Code, Message: w.Message, Data: w.Data}}
	case !rawjson.Valid(e.result):
		settled <- answer{err: &provider.CallError{Cause: provider.CauseBadAnswer, Message: "the server's answer is not valid JSON"}}
	case len(e.result) > maxResult:
		settled <- answer{err: tooLarge(len(e.result))}
	default:
		settled <- answer{result: e.result}
	}
	return true
}

func tooLarge(n int) error {
	return &provider.CallError{Cause: provider.CauseTooLarge, Message: fmt.Sprintf("the result has %d bytes; the limit is %d", n, maxResult)}
}

// refuse fails the call that a line which is too long answers, or all of them
// when that cannot be told.
func (c *conn) refuse(l *line) {
	id, err := idOfCut(l.text)
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, call := range c.calls {
		if err != nil || at == id {
			delete(c.calls, at)
			call.settled <- answer{err: tooLarge(l.size)}
		}
	}
}

// call makes a call and waits for its answer. When ctx ends first the server is
// told that nobody waits.
func (c *conn) call(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	p := &pending{settled: make(chan answer, 1)}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, errUnsent()
	}
	id := c.next
	c.next++
	c.calls[id] = p
	c.mu.Unlock()

	b := make([]byte, 0, len(params)+64+len(method))
	b = strconv.AppendInt(append(b, `{"jsonrpc":"2.0","id":`...), id, 10)
	b = append(append(append(b, `,"method":"`...), method...), `","params":`...)
	b = append(append(b, params...), "}\n"...)
	if err := c.writeCall(p, b); err != nil {
		c.forget(id)
		return nil, errUnsent() // an unfinished line is no call
	}
	select {
	case a := <-p.settled:
		return a.result, a.err
	case <-ctx.Done():
		c.forget(id)
		c.notifyCancelled(id, ctx.Err())
		return nil, ctx.Err()
	}
}

func errClosed() error {
	return &provider.CallError{Cause: provider.CauseClosed, Message: "the server has gone"}
}

func errUnsent() error {
	return &provider.CallError{Cause: provider.CauseUnsent, Message: "the server has gone"}
}

func (c *conn) forget(id int64) {
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
}

func (c *conn) notifyCancelled(id int64, why error) {
	b := fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d,"reason":%q}}`+"\n", id, why.Error())
	_ = c.write(b)
}

// write writes whole lines. It blocks while the server does not read, and fails
// when the connection is closed.
func (c *conn) write(b []byte) error { return c.writeCall(&pending{}, b) }

// writeCall is write for a call, which is told where its line begins.
func (c *conn) writeCall(p *pending, b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	p.from = c.written
	n, err := c.out.Write(b)
	c.written += int64(n)
	return err
}

// Write implements the SDK's Connection.
func (c *conn) Write(_ context.Context, m jsonrpc.Message) error {
	b, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return err
	}
	return c.write(append(b, '\n'))
}

// lastWords is how long a server is still listened to after the SDK gave it up:
// what it said may be why.
const lastWords = 200 * time.Millisecond

// Close implements the SDK's Connection: nothing more is written, and Read returns
// when the server's output has ended, or soon.
func (c *conn) Close() error {
	err := c.out.Close()
	if f, ok := c.from.(*os.File); !ok || f.SetReadDeadline(time.Now().Add(lastWords)) != nil {
		c.drop()
	}
	return err
}

// drop closes both pipes, upon which Read returns.
func (c *conn) drop() {
	_ = c.out.Close()
	_ = c.from.Close()
	c.end(0)
}

// end fails what waits. The server did not read the last bytes that were written.
func (c *conn) end(unread int64) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	calls := c.calls
	c.calls = map[int64]*pending{}
	close(c.gone)
	c.mu.Unlock()
	c.stop()
	if len(calls) == 0 {
		return
	}
	var known int64 = math.MaxInt64        // up to where it has certainly not read
	if unread > 0 && c.writeMu.TryLock() { // a writer that is stuck in it is unsent anyway
		known = c.written - unread
		c.writeMu.Unlock()
	}
	for _, call := range calls {
		err := errClosed()
		if call.from >= known {
			err = errUnsent()
		}
		call.settled <- answer{err: err}
	}
}

// ask puts a question of the server to the host and sends the answer back.
func (c *conn) ask(e *envelope) {
	ctx, cancel := context.WithCancel(c.ctx)
	id := string(e.id)
	c.mu.Lock()
	c.questions[id] = cancel
	c.mu.Unlock()
	params := json.RawMessage(e.params)
	c.work.Go(func() {
		defer cancel()
		result, err := c.host.Elicit(ctx, params)
		c.mu.Lock()
		delete(c.questions, id)
		c.mu.Unlock()
		if errors.Is(ctx.Err(), context.Canceled) {
			return // withdrawn, or nobody is left to tell
		}
		b := append(append([]byte(`{"jsonrpc":"2.0","id":`), id...), ',')
		if err == nil && rawjson.Valid(result) {
			b = append(append(b, `"result":`...), oneLine(result)...)
		} else {
			b = append(b, `"error":{"code":-32603,"message":"the user could not be asked"}`...)
		}
		_ = c.write(append(b, "}\n"...))
	})
}

// withdraw cancels the question that a notifications/cancelled names.
func (c *conn) withdraw(params []byte) bool {
	var p struct {
		ID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(params, &p) != nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cancel := c.questions[string(p.ID)]
	if cancel != nil {
		cancel()
	}
	return cancel != nil
}

// heard is what is known of the noise.
func (c *conn) heard() (first string, lines int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.noise, c.noiseLines
}

// logLine is the level and text of a notifications/message.
func logLine(params []byte) (level, text string) {
	var p struct {
		Level string          `json:"level"`
		Data  json.RawMessage `json:"data"`
	}
	_ = json.Unmarshal(params, &p)
	switch p.Level {
	case "debug", "info", "warning", "error":
	case "critical", "alert", "emergency":
		p.Level = "error"
	default:
		p.Level = "info"
	}
	if json.Unmarshal(p.Data, &text) != nil {
		text = string(p.Data)
	}
	const keep = 4 << 10
	return p.Level, text[:min(len(text), keep)]
}
