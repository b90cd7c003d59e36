package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/codexhost/codexhost/plugins/serve"
)

// ToolServer is a Provider with one server of its own, whose tools are Go
// functions: all that most plugins need. Fill it and hand it to Serve.
type ToolServer struct {
	Name         string // of the server; tools are offered to the model under it
	Version      string
	Instructions string // for the model; may be empty
	Tools        []Tool
	// OnHost, if set, is given the way to the host before the first call: for the
	// plugin's own settings and the host's log. It must not wait.
	OnHost func(serve.Host)
}

// Attach is called by Serve.
func (t *ToolServer) Attach(host serve.Host) {
	if t.OnHost != nil {
		t.OnHost(host)
	}
}

// Tool is a tool of a ToolServer.
type Tool struct {
	Name        string
	Description string
	// Schema is the JSON schema of the arguments, an object; empty means that
	// there are none.
	Schema json.RawMessage
	// ReadOnly says that a call changes nothing, so that a host may make it
	// without asking anybody.
	ReadOnly bool
	// Run does the work and returns what the model reads. An error is told to
	// the model as a failed call, a panic likewise. ctx ends when the call is
	// withdrawn or late. It may run concurrently.
	Run func(ctx context.Context, arguments json.RawMessage, host Host) (string, error)
}

// Servers implements Catalog.
func (t *ToolServer) Servers(context.Context) ([]Server, error) {
	return []Server{{Key: t.Name + "@" + t.Version, Name: t.Name}}, nil
}

// Start implements Provider. The server's settings are not looked at.
func (t *ToolServer) Start(_ context.Context, server Server, host Host) (Session, error) {
	if server.Name != t.Name {
		return nil, &StartError{Stage: StageConfig, Reason: fmt.Sprintf("this provider has the server %q and no server %q", t.Name, server.Name)}
	}
	s := &toolSession{server: t, host: host, done: make(chan struct{})}
	s.info = Info{
		ProtocolVersion: "2025-06-18",
		ServerInfo:      mustJSON(map[string]string{"name": t.Name, "version": t.Version}),
		Capabilities:    json.RawMessage(`{"tools":{}}`),
		Instructions:    t.Instructions,
	}
	for _, tool := range t.Tools {
		s.info.Tools = append(s.info.Tools, tool.describe())
	}
	return s, nil
}

func (t Tool) describe() json.RawMessage {
	schema := t.Schema
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type":"object","properties":{}}`)
	}
	return mustJSON(map[string]any{
		"name": t.Name, "description": t.Description, "inputSchema": schema,
		"annotations": map[string]bool{"readOnlyHint": t.ReadOnly},
	})
}

// mustJSON marshals what always can be, unless an author's schema is no JSON:
// then the plugin says so at once, and on stderr.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("describing a tool server: %v", err))
	}
	return b
}

// toolSession is a ToolServer that was started.
type toolSession struct {
	server *ToolServer
	host   Host
	info   Info
	once   sync.Once
	done   chan struct{}
}

func (s *toolSession) Info() Info { return s.info }

func (s *toolSession) List(_ context.Context, what Listing, _ string) (json.RawMessage, error) {
	switch what {
	case Tools:
		return mustJSON(map[string]any{"tools": append([]json.RawMessage{}, s.info.Tools...)}), nil
	case Resources:
		return json.RawMessage(`{"resources":[]}`), nil
	case ResourceTemplates:
		return json.RawMessage(`{"resourceTemplates":[]}`), nil
	}
	return nil, &CallError{Cause: CauseServer, Code: codeUnknownMethod, Message: fmt.Sprintf("there is no listing %d", what)}
}

// Codes of JSON-RPC.
const (
	codeUnknownMethod = -32601
	codeBadParams     = -32602
)

func (s *toolSession) CallTool(ctx context.Context, call ToolCall) (json.RawMessage, error) {
	for _, t := range s.server.Tools {
		if t.Name == call.Name {
			return s.run(ctx, t, call.Arguments)
		}
	}
	return nil, &CallError{Cause: CauseServer, Code: codeBadParams, Message: fmt.Sprintf("there is no tool %q", call.Name)}
}

func (s *toolSession) run(ctx context.Context, t Tool, arguments json.RawMessage) (result json.RawMessage, err error) {
	if len(arguments) == 0 {
		arguments = json.RawMessage("{}")
	}
	if !json.Valid(arguments) {
		return nil, &CallError{Cause: CauseServer, Code: codeBadParams, Message: "the arguments are no JSON"}
	}
	defer func() {
		if r := recover(); r != nil {
			s.host.Log("error", fmt.Sprintf("tool %s panicked: %v\n%s", t.Name, r, debug.Stack()))
			result, err = toolResult(fmt.Sprintf("the tool %s failed: %v", t.Name, r), true), nil
		}
	}()
	text, err := t.Run(ctx, arguments, s.host)
	switch {
	case err == nil:
		return toolResult(text, false), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return toolResult(err.Error(), true), nil
}

func toolResult(text string, failed bool) json.RawMessage {
	return mustJSON(map[string]any{"content": []map[string]string{{"type": "text", "text": text}}, "isError": failed})
}

func (s *toolSession) ReadResource(_ context.Context, uri string) (json.RawMessage, error) {
	return nil, &CallError{Cause: CauseServer, Code: -32002, Message: fmt.Sprintf("there is no resource %q", uri)}
}

func (s *toolSession) Done() <-chan struct{} { return s.done }

func (s *toolSession) End() End {
	select {
	case <-s.done:
		return End{Asked: true}
	default:
		return End{}
	}
}

func (s *toolSession) Close(context.Context) error {
	s.once.Do(func() { close(s.done) })
	return nil
}
