package thread

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codexhost/codexhost/rollout"
)

// A history is what the model sees of a thread: raw items of the Responses API
// in order. Items are shared, never copied and never changed once added.
type history struct {
	items []json.RawMessage
	calls []callMark // parallel to items: what each has to do with a tool call
	open  int        // calls that have no output yet
	bytes int
}

// callMark is an item's part in a tool call.
type callMark struct {
	id     string
	output bool
}

func newHistory(items []json.RawMessage) *history {
	h := &history{}
	for _, raw := range items {
		h.add(raw)
	}
	return h
}

// add appends an item as the model shall see it from now on. Server ids of
// messages and calls are dropped: the request is not stored on the server, so
// there they would name nothing.
func (h *history) add(raw json.RawMessage) {
	head := rollout.PeekItem(raw) // an item we cannot read is still shown to the model as it is
	mark := callMark{}
	switch head.Type {
	case "message":
		if head.Role == "assistant" {
			raw = rollout.WithoutMember(raw, "id")
		}
	case "function_call", "custom_tool_call", "local_shell_call", "tool_search_call":
		raw = rollout.WithoutMember(raw, "id")
		mark.id = head.CallID
		h.open++
	case "function_call_output", "custom_tool_call_output", "tool_search_output":
		mark = callMark{head.CallID, true}
		h.open--
	}
	h.items = append(h.items, raw)
	h.calls = append(h.calls, mark)
	h.bytes += weight(raw)
}

// imageWeight is what a picture counts for, however long its data: models are
// charged by its size in pixels, not in bytes.
const imageWeight = 7_000

// weight is how many bytes of text an item counts for where tokens are estimated.
func weight(raw json.RawMessage) int {
	n, open := len(raw), []byte(`"data:image/`)
	for rest := []byte(raw); ; {
		at := bytes.Index(rest, open)
		if at < 0 {
			return n
		}
		rest = rest[at+len(open):]
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			return n
		}
		n += min(imageWeight-end, 0)
		rest = rest[end:]
	}
}

// prompt is the history as a request may send it: every call has an output
// right behind it, every output a call. A turn that was cut off leaves calls
// without output; the model is told "aborted" for them.
func (h *history) prompt() []json.RawMessage {
	if h.open == 0 && h.paired() {
		return h.items[:len(h.items):len(h.items)]
	}
	answered := make(map[string]bool) // by call id: known, and whether an output follows
	for _, m := range h.calls {
		if _, called := answered[m.id]; m.id != "" && (called || !m.output) {
			answered[m.id] = m.output
		}
	}
	called := make(map[string]bool)
	out := make([]json.RawMessage, 0, len(h.items)+4)
	for i, raw := range h.items {
		m := h.calls[i]
		if m.output && !called[m.id] {
			continue
		}
		out = append(out, raw)
		if m.id != "" && !m.output {
			called[m.id] = true
			if !answered[m.id] {
				out = append(out, abortedOutput(raw, m.id))
			}
		}
	}
	return out
}

// paired reports whether every output stands behind a call of its id. The
// common case keeps no map: calls and outputs alternate in blocks.
func (h *history) paired() bool {
	var pending []string
	for _, m := range h.calls {
		switch {
		case m.id == "":
		case !m.output:
			pending = append(pending, m.id)
		default:
			i := indexOf(pending, m.id)
			if i < 0 {
				return false
			}
			pending = append(pending[:i], pending[i+1:]...)
		}
	}
	return len(pending) == 0
}

func indexOf(ids []string, id string) int {
	for i, x := range ids {
		if x == id {
			return i
		}
	}
	return -1
}

// abortedOutput answers a call that never got an output.
func abortedOutput(call json.RawMessage, id string) json.RawMessage {
	kind := "function_call_output"
	if bytes.Contains(call, []byte(`"custom_tool_call"`)) {
		kind = "custom_tool_call_output"
	}
	return callOutput(kind, "", id, json.RawMessage(`"aborted"`))
}

// callOutput is the item that answers a tool call. body is a JSON string or an
// array of content parts.
func callOutput(kind, itemID, callID string, body json.RawMessage) json.RawMessage {
	b := append(make([]byte, 0, len(body)+len(callID)+64), `{"type":"`...)
	b = append(b, kind...)
	b = append(b, '"')
	if itemID != "" {
		b = append(b, `,"id":`...)
		b = appendString(b, itemID)
	}
	b = append(b, `,"call_id":`...)
	b = appendString(b, callID)
	b = append(b, `,"output":`...)
	b = append(b, body...)
	return append(b, '}')
}

// textMessage is a message item with one part of text for each given text.
func textMessage(id, role string, texts ...string) json.RawMessage {
	part := "input_text"
	if role == "assistant" {
		part = "output_text"
	}
	b := []byte(`{"type":"message"`)
	if id != "" {
		b = append(b, `,"id":`...)
		b = appendString(b, id)
	}
	b = append(b, `,"role":"`...)
	b = append(b, role...)
	b = append(b, `","content":[`...)
	for i, t := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"type":"`...)
		b = append(b, part...)
		b = append(b, `","text":`...)
		b = appendString(b, t)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// appendString appends s as a JSON string. Bytes that are no UTF-8 become the
// replacement character, as anything sent to a model must be text.
func appendString(b []byte, s string) []byte {
	q, err := jsontext.AppendQuote(b, s)
	if err != nil {
		q, _ = jsontext.AppendQuote(b, string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))))
	}
	return q
}
