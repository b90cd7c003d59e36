package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/sourcegraph/jsonrpc2"
)

// Pending is a request of ours that waits for the client's answer. Wait or Cancel must be called in the end.
type Pending struct {
	c         *Conn
	id        int64
	method    string
	waiter    jsonrpc2.Waiter
	cancelled atomic.Bool
}

// Start sends a request to the client and returns at once. Ids are integers, from 0 upward in the order of sending.
func (c *Conn) Start(ctx context.Context, method string, params any) (*Pending, error) {
	if c.ended.Err() != nil {
		return nil, fmt.Errorf("calling %s: %w", method, context.Cause(c.ended))
	}
	body, err := c.encode(nil, params)
	if err != nil {
		return nil, fmt.Errorf("encoding params of %s: %w", method, err)
	}
	c.calls.Lock()
	defer c.calls.Unlock()
	// The number is known under the send lock of jsonrpc2 only, so the frame is finished there.
	c.stream.call = func(id int64) []byte {
		f := new(frame)
		f.begin(&c.style)
		f.b = append(f.b, `"id":`...)
		f.b = strconv.AppendInt(f.b, id, 10)
		f.b = append(f.b, `,"method":`...)
		f.b = appendString(f.b, method)
		if !none(params) {
			f.b = append(append(f.b, `,"params":`...), body...)
		}
		return f.finish()
	}
	waiter, err := c.rpc.DispatchCall(ctx, method, nil)
	c.stream.call = nil
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", method, closedCause(err))
	}
	return &Pending{c: c, id: c.stream.id, method: method, waiter: waiter}, nil
}

// Call sends a request and waits for the answer, as Start and Wait do.
func (c *Conn) Call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	p, err := c.Start(ctx, method, params)
	if err != nil {
		return nil, err
	}
	return p.Wait(ctx)
}

// ID returns the id that the request carries.
func (p *Pending) ID() ID { return IntID(p.id) }

// Wait returns the result, which is the caller's to keep. The client's refusal is an *Error as it is; other errors
// wrap that of ctx (after which the request is forgotten), context.Canceled after Cancel, ErrInputEnded or ErrClosed.
// One goroutine may wait, once.
func (p *Pending) Wait(ctx context.Context) (json.RawMessage, error) {
	// The end of the input goes the way of the answers, so that one which came just before it is not passed over.
	defer context.AfterFunc(p.c.ended, p.forget)()
	var result keep
	err := p.waiter.Wait(ctx, &result)
	var refused *jsonrpc2.Error
	switch {
	case err == nil:
		return json.RawMessage(result), nil
	case !errors.As(err, &refused):
		p.Cancel()
		err = closedCause(err)
	case refused != forgotten:
		return nil, ourError(refused)
	case p.cancelled.Load():
		err = context.Canceled
	default:
		err = context.Cause(p.c.ended)
	}
	return nil, fmt.Errorf("waiting for the client's answer to %s: %w", p.method, err)
}

// Cancel forgets the request: Wait returns, a later answer is ignored. The client is not told. It may be called again.
func (p *Pending) Cancel() {
	if !p.cancelled.Swap(true) {
		p.forget()
	}
}

// forget answers the request in place of the client: jsonrpc2 drops a call only then.
func (p *Pending) forget() { p.c.stream.settle(answer{id: uint64(p.id), forget: true}) }

func ourError(e *jsonrpc2.Error) *Error {
	ours := &Error{Code: e.Code, Message: e.Message}
	if e.Data != nil {
		ours.Data = *e.Data
	}
	return ours
}

func closedCause(err error) error {
	if errors.Is(err, jsonrpc2.ErrClosed) {
		return ErrClosed
	}
	return err
}

// keep takes a JSON value over without copying it.
type keep []byte

func (k *keep) UnmarshalJSON(b []byte) error {
	*k = b
	return nil
}
