package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Dynamic offers the tools that the client of a thread carries out itself.
type Dynamic struct {
	specs []json.RawMessage
	names map[dynamicName]bool
}

// dynamicName is a tool's name in its namespace, which may be empty.
type dynamicName struct{ namespace, name string }

// longestDynamicName is what the Responses API allows.
const longestDynamicName = 128

// NewDynamic reads a client's tools. The error is for the client: it says which
// tool cannot be offered and why.
func NewDynamic(specs []protocol.DynamicToolSpec) (*Dynamic, error) {
	d := &Dynamic{names: make(map[dynamicName]bool)}
	for _, s := range specs {
		var raw json.RawMessage
		var err error
		switch s := s.(type) {
		case *protocol.DynamicToolSpecFunction:
			raw, err = d.function("", s.Name, s.Description, s.InputSchema)
		case *protocol.DynamicToolSpecNamespace:
			raw, err = d.namespace(s)
		default:
			err = fmt.Errorf("dynamic tool is of a kind that is not known")
		}
		if err != nil {
			return nil, err
		}
		d.specs = append(d.specs, raw)
	}
	return d, nil
}

func (d *Dynamic) namespace(s *protocol.DynamicToolSpecNamespace) (json.RawMessage, error) {
	if err := checkDynamicName(s.Name); err != nil {
		return nil, err
	}
	var tools []json.RawMessage
	for _, t := range s.Tools {
		f, ok := t.(*protocol.DynamicToolNamespaceToolFunction)
		if !ok {
			return nil, fmt.Errorf("dynamic tool namespace %s holds a tool of a kind that is not known", s.Name)
		}
		raw, err := d.function(s.Name, f.Name, f.Description, f.InputSchema)
		if err != nil {
			return nil, err
		}
		tools = append(tools, raw)
	}
	return json.Marshal(struct {
		Type        string            `json:"type"`
		Name        string            `json:"name"`
		Description string            `json:"description"`
		Tools       []json.RawMessage `json:"tools"`
	}{"namespace", s.Name, s.Description, tools})
}

// function is a tool as the model reads it.
func (d *Dynamic) function(namespace, name, description string, schema json.RawMessage) (json.RawMessage, error) {
	if err := checkDynamicName(name); err != nil {
		return nil, err
	}
	id := dynamicName{namespace, name}
	if d.names[id] {
		return nil, fmt.Errorf("duplicate dynamic tool name: %s", name)
	}
	d.names[id] = true
	var object map[string]json.RawMessage
	if err := json.Unmarshal(schema, &object); err != nil {
		return nil, fmt.Errorf("dynamic tool input schema is not supported for %s: invalid type: %s, expected struct JsonSchema", name, jsonKind(schema))
	}
	return json.Marshal(struct {
		Type        string          `json:"type"`
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Strict      bool            `json:"strict"`
		Parameters  json.RawMessage `json:"parameters"`
	}{"function", name, description, false, schema})
}

// checkDynamicName refuses what cannot be the name of a tool.
func checkDynamicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("dynamic tool name must not be empty")
	case strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) }):
		return fmt.Errorf("dynamic tool name must match ^[a-zA-Z0-9_-]+$ to match Responses API: %s", name)
	case len(name) > longestDynamicName:
		return fmt.Errorf("dynamic tool name must be at most %d characters to match Responses API: %s", longestDynamicName, name)
	case name == "mcp" || strings.HasPrefix(name, "mcp__"):
		return fmt.Errorf("dynamic tool name is reserved: %s", name)
	}
	return nil
}

func nameRune(r rune) bool {
	return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// jsonKind names a value that is not an object, as serde would.
func jsonKind(raw json.RawMessage) string {
	switch s := strings.TrimSpace(string(raw)); {
	case s == "":
		return "null"
	case s[0] == '"':
		return "string " + s
	case s[0] == '[':
		return "sequence"
	case s == "true" || s == "false":
		return "boolean `" + s + "`"
	default:
		return s
	}
}

// Specs implements Offer.
func (d *Dynamic) Specs() []json.RawMessage { return d.specs }

// Find implements Offer.
func (d *Dynamic) Find(namespace, name string) (Tool, bool) {
	return dynamicTool{}, d.names[dynamicName{namespace, name}]
}

// dynamicTool is a tool that the client carries out.
type dynamicTool struct{}

// Run asks the client. A client that refuses, or cannot, has the call fail; a
// turn that ends first does too.
func (dynamicTool) Run(ctx context.Context, t Turn, c Call) Output {
	if !json.Valid([]byte(c.Arguments)) {
		return Errorf("failed to parse function arguments: %s", c.Arguments)
	}
	begun := t.Now()
	started := begun.UnixMilli()
	item := &protocol.ThreadItemDynamicToolCall{ID: c.ID, Tool: c.Name, Arguments: json.RawMessage(c.Arguments),
		Status: protocol.DynamicToolCallStatusInProgress, StartedAtMs: &started}
	if c.Namespace != "" {
		item.Namespace = &c.Namespace
	}
	shown := *item
	t.Start(ctx, &shown)
	answer := ask(ctx, t, c, item)
	completed := t.Now()
	at, took := completed.UnixMilli(), completed.Sub(begun).Milliseconds()
	item.CompletedAtMs, item.DurationMs, item.Success = &at, &took, &answer.Success
	item.ContentItems = answer.ContentItems
	item.Status = protocol.DynamicToolCallStatusCompleted
	if !answer.Success {
		item.Status = protocol.DynamicToolCallStatusFailed
	}
	if item.ContentItems == nil {
		item.ContentItems = []protocol.DynamicToolCallOutputContentItem{}
	}
	t.Complete(context.WithoutCancel(ctx), item)
	return dynamicOutput(answer)
}

// ask puts the call to the client and reads the answer.
func ask(ctx context.Context, t Turn, c Call, item *protocol.ThreadItemDynamicToolCall) protocol.DynamicToolCallResponse {
	raw, err := t.Ask(ctx, WaitingOnNothing, "item/tool/call", &protocol.DynamicToolCallParams{
		ThreadID: t.ThreadID(), TurnID: t.TurnID(), CallID: c.ID, Namespace: item.Namespace, Tool: c.Name, Arguments: item.Arguments,
	})
	var answer protocol.DynamicToolCallResponse
	switch {
	case ctx.Err() != nil:
		return answer
	case err == nil && protocol.DecodeParams(raw, &answer) == nil:
		return answer
	}
	return protocol.DynamicToolCallResponse{ContentItems: []protocol.DynamicToolCallOutputContentItem{
		&protocol.DynamicToolCallOutputContentItemInputText{Text: "dynamic tool request failed"}}}
}

// dynamicOutput is the client's answer as the model reads it: its text alone, or
// parts where there is more than text.
func dynamicOutput(r protocol.DynamicToolCallResponse) Output {
	var texts []string
	var parts []map[string]string
	for _, item := range r.ContentItems {
		switch item := item.(type) {
		case *protocol.DynamicToolCallOutputContentItemInputText:
			texts = append(texts, item.Text)
			parts = append(parts, map[string]string{"type": "input_text", "text": item.Text})
		case *protocol.DynamicToolCallOutputContentItemInputImage:
			parts = append(parts, map[string]string{"type": "input_image", "image_url": item.ImageURL})
		}
	}
	if len(texts) == len(parts) {
		return Text(strings.Join(texts, "\n"))
	}
	body, err := json.Marshal(parts)
	if err != nil {
		return Text(strings.Join(texts, "\n"))
	}
	return Output{body}
}
