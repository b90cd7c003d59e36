package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/sourcegraph/jsonrpc2"
)

// Reply answers the request id with a result; nil is null. It never blocks. A result that cannot be encoded becomes an
// error answer.
func (c *Conn) Reply(id ID, result any) { c.ReplySized(id, result, 0) }

// ReplySized is Reply for a result whose size in bytes is known about: a buffer that grows to megabytes step by step
// takes several times as much.
func (c *Conn) ReplySized(id ID, result any, size int) {
	f := frames.Get().(*frame)
	f.b = slices.Grow(f.b, size)
	f.begin(&c.style)
	f.b = append(f.b, `"id":`...)
	f.b = append(id.append(f.b), `,"result":`...)
	b, err := c.encode(f.b, result)
	if err != nil {
		f.release()
		c.log.Error("encoding a result", "id", id.String(), "error", err)
		c.ReplyError(id, &Error{Code: CodeInternalError, Message: "the result cannot be encoded"})
		return
	}
	f.b = b
	c.respond(id, f)
}

// ReplyError answers the request id with an error; the zero id is null. It never blocks.
func (c *Conn) ReplyError(id ID, e *Error) {
	f := frames.Get().(*frame)
	f.begin(&c.style)
	f.b = append(f.b, `"id":`...)
	f.b = append(id.append(f.b), `,"error":{"code":`...)
	f.b = strconv.AppendInt(f.b, e.Code, 10)
	f.b = append(f.b, `,"message":`...)
	f.b = appendString(f.b, e.Message)
	if len(e.Data) > 0 {
		f.b = append(append(f.b, `,"data":`...), e.Data...)
	}
	f.b = append(f.b, '}')
	c.respond(id, f)
}

// respond sends a finished response. Its id is told to jsonrpc2 in vain, but truly: null has no place there.
func (c *Conn) respond(id ID, f *frame) {
	frame := json.RawMessage(f.finish())
	resp := &jsonrpc2.Response{ID: jsonrpc2.ID{Num: uint64(id.num), Str: id.str, IsString: id.kind == idString}, Result: &frame}
	// The context is unused by jsonrpc2; an error says that the connection is over, and then replies are discarded.
	_ = c.rpc.SendResponse(context.Background(), resp)
	f.release()
}

// Notify sends a notification; nil params are left out. It never blocks, ctx is not waited for.
func (c *Conn) Notify(_ context.Context, method string, params any) {
	c.notify(c.out.put, method, params)
}

// NotifyApart is Notify in a Write of its own, so that whoever watches the writes of the host sees it begin one.
func (c *Conn) NotifyApart(_ context.Context, method string, params any) {
	c.notify(c.out.putApart, method, params)
}

func (c *Conn) notify(put func([]byte) error, method string, params any) {
	f := frames.Get().(*frame)
	defer f.release()
	f.begin(&c.style)
	f.b = append(f.b, `"method":`...)
	f.b = appendString(f.b, method)
	if !none(params) {
		b, err := c.encode(append(f.b, `,"params":`...), params)
		if err != nil {
			c.log.Error("encoding a notification", "method", method, "error", err)
			return
		}
		f.b = b
	}
	f.stamp(c.clock().UnixMilli())
	_ = put(f.finish()) // an error says that the connection is over, and then it is discarded
}

// Delta is a notification that carries the next piece of a text. Deltas of equal Method and Head carry pieces of the
// same text, which may be joined while they wait.
type Delta struct {
	Method string
	// Head is the start of params, up to and with the colon of the text member, which is the last one:
	// `{"threadId":"t","itemId":"i","delta":`. It must not change after the call; make it once per item.
	Head []byte
	Text string
	// Base64 says that Text is bytes, to be sent as a base64 string.
	Base64 bool
}

// Delta sends a piece of a text. It blocks while the queue is over its bound, until there is room (nil), ctx ends (its
// error) or nothing can be sent any more.
func (c *Conn) Delta(ctx context.Context, d Delta) error {
	return c.out.delta(ctx, &d, c.clock().UnixMilli())
}

// none reports whether params are to be left out.
func none(params any) bool {
	raw, ok := params.(json.RawMessage)
	return params == nil || ok && len(raw) == 0
}

func (c *Conn) encode(b []byte, v any) ([]byte, error) {
	if none(v) {
		return append(b, "null"...), nil
	}
	if raw, ok := v.(json.RawMessage); ok {
		return append(b, raw...), nil
	}
	return c.append(b, v)
}

// appendJSON is the default of Options.Append.
func appendJSON(b []byte, v any) ([]byte, error) {
	w := bytes.NewBuffer(b)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return b, err
	}
	return bytes.TrimSuffix(w.Bytes(), []byte("\n")), nil
}
