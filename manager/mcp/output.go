package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
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

// Rejected is the outcome of a call that was not made.
func Rejected(reason string) Outcome {
	return Outcome{Output: quote(nil, reason), Failed: true, Error: reason}
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

// rawResult is the part of a CallToolResult that the host reads.
type rawResult struct {
	Content    []json.RawMessage `json:"content"`
	Structured json.RawMessage   `json:"structuredContent"`
	Meta       json.RawMessage   `json:"_meta"`
	IsError    bool              `json:"isError"`
}

// outcomeOf makes an outcome of a server's CallToolResult.
func outcomeOf(raw json.RawMessage, took time.Duration, images bool) (Outcome, error) {
	var r rawResult
	if err := json.Unmarshal(raw, &r); err != nil {
		return Outcome{}, fmt.Errorf("reading the result: %w", err)
	}
	if isNull(r.Structured) {
		r.Structured = nil
	}
	if isNull(r.Meta) {
		r.Meta = nil
	}
	if r.Content == nil {
		if r.Structured == nil {
			return Outcome{}, errors.New("reading the result: it has neither content nor structuredContent")
		}
		r.Content = []json.RawMessage{}
	}
	return Outcome{
		Output: modelOutput(&r, took, images), Failed: r.IsError, Duration: took,
		Result: &protocol.McpToolCallResult{Content: r.Content, StructuredContent: r.Structured, Meta: r.Meta},
	}, nil
}

// modelOutput is what the model reads of a result.
func modelOutput(r *rawResult, took time.Duration, images bool) json.RawMessage {
	head := fmt.Sprintf("Wall time: %.4f seconds\nOutput:", took.Seconds())
	if r.Structured != nil {
		return quote(nil, head+"\n"+string(r.Structured))
	}
	b := appendText([]byte("["), head)
	for _, c := range r.Content {
		b = append(b, ',')
		b = appendPart(b, c, images)
	}
	return append(b, ']')
}

func appendText(b []byte, text string) []byte {
	b = append(b, `{"type":"input_text","text":`...)
	return append(quote(b, text), '}')
}

// appendPart writes one content part. Kinds that the model's API has no part
// for go as their JSON.
func appendPart(b []byte, raw json.RawMessage, images bool) []byte {
	var c struct {
		Type string `json:"type"`
		Text string `json:"text"`
		Data string `json:"data"`
		Mime string `json:"mimeType"`
		Meta struct {
			Detail string `json:"codex/imageDetail"`
		} `json:"_meta"`
	}
	if json.Unmarshal(raw, &c) != nil {
		return appendText(b, string(raw))
	}
	switch {
	case c.Type == "text":
		return appendText(b, c.Text)
	case c.Type == "image" && !images:
		return appendText(b, "<image content omitted because you do not support image input>")
	case c.Type == "image":
		b = append(b, `{"type":"input_image","image_url":`...)
		b = quote(b, imageURL(c.Data, c.Mime))
		b = append(b, `,"detail":`...)
		return append(quote(b, imageDetail(c.Meta.Detail)), '}')
	}
	return appendText(b, string(raw))
}

func imageURL(data, mime string) string {
	if strings.HasPrefix(data, "data:") {
		return data
	}
	if mime == "" {
		mime = "application/octet-stream"
	}
	return "data:" + mime + ";base64," + data
}

func imageDetail(asked string) string {
	switch asked {
	case "auto", "low", "high", "original":
		return asked
	}
	return "high"
}

// failure is the outcome of a call that got no result.
func failure(server, tool string, err error, limit, took time.Duration) Outcome {
	text := fmt.Sprintf("tool call error: tool call failed for `%s/%s`\n\nCaused by:\n    %s", server, tool, cause(err, limit))
	return Outcome{Output: quote(nil, text), Failed: true, Error: text, Duration: took}
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
		return fmt.Sprintf("Mcp error: %d: %s", e.Code, e.Message)
	case provider.CauseTimeout:
		return "timed out awaiting tools/call after " + seconds(limit)
	case provider.CauseClosed:
		return "Transport closed"
	}
	return e.Message
}

// seconds writes a duration as the configuration does: 3s, 0.5s.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%gs", d.Seconds())
}
