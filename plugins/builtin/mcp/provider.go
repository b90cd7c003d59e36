package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
	"github.com/codexhost/codexhost/plugins/serve"
)

// protocolVersion is what we ask servers for. Newer ones begin with a request
// that older servers do not answer at all.
const protocolVersion = "2025-06-18"

// Provider implements the contract. Shut it down.
type Provider struct {
	spawner *spawner
	hurry   chan struct{} // closed by Shutdown: nothing is polite any more
	alone   bool          // set before the first Start

	mu       sync.Mutex // guards what follows
	shut     bool
	sessions sync.WaitGroup
}

// New returns a provider. It starts nothing but the thread that servers are
// started from.
func New() *Provider {
	return &Provider{spawner: newSpawner(), hurry: make(chan struct{})}
}

// Serve is the plugin process; it does not return.
func Serve(opts ...serve.Option) { provider.Serve(New(), opts...) }

// Serving tells the provider that it has its process to itself: what leaves its
// parent and its group among the descendants of servers is caught then.
//
// One thread of Go is enough to carry messages to and fro, and better: with two,
// each message wakes the other for nothing, which costs a call a fifth of its
// time on a machine that is idle. What is lost is a tenth of a second for others
// while a result of tens of megabytes passes.
func (p *Provider) Serving() {
	p.alone = true
	runtime.GOMAXPROCS(1)
	p.spawner.adopt()
}

// Shutdown ends every server without much ceremony and waits for that, within
// ctx. Start fails from then on. It is idempotent.
func (p *Provider) Shutdown(ctx context.Context) {
	p.mu.Lock()
	if !p.shut {
		p.shut = true
		close(p.hurry)
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.sessions.Wait()
		close(done)
	}()
	select {
	case <-done:
		p.spawner.close()
	case <-ctx.Done():
	}
	if p.alone {
		sweep(sweepWait)
	}
}

// enter counts a session in; leave is p.sessions.Done.
func (p *Provider) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return false
	}
	p.sessions.Add(1)
	return true
}

// Start implements the contract.
func (p *Provider) Start(ctx context.Context, server provider.Server, host provider.Host) (provider.Session, error) {
	var c provider.Config
	if err := json.Unmarshal(server.Config, &c); err != nil {
		return nil, &provider.StartError{Stage: provider.StageConfig, Reason: fmt.Sprintf("reading the settings of MCP server %s: %v", server.Name, err)}
	}
	if !p.enter() {
		return nil, &provider.StartError{Stage: provider.StageCancelled, Reason: errShut.Error()}
	}
	switch {
	case c.Command != "":
		return p.startStdio(ctx, &c, host)
	case c.URL != "":
		return p.startHTTP(ctx, &c, host)
	}
	p.sessions.Done()
	return nil, &provider.StartError{Stage: provider.StageConfig, Reason: "invalid transport"}
}

// newClient is the SDK's client, which introduces us.
func newClient(c *provider.Config, o *sdk.ClientOptions) *sdk.Client {
	o.Capabilities = &sdk.ClientCapabilities{
		Elicitation: &sdk.ElicitationCapabilities{Form: &sdk.FormElicitationCapabilities{}, URL: &sdk.URLElicitationCapabilities{}},
	}
	o.MultiRoundTrip = &sdk.MultiRoundTripOptions{Disabled: true}
	info := &sdk.Implementation{Name: c.Client.Name, Title: c.Client.Title, Version: c.Client.Version}
	if info.Name == "" {
		info.Name = "codexhost"
	}
	return sdk.NewClient(info, o)
}

// caller makes one request and returns the result as it came.
type caller interface {
	call(ctx context.Context, method string, params []byte) (json.RawMessage, error)
}

// requests are the calls of the contract, over whatever transport.
type requests struct{ caller }

// List implements the contract.
func (r requests) List(ctx context.Context, what provider.Listing, cursor string) (json.RawMessage, error) {
	params := []byte("{}")
	if cursor != "" {
		params = append(quote([]byte(`{"cursor":`), cursor), '}')
	}
	switch what {
	case provider.Tools:
		return r.call(ctx, "tools/list", params)
	case provider.Resources:
		return r.call(ctx, "resources/list", params)
	case provider.ResourceTemplates:
		return r.call(ctx, "resources/templates/list", params)
	}
	return nil, fmt.Errorf("this provider does not know listing %d", what)
}

// CallTool implements the contract.
func (r requests) CallTool(ctx context.Context, c provider.ToolCall) (json.RawMessage, error) {
	b := make([]byte, 0, len(c.Name)+len(c.Arguments)+len(c.Meta)+48)
	b = quote(append(b, `{"name":`...), c.Name)
	for _, part := range []struct {
		name string
		raw  json.RawMessage
	}{{`,"arguments":`, c.Arguments}, {`,"_meta":`, c.Meta}} {
		if len(part.raw) == 0 {
			continue
		}
		if !rawjson.Valid(part.raw) {
			return nil, &provider.CallError{Cause: provider.CauseUnknown, Message: "the call is not valid JSON"}
		}
		b = append(append(b, part.name...), oneLine(part.raw)...)
	}
	return r.call(ctx, "tools/call", append(b, '}'))
}

// ReadResource implements the contract.
func (r requests) ReadResource(ctx context.Context, uri string) (json.RawMessage, error) {
	return r.call(ctx, "resources/read", append(quote([]byte(`{"uri":`), uri), '}'))
}

func hasTools(capabilities []byte) bool {
	found := false
	_ = rawjson.Object(capabilities, func(name, value []byte) bool {
		found = string(name) == "tools" && string(value) != "null"
		return !found
	})
	return found
}

// quote appends s as a JSON string.
func quote(b []byte, s string) []byte {
	raw, err := json.Marshal(s)
	if err != nil { // a string never fails
		return append(b, `""`...)
	}
	return append(b, raw...)
}

// isClosed recognises the ways in which a pipe says that nobody is at its end.
func isClosed(err error) bool {
	for _, e := range []error{sdk.ErrConnectionClosed, io.EOF, io.ErrClosedPipe, os.ErrClosed, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// startError makes a StartError of what went wrong in the handshake or the list
// of tools, in words that clients know.
func startError(ctx context.Context, stage provider.Stage, err error, r provider.Remains) *provider.StartError {
	e := &provider.StartError{Stage: stage, Remains: r}
	wire, isWire := errors.AsType[*jsonrpc.Error](err)
	call, isCall := errors.AsType[*provider.CallError](err)
	closed := isClosed(err) || isCall && call.Cause == provider.CauseClosed
	text := err.Error()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Stage, e.Reason = provider.StageTimeout, "timed out"
		return e
	case ctx.Err() != nil:
		e.Stage, e.Reason = provider.StageCancelled, "cancelled"
		return e
	case isWire:
		text = fmt.Sprintf("JSON-RPC error: %d: %s", wire.Code, wire.Message)
	case closed:
		text = "connection closed: initialize response"
	}
	if stage == provider.StageHandshake {
		e.Reason = "handshaking with MCP server failed: " + text
		if isWire || closed {
			e.Reason += ": " + text
		}
		return e
	}
	if closed {
		text = "connection closed"
	}
	e.Reason = "listing tools failed: " + text
	return e
}
