package rpc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/plugins"
	builtinmcp "github.com/codexhost/codexhost/plugins/builtin/mcp"
	"github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc"
)

// The test binary is also the built-in plugins, what watches over commands, and an MCP server, so that the
// whole host runs in these tests.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if supervise, ok := sandbox.Role(args); ok {
		os.Exit(supervise())
	}
	if mcptest.Main(args) {
		return
	}
	if role, ok := plugins.Role(args); ok {
		switch role {
		case manager.SkillsPlugin:
			skill.Serve(skills.New())
		case manager.MCPPlugin:
			mcp.Serve(builtinmcp.New())
		}
		os.Exit(2)
	}
	os.Exit(run(m))
}

// run keeps the tests away from the user's own home and keys.
func run(m *testing.M) int {
	home, err := os.MkdirTemp("", "codexhost-rpc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	os.Setenv("HOME", home)
	os.Setenv("OPENAI_API_KEY", "")
	os.Setenv("TZ", "UTC")
	return m.Run()
}

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// A host is a whole host in memory: its connection, its manager, its home.
type host struct {
	t         testing.TB
	home, cwd string
	manager   *manager.Manager
	clients   []*client
}

// newHost makes a host with an empty home. Whoever wants files in it writes them
// before the first connection.
func newHost(t testing.TB) *host {
	t.Helper()
	h := &host{t: t, home: realTemp(t), cwd: realTemp(t)}
	h.boot()
	t.Cleanup(h.close)
	return h
}

// realTemp is a temporary folder by its real name.
func realTemp(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// boot starts a manager on the home, as a new process would.
func (h *host) boot() {
	h.t.Helper()
	m, err := manager.New(manager.Options{Home: h.home, Cwd: h.cwd, Version: "0.0.1",
		Config: config.New(config.Options{Home: h.home, SystemFile: filepath.Join(h.home, "no-system.toml")}), Log: hclog.NewNullLogger()})
	if err != nil {
		h.t.Fatal(err)
	}
	h.manager = m
}

// close ends the clients and the manager, and says what does not end.
func (h *host) close() {
	for _, c := range h.clients {
		c.hangUp()
	}
	h.clients = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.manager.Close(ctx); err != nil {
		h.t.Errorf("closing the manager: %v", err)
	}
}

// A client speaks to a host over pipes. Every message that it gets is checked
// against the schema.
type client struct {
	t      testing.TB
	in     *io.PipeWriter
	out    *io.PipeWriter // the host's end; closed when it sends no more
	conn   *rpc.Connection
	served chan struct{} // closed when all input was served
	heard  chan struct{} // closed when the output has ended

	mu       sync.Mutex // guards the fields below
	arrived  sync.Cond  // signalled with every message, and at the end
	messages []message
	asked    map[string]string // the method of each request, by id
	about    map[string]string // the thread that each request names, by id
	ended    bool
	next     int
}

// A message is one of the host.
type message struct {
	line   []byte
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
}

func (h *host) connect() *client {
	h.t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{t: h.t, in: inW, out: outW, served: make(chan struct{}), heard: make(chan struct{}), asked: map[string]string{}, about: map[string]string{}}
	c.arrived.L = &c.mu
	c.conn = rpc.NewConnection(inR, outW, rpc.Options{Manager: h.manager, Version: "0.0.1", Log: hclog.NewNullLogger()})
	go func() {
		defer close(c.served)
		if err := c.conn.Run(context.Background()); err != nil {
			h.t.Errorf("serving: %v", err)
		}
	}()
	go func() {
		defer close(c.heard)
		c.listen(outR)
	}()
	h.clients = append(h.clients, c)
	return c
}

// listen notes what the host sends until its output ends.
func (c *client) listen(out io.Reader) {
	lines := bufio.NewReaderSize(out, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		c.hear(bytes.TrimSuffix(line, []byte("\n")))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.arrived.Broadcast()
}

func (c *client) hear(line []byte) {
	m := message{line: line}
	if err := json.Unmarshal(line, &m); err != nil {
		c.t.Errorf("the host sent %q: %v", line, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	method := ""
	if m.Method == "" {
		method = c.asked[string(m.ID)]
	}
	if s := published(); s != nil {
		if e := s.check(line, method); e != "" {
			c.t.Errorf("not by the schema: %s\n%s", e, line)
		}
	}
	c.messages = append(c.messages, m)
	c.arrived.Broadcast()
}

// send writes lines as they are and remembers what they ask.
func (c *client) send(lines ...string) {
	c.t.Helper()
	for _, line := range lines {
		var m struct {
			ID     json.RawMessage
			Method string
			Params json.RawMessage
		}
		if json.Unmarshal([]byte(line), &m) == nil && m.ID != nil && m.Method != "" {
			c.mu.Lock()
			c.asked[string(m.ID)], c.about[string(m.ID)] = m.Method, threadOf(m.Params)
			c.mu.Unlock()
		}
		if _, err := io.WriteString(c.in, line+"\n"); err != nil {
			c.t.Fatalf("writing to the host: %v", err)
		}
	}
}

// request sends a request and does not wait for its answer.
func (c *client) request(method, params string) (id string) {
	c.t.Helper()
	c.mu.Lock()
	c.next++
	id = fmt.Sprint(c.next)
	c.mu.Unlock()
	c.send(fmt.Sprintf(`{"id":%s,"method":%q,"params":%s}`, id, method, params))
	return id
}

// try sends a request and waits for its answer.
func (c *client) try(method, params string) message {
	c.t.Helper()
	id := c.request(method, params)
	_, m := c.await(0, func(m message) bool { return m.Method == "" && string(m.ID) == id })
	return m
}

// call is try for a request that must not fail; the answer is read into to.
func (c *client) call(method, params string, to any) {
	c.t.Helper()
	m := c.try(method, params)
	if m.Error != nil {
		c.t.Fatalf("%s %s: %s", method, params, m.line)
	}
	if to != nil {
		if err := json.Unmarshal(m.Result, to); err != nil {
			c.t.Fatalf("%s: %v in %s", method, err, m.line)
		}
	}
}

// initialize introduces the client, with the experimental API.
func (c *client) initialize() {
	c.t.Helper()
	c.call("initialize", `{"clientInfo":{"name":"test","version":"1"},"capabilities":{"experimentalApi":true}}`, nil)
}

// startThread gives the id of a new thread.
func (c *client) startThread() string {
	c.t.Helper()
	var r struct{ Thread struct{ ID string } }
	c.call("thread/start", `{}`, &r)
	return r.Thread.ID
}

// startTurn gives the id of a new turn that says text.
func (c *client) startTurn(thread, text string) string {
	c.t.Helper()
	var r struct{ Turn struct{ ID string } }
	c.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":%q}]}`, thread, text), &r)
	return r.Turn.ID
}

// turn says something and waits for the end of the turn.
func (c *client) turn(thread, text string) message {
	c.t.Helper()
	id := c.startTurn(thread, text)
	return c.notified("turn/completed", id)
}

// notified waits for a notification that has some texts in its params.
func (c *client) notified(method string, texts ...string) message {
	c.t.Helper()
	_, m := c.await(0, func(m message) bool {
		for _, s := range texts {
			if !bytes.Contains(m.Params, []byte(s)) {
				return false
			}
		}
		return m.Method == method
	})
	return m
}

// await waits for a message from a place on, and returns the place after it.
func (c *client) await(from int, want func(message) bool) (int, message) {
	c.t.Helper()
	late := time.AfterFunc(patience, c.arrived.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := from; ; i++ {
		for i >= len(c.messages) {
			if c.ended || !time.Now().Before(deadline) {
				c.t.Fatalf("what is waited for does not come; ended: %v; heard:\n%s", c.ended, c.all())
			}
			c.arrived.Wait()
		}
		if want(c.messages[i]) {
			return i + 1, c.messages[i]
		}
	}
}

// all is what was heard; mu is held.
func (c *client) all() []byte {
	var b bytes.Buffer
	for _, m := range c.messages {
		b.Write(m.line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// history is every message until now.
func (c *client) history() []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.messages[:len(c.messages):len(c.messages)]
}

// hangUp ends the input, waits until all of it was served, and reads the rest.
func (c *client) hangUp() {
	c.t.Helper()
	if err := c.in.Close(); err != nil {
		c.t.Errorf("closing the input: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-c.served:
	case <-ctx.Done():
		c.t.Errorf("requests are not served: %v", ctx.Err())
		return
	}
	if err := c.conn.Close(ctx); err != nil {
		c.t.Errorf("closing the connection: %v", err)
	}
	_ = c.out.Close() // a pipe's never fails
	<-c.heard
}
