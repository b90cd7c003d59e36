package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Outcome is what became of a call.
type Outcome struct {
	// Output is what the model reads: a JSON string or an array of content parts.
	Output json.RawMessage
	// Failed: the item's status is "failed", else "completed".
	Failed bool
	// Result is nil when there was none; then Error says why.
	Result   *protocol.McpToolCallResult
	Error    string
	Duration time.Duration
}

// Status is the item's.
func (o *Outcome) Status() protocol.McpToolCallStatus {
	if o.Failed {
		return protocol.McpToolCallStatusFailed
	}
	return protocol.McpToolCallStatusCompleted
}

// Finish fills an item that was begun with Item.
func (o *Outcome) Finish(item *protocol.ThreadItemMcpToolCall) {
	ms := o.Duration.Milliseconds()
	item.Status, item.Result, item.DurationMs = o.Status(), o.Result, &ms
	if o.Error != "" {
		item.Error = &protocol.McpToolCallError{Message: o.Error}
	}
}

// Item is the item of a call that begins.
func (t *Tool) Item(id string, arguments json.RawMessage) *protocol.ThreadItemMcpToolCall {
	if len(arguments) == 0 {
		arguments = json.RawMessage("null")
	}
	return &protocol.ThreadItemMcpToolCall{
		ID: id, Server: t.Server, Tool: t.Name, Arguments: arguments,
		Status: protocol.McpToolCallStatusInProgress, ReadOnlyHint: t.ReadOnly(),
	}
}

// Rejected is the outcome of a call that was not made.
func Rejected(reason string) Outcome { return withoutResult(reason, 0) }

// withoutResult is the outcome of a call without a result.
func withoutResult(text string, took time.Duration) Outcome {
	b := appendText([]byte("["), wallTime(took))
	b = append(appendText(append(b, ','), text), ']')
	return Outcome{Output: b, Failed: true, Error: text, Duration: took}
}

// failure is the outcome of a call that went wrong.
func failure(server, tool string, err error, limit, took time.Duration) Outcome {
	return withoutResult(fmt.Sprintf("tool call error: tool call failed for `%s/%s`\n\nCaused by:\n    %s", server, tool, cause(err, limit)), took)
}

// cause says in a line why a call failed, in the words that models and clients
// of this protocol have seen before where there are such.
func cause(err error, limit time.Duration) string {
	e, ok := errors.AsType[*provider.CallError](err)
	if !ok {
		return err.Error()
	}
	switch e.Cause {
	case provider.CauseServer:
		text := fmt.Sprintf("Mcp error: %d: %s", e.Code, e.Message)
		if !isNull(e.Data) {
			text += "(" + string(e.Data) + ")"
		}
		return text
	case provider.CauseTimeout:
		return "timed out awaiting tools/call after " + seconds(limit)
	case provider.CauseClosed, provider.CauseUnsent:
		return "Transport closed"
	}
	return e.Message
}

// seconds writes a duration in whole seconds, or exactly when below one.
func seconds(d time.Duration) string {
	if d >= time.Second {
		d = d.Truncate(time.Second)
	}
	return fmt.Sprintf("%gs", d.Seconds())
}

// result is the part of a CallToolResult that the host reads. It points into
// the server's answer.
type result struct {
	content          []json.RawMessage
	structured, meta json.RawMessage // nil for none
	isError          bool
}

// errShape is the complaint about a result that is none.
//
//lint:ignore ST1005 clients know the text
var errShape = errors.New("Unexpected response type")

// parseResult takes a result apart without copying it.
func parseResult(raw json.RawMessage) (*result, error) {
	var r result
	shaped := false
	err := rawjson.Object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "content":
			r.content = []json.RawMessage{}
			shaped = rawjson.Array(value, func(part []byte) bool {
				r.content = append(r.content, part)
				return true
			}) == nil
			return shaped
		case "structuredContent":
			if !isNull(value) {
				r.structured = value
			}
		case "_meta":
			if !isNull(value) {
				r.meta = value
			}
		case "isError":
			r.isError = string(value) == "true"
		}
		return true
	})
	if err != nil || !shaped && r.structured == nil {
		return nil, errShape
	}
	if r.content == nil {
		r.content = []json.RawMessage{}
	}
	return &r, nil
}

// outcomeOf makes an outcome of a server's CallToolResult.
func outcomeOf(raw json.RawMessage, took time.Duration, images bool, budget int) (Outcome, error) {
	r, err := parseResult(raw)
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Output: modelOutput(r, took, images, budget), Failed: r.isError, Duration: took,
		Result: shown(r, len(raw)),
	}, nil
}

// maxShown is the most of a result, in bytes, that items and rollouts carry.
const maxShown = 1 << 20

// shown is the result as items show it. One that is too large is shown as the
// text that fits.
func shown(r *result, size int) *protocol.McpToolCallResult {
	if size <= maxShown {
		return &protocol.McpToolCallResult{Content: r.content, StructuredContent: r.structured, Meta: r.meta}
	}
	text := []byte("Truncated tool output:\n")
	for _, c := range r.content {
		if room := maxShown - len(text); room > 0 {
			if p := partOf(c); p.kind == "text" {
				text = append(text, head(p.text, room)...)
			} else {
				text = append(text, c[:min(len(c), room)]...)
			}
		}
	}
	if len(r.content) == 0 {
		text = append(text, r.structured[:min(len(r.structured), maxShown)]...)
	}
	b := append(quote([]byte(`{"type":"text","text":`), string(text)), '}')
	return &protocol.McpToolCallResult{Content: []json.RawMessage{b}}
}
