package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// stream is one call of Stream.
type stream struct {
	c      *Responses
	r      *Request
	secret []string // what must not appear in an error
	reused bool     // the last request went out on a connection that had been idle
	resp   *http.Response
	wait   *idleBody
	cancel context.CancelCauseFunc
}

var errIdle = errors.New(textIdle)

// run opens the stream and yields its events. It returns nil when the stream is complete or the
// consumer has left.
func (s *stream) run(ctx context.Context, yield func(Event, error) bool) error {
	if err := s.openWithRetries(ctx); err != nil {
		return err
	}
	h := s.resp.Header
	if !yield(Event{Kind: Opened, Response: responseHeader(h)}, nil) {
		return nil
	}
	if l := rateLimits(h); l != nil && !yield(Event{Kind: LimitsReported, Limits: l}, nil) {
		return nil
	}
	return s.events(ctx, yield)
}

func responseHeader(h http.Header) *ResponseHeader {
	return &ResponseHeader{
		TurnState:   h.Get("X-Codex-Turn-State"),
		ModelsETag:  h.Get("X-Models-Etag"),
		ServedModel: h.Get("Openai-Model"),
		RequestID:   h.Get("X-Request-Id"),
	}
}

func (s *stream) events(ctx context.Context, yield func(Event, error) bool) error {
	in := newSSEReader(s.wait, s.c.most)
	defer in.close()
	var d decoder
	any := false
	for {
		data, err := in.next()
		if err != nil {
			return s.broken(ctx, err, &d, any)
		}
		s.wait.alive()
		ev, ok, failure := d.decode(data)
		in.used()
		if failure != nil {
			s.finish()
			return failure
		}
		if !ok {
			continue
		}
		any = true
		if ev.Kind == Completed {
			// Drained first, so that the next request finds the connection in the pool.
			s.finish()
			yield(ev, nil)
			return nil
		}
		if !yield(ev, nil) {
			return nil
		}
	}
}

// broken names the end of a stream that did not complete.
func (s *stream) broken(ctx context.Context, err error, d *decoder, any bool) error {
	switch {
	case context.Cause(s.resp.Request.Context()) == errIdle:
		return idleTimeout()
	case ctx.Err() != nil:
		return ctx.Err()
	case err == errEventTooLarge:
		return &Error{Kind: FailTooLarge, Message: "stream disconnected before completion: " + err.Error(), URL: s.c.shown, Err: err}
	case err == io.EOF:
		e := disconnected(textClosed, nil)
		e.Details, e.URL = d.said, s.c.shown
		if ct := s.resp.Header.Get("Content-Type"); !any && !strings.HasPrefix(ct, "text/event-stream") {
			e.Details = fmt.Sprintf("the server answered with %q, not with an event stream", ct)
		}
		return e
	}
	e := disconnected(textDecoding, err)
	e.URL = s.c.shown
	return e
}

// finish reads to the end of the body, so that the connection can be used again. A server that
// does not end its stream is left behind.
func (s *stream) finish() {
	t := time.AfterFunc(s.c.drain, func() { s.cancel(errIdle) })
	defer t.Stop()
	_, _ = io.CopyN(io.Discard, s.resp.Body, 256<<10)
}

func (s *stream) close() {
	if s.wait != nil {
		s.wait.timer.Stop()
	}
	if s.cancel != nil {
		s.cancel(nil)
	}
	if s.resp != nil {
		_ = s.resp.Body.Close()
	}
}

// hideSecrets removes from a text what a server may have echoed into it.
func (s *stream) hideSecrets(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	for _, secret := range s.secret {
		if len(secret) >= 6 {
			e.Message = strings.ReplaceAll(e.Message, secret, "[redacted]")
			e.Details = strings.ReplaceAll(e.Details, secret, "[redacted]")
		}
	}
	return err
}

// idleBody bounds the silence between two events. Only waiting counts: the time that the consumer
// takes between two reads does not.
type idleBody struct {
	body  io.Reader
	timer *time.Timer
	idle  time.Duration
	left  time.Duration
}

// alive is called for each event.
func (b *idleBody) alive() { b.left = b.idle }

func (b *idleBody) Read(p []byte) (int, error) {
	from := time.Now()
	b.timer.Reset(b.left)
	n, err := b.body.Read(p)
	b.timer.Stop()
	b.left -= time.Since(from)
	return n, err
}
