package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// The tools by which the model itself looks into resources. They are offered to
// threads that have servers.
const (
	listResources = "list_mcp_resources"
	listTemplates = "list_mcp_resource_templates"
	readResource  = "read_mcp_resource"
)

// ResourceSpecs are the entries of these tools in a request to the model.
func ResourceSpecs() []json.RawMessage {
	list := func(name, what, server string) json.RawMessage {
		return json.RawMessage(`{"type":"function","name":"` + name + `","description":"` + what + `","strict":false,"parameters":{"type":"object","properties":{` +
			`"cursor":{"type":"string","description":"Where a previous ` + name + ` call stopped; leave it out for the first page. Needs a server."},` +
			`"server":{"type":"string","description":"` + server + `"}},"additionalProperties":false}}`)
	}
	return []json.RawMessage{
		list(listResources, "Lists the resources that MCP servers share: files, database schemas and other data that gives context. Look here before you search the web.",
			"An MCP server by name. Leave it out to ask all of them."),
		list(listTemplates, "Lists the resource templates of MCP servers: resources whose address takes parameters. Look here before you search the web.",
			"An MCP server by name. Leave it out to ask all of them."),
		json.RawMessage(`{"type":"function","name":"` + readResource + `","description":"Reads one resource of an MCP server.","strict":false,"parameters":{"type":"object","properties":{` +
			`"server":{"type":"string","description":"The MCP server's name, as ` + listResources + ` shows it."},` +
			`"uri":{"type":"string","description":"The address of the resource, as ` + listResources + ` shows it."}},"required":["server","uri"],"additionalProperties":false}}`),
	}
}

// IsResourceTool says whether a name is that of one of these tools.
func IsResourceTool(name string) bool {
	return name == listResources || name == listTemplates || name == readResource
}

// ResourceCall is one call of such a tool.
type ResourceCall struct {
	set       *Set
	name      string
	arguments json.RawMessage
	server    string
	cursor    string
	uri       *string
	hasServer bool
}

// ResourceCall returns the call of the named tool with the model's arguments, if
// it is one of these tools.
func (t *Set) ResourceCall(name, arguments string) (*ResourceCall, bool) {
	if !IsResourceTool(name) {
		return nil, false
	}
	r := &ResourceCall{set: t, name: name, arguments: json.RawMessage("{}")}
	var a struct {
		Server *string `json:"server"`
		Cursor string  `json:"cursor"`
		URI    *string `json:"uri"`
	}
	if json.Unmarshal([]byte(arguments), &a) == nil {
		r.arguments = json.RawMessage(arguments)
		r.cursor, r.uri = a.Cursor, a.URI
		if a.Server != nil {
			r.server, r.hasServer = *a.Server, true
		}
	}
	return r, true
}

// Item is the item of the call when it begins. A call that asks all servers is
// shown under the name that clients know for that.
func (r *ResourceCall) Item(id string) *protocol.ThreadItemMcpToolCall {
	server := r.server
	if server == "" {
		server = "codex"
	}
	return &protocol.ThreadItemMcpToolCall{
		ID: id, Server: server, Tool: r.name, Arguments: r.arguments, Status: protocol.McpToolCallStatusInProgress,
	}
}

// Run carries the call out. The output is a JSON string; maxOutput bounds its
// text in bytes, 0 means DefaultOutput.
func (r *ResourceCall) Run(ctx context.Context, maxOutput int) Outcome {
	begun := time.Now()
	raw, err := r.run(ctx)
	took := time.Since(begun)
	if maxOutput == 0 {
		maxOutput = DefaultOutput
	}
	if err != nil {
		return Outcome{Output: quote(nil, middle(err.Error(), maxOutput)), Failed: true, Error: err.Error(), Duration: took}
	}
	text := string(raw)
	content := append(quote([]byte(`{"type":"text","text":`), middle(text, maxShown)), '}')
	return Outcome{
		Output: quote(nil, middle(text, maxOutput)), Duration: took,
		Result: &protocol.McpToolCallResult{Content: []json.RawMessage{content}},
	}
}

func (r *ResourceCall) run(ctx context.Context) (json.RawMessage, error) {
	switch r.name {
	case listResources:
		return r.set.ListResources(ctx, r.server, r.cursor)
	case listTemplates:
		return r.set.ListResourceTemplates(ctx, r.server, r.cursor)
	}
	switch {
	case !r.hasServer:
		return nil, errors.New("failed to parse function arguments: missing field `server`")
	case r.uri == nil:
		return nil, errors.New("failed to parse function arguments: missing field `uri`")
	}
	if _, err := r.set.find(r.server); err != nil {
		return nil, err
	}
	raw, err := r.set.ReadForModel(ctx, r.server, *r.uri)
	if err != nil {
		return nil, fmt.Errorf("resources/read failed: %w", err)
	}
	return raw, nil
}
