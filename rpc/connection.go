package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/jsonrpc"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Options are what a connection is served with.
type Options struct {
	Manager *manager.Manager
	Version string // of this program
	Log     hclog.Logger
	// Ending is asked, when the input has ended, how long the client's own commands
	// may go on. Nil ends them.
	Ending func() command.Ending
}

// A Connection serves one client over one pair of streams.
type Connection struct {
	manager *manager.Manager
	version string
	log     hclog.Logger
	conn    *jsonrpc.Conn
	lanes   lanes
	heads   heads
	ending  func() command.Ending
	client  *manager.Client // this connection's subscriptions and commands
	ctx     context.Context // of the requests; that of Run

	opening sync.Mutex // held from the answer that names a new thread until the thread was told of

	mu        sync.Mutex        // guards the fields below
	session   *session          // nil until initialize
	workspace *workspace.Client // nil until the first request about files
}

// A session is what a client said of itself in initialize.
type session struct {
	info         protocol.ClientInfo
	experimental bool
	optedOut     map[string]bool // notification methods the client does not want
	optedIn      []string        // extension notifications that it wants
}

// wants says whether the client is sent a notification.
func (s *session) wants(method string) bool {
	if s.optedOut[method] {
		return false
	}
	return !strings.HasPrefix(method, protocol.ExtensionPrefix) || slices.Contains(s.optedIn, method)
}

// NewConnection makes a connection; [Connection.Run] serves it.
func NewConnection(in io.Reader, out io.Writer, o Options) *Connection {
	c := &Connection{manager: o.Manager, version: o.Version, log: o.Log, ending: o.Ending}
	if c.ending == nil {
		c.ending = func() command.Ending { return command.Ending{} }
	}
	c.conn = jsonrpc.NewConn(in, out, c, jsonrpc.Options{Append: appendMessage, Logger: o.Log.Named("jsonrpc")})
	c.client = o.Manager.Connect(c)
	c.lanes.init()
	return c
}

// Run serves requests until the input ends, the client is gone or ctx ends. It
// returns when every accepted request has been answered, and no process that the
// client started is left.
func (c *Connection) Run(ctx context.Context) error {
	c.ctx = ctx // the reader's own ends with the input, and requests that wait are served after that
	defer context.AfterFunc(ctx, c.client.StopCommands)()
	err := c.conn.Run(ctx)
	c.client.EndInput(c.ending())
	c.lanes.close()
	_ = c.client.WaitCommands(ctx) // an end of ctx stops them
	return err
}

// Gone is closed when the client no longer reads what it is sent.
func (c *Connection) Gone() <-chan struct{} { return c.conn.Done() }

// Close sends what is still queued, as long as ctx allows, and ends the connection.
func (c *Connection) Close(ctx context.Context) error {
	c.client.Close()
	c.closeFiles()
	flushed := c.conn.Flush(ctx)
	if err := c.conn.Close(); err != nil {
		return err
	}
	return flushed
}

// hugeRequest is how many bytes of params make a request a rare one.
const hugeRequest = 8 << 20

// Request takes a request from the reader and puts it in its lane. It blocks
// while too many requests wait.
func (c *Connection) Request(_ context.Context, id jsonrpc.ID, method string, params json.RawMessage) {
	c.opened()
	r, err := c.admit(method, params)
	if len(params) > hugeRequest {
		defer debug.FreeOSMemory() // what one such request took is not kept for the next
	}
	if err != nil {
		c.lanes.run(connectionLane, func() { c.conn.ReplyError(id, wireError(err)) })
		return
	}
	if method == "initialize" { // whatever comes next depends on it, so it alone is served here
		c.serve(r, id, method)
		return
	}
	c.lanes.run(r.lane, func() { c.serve(r, id, method) })
}

// opened waits while a thread that a client has just been given is told of: only
// then may a request about it be served.
func (c *Connection) opened() {
	c.opening.Lock()
	defer c.opening.Unlock()
}

// Notification takes a notification from the reader. None of those a client may
// send needs an action: requests are served with or without "initialized".
func (c *Connection) Notification(context.Context, string, json.RawMessage) {}

// serve answers one request, whatever happens in its handler.
func (c *Connection) serve(r request, id jsonrpc.ID, method string) {
	var done reply
	err := c.guard(method, func() (err error) {
		done, err = r.row.handler(c.ctx, c, r.params)
		return err
	})
	if err != nil {
		e, own := wireFailure(err)
		if own {
			c.log.Error("a request failed", "method", method, "error", err)
		}
		c.conn.ReplyError(id, e)
		return
	}
	if done.later != nil {
		c.lanes.beside(func() { c.answer(done, id, method) })
		return
	}
	if done.opens {
		c.opening.Lock()
		defer c.opening.Unlock()
	}
	c.conn.ReplySized(id, done.result, done.size)
	if done.after != nil {
		done.after()
	}
	if done.size > largeAnswer {
		trim()
	}
}

// answer waits for a late answer and sends it.
func (c *Connection) answer(late reply, id jsonrpc.ID, method string) {
	var result any
	err := c.guard(method, func() (err error) {
		result, err = late.later(c.ctx)
		return err
	})
	if err != nil {
		c.conn.ReplyError(id, wireError(err))
		return
	}
	c.conn.Reply(id, result)
}

// guard turns a panic of a handler into an error: one request fails, and the
// host goes on.
func (c *Connection) guard(method string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("a handler panicked", "method", method, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error in %s", method)
		}
	}()
	return f()
}

// initialized is the client's session; nil before initialize.
func (c *Connection) initialized() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}
