package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// handOver is the size above which params are handed to the handler with the buffer that they stand in. Smaller ones
// are copied: a copy is cheaper than a new buffer, and keeps little alive.
const handOver = 1 << 20

const sendOne = "Send each message as one JSON object in UTF-8, on a line of its own or behind a Content-Length header."

// answerable reports whether an error of the reader is about one frame, not about the input.
func answerable(err error) bool {
	switch err.(type) {
	case *tooLarge, *badFrame:
		return true
	}
	return false
}

// receive handles one frame, or what the reader found in its place.
func (c *Conn) receive(ctx context.Context, frame []byte, err error) {
	switch err := err.(type) {
	case *tooLarge:
		c.oversized(err)
		return
	case *badFrame:
		c.refuse(ID{}, err.refusal)
		return
	}
	frame = trim(frame)
	if len(frame) == 0 { // a body of blanks
		c.refuse(ID{}, parseError("an empty message", sendOne))
		return
	}
	m, bad := c.scan.scan(frame)
	if bad != nil {
		c.refuse(ID{}, c.broken(bad))
		return
	}
	c.route(ctx, &m)
}

// route hands a message to the handler or to the call that it answers, and refuses what is neither.
func (c *Conn) route(ctx context.Context, m *message) {
	if m.kind != '{' {
		c.refuse(ID{}, notAnObject(m.kind))
		return
	}
	switch {
	case m.methodState == good && (m.idState == null || m.idState == bad):
		c.refuse(ID{}, invalidRequest("`id` must be an integer of 64 bits or a string", "Send an integer or a string as `id`, or none for a notification."))
	case m.methodState == good:
		c.understood(m)
		method := string(m.method)
		params := c.private(m.params)
		if m.idState == good {
			c.h.Request(ctx, m.id, method, params)
		} else {
			c.h.Notification(ctx, method, params)
		}
	case m.methodState != bad && (m.hasResult || m.hasFailure):
		c.understood(m)
		c.settle(m)
	case m.methodState == bad:
		c.refuse(m.id, invalidRequest("`method` must be a string", "Name the method in a string."))
	default:
		c.refuse(m.id, invalidRequest("missing field `method`", "Send `method` in a request or a notification, `result` or `error` in an answer."))
	}
}

// understood fixes the framing, and answers in kind from now on.
func (c *Conn) understood(m *message) {
	c.reader.settled = true
	if m.version2 && !c.style.version.Load() {
		c.style.version.Store(true)
	}
}

// private returns params as bytes that the reader does not touch again.
func (c *Conn) private(params []byte) json.RawMessage {
	if len(params) > handOver {
		c.reader.detach()
		return params[:len(params):len(params)]
	}
	return bytes.Clone(params)
}

// settle takes an answer to a request of ours. What is no such answer is logged: an answer is never answered.
func (c *Conn) settle(m *message) {
	n, ok := m.id.Int()
	if !ok || n < 0 {
		c.log.Warn("answer without an id of ours", "id", m.id.String(), "error", excerpt(m.failure))
		return
	}
	a := answer{id: uint64(n)}
	if failed := m.failure != nil && string(m.failure) != "null"; failed {
		a.err = clientError(m.failure)
	} else {
		a.result = c.private(m.result)
	}
	c.stream.settle(a)
}

// clientError reads the error member of an answer; what is no error object is kept as the message.
func clientError(b []byte) *Error {
	var e struct {
		Code    int64           `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(b, &e) != nil {
		return &Error{Code: CodeInternalError, Message: "the client answered with a malformed error: " + excerpt(b)}
	}
	return &Error{Code: e.Code, Message: e.Message, Data: e.Data}
}

func excerpt(b []byte) string { return fmt.Sprintf("%.200s", b) }

// oversized answers a frame that was skipped, under its id if its head shows one. If the head shows an answer, the call
// that waits for it fails instead: the client would take a refusal for the answer to a request of its own.
func (c *Conn) oversized(e *tooLarge) {
	m, bad := c.scan.scan(trim(e.head))
	message := fmt.Sprintf("the message of %d bytes is over the limit of %d bytes", e.size, c.reader.max)
	switch {
	case bad != nil && !bad.cut:
		bad.what += fmt.Sprintf(" (in a message of %d bytes)", e.size)
		c.refuse(ID{}, c.broken(bad))
	case m.kind != '{' && m.kind != 0:
		c.refuse(ID{}, notAnObject(m.kind))
	case m.methodState != good && (m.hasResult || m.hasFailure):
		if n, ok := m.id.Int(); ok && n >= 0 {
			c.stream.settle(answer{id: uint64(n), err: &Error{Code: CodeInvalidRequest, Message: message}})
			return
		}
		c.log.Warn("oversized answer without an id of ours", "bytes", e.size)
	default:
		c.refuse(m.id, invalidRequest(message, "Send less at once, or raise the limit in the host's configuration."))
	}
}

func (c *Conn) broken(e *syntaxError) refusal {
	remedy := sendOne
	switch {
	case e.utf8:
		remedy = "Encode messages in UTF-8; a string that is not text goes as base64."
	case e.cut:
		remedy = "Send each message whole: on one line, or as many bytes as Content-Length says."
	case e.deep:
		remedy = "Nest objects and arrays less deeply."
	}
	return parseError(e.Error(), remedy)
}

func notAnObject(kind byte) refusal {
	if kind == '[' {
		return invalidRequest("batches are not supported", "Send each request as a message of its own; answers come as they are ready.")
	}
	return invalidRequest("a message must be a JSON object", sendOne)
}

func (c *Conn) refuse(id ID, r refusal) {
	c.log.Debug("refusing a message", "id", id.String(), "reason", r.message)
	c.ReplyError(id, r.wire())
}
