package model

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
)

// Responses is a Client of the Responses API over server-sent events.
type Responses struct {
	transport *Transport
	provider  Provider
	auth      Auth
	limits    Limits
	address   string
	shown     string // address without user and query
	base      time.Duration
	drain     time.Duration
}

// NewResponses makes a client for one provider. It does nothing yet: a missing key or a bad URL
// shows when a stream is opened. The maps in p must not change afterwards.
func NewResponses(t *Transport, p Provider, a Auth) *Responses {
	c := &Responses{transport: t, provider: p, auth: a, limits: p.Limits(), address: p.URL(), base: backoffBase, drain: 100 * time.Millisecond}
	c.shown, _, _ = strings.Cut(c.address, "?")
	if u, err := url.Parse(c.address); err == nil {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		c.shown = u.String()
	}
	return c
}

var _ Client = (*Responses)(nil)

// Limits are the provider's.
func (c *Responses) Limits() Limits { return c.limits }

// Stream implements [Client].
func (c *Responses) Stream(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := stream{c: c, r: r}
		defer s.close()
		if err := s.run(ctx, yield); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			yield(Event{}, s.hideSecrets(err))
		}
	}
}

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
	in := newSSEReader(s.wait)
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

// openWithRetries sends the request until a stream is open.
func (s *stream) openWithRetries(ctx context.Context) error {
	b := encode(s.r, s.c.provider.stores())
	refresh, stale := false, false
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		key, canRefresh, err := s.c.provider.bearer(ctx, s.c.auth, refresh)
		if err != nil {
			return err
		}
		err = s.open(ctx, b, key)
		var e *Error
		if err == nil || !errors.As(err, &e) {
			return err
		}
		if e.Status == http.StatusUnauthorized && canRefresh && !refresh {
			refresh = true
			attempt--
			continue
		}
		if e.Kind == FailDisconnected && s.reused && !stale {
			// The server had closed the connection while it was idle, and perhaps its
			// neighbours too: no failure of this request. The next one is a fresh one.
			s.c.transport.Close()
			stale = true
			attempt--
			continue
		}
		if !repeats(e) || attempt > s.c.limits.RequestMaxRetries {
			return err
		}
		if err := sleep(ctx, backoff(s.c.base, attempt, e.RetryAfter)); err != nil {
			return err
		}
	}
}

// repeats reports whether the request layer tries again. A server that cannot be reached is left
// to the turn loop, which tells the user and waits for the network.
func repeats(e *Error) bool {
	return e.Status >= 500 || e.Kind == FailDisconnected
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// open sends the request once. On success s.resp is an open stream.
func (s *stream) open(parent context.Context, b *body, key string) error {
	ctx, cancel := context.WithCancelCause(parent)
	req, err := s.newRequest(ctx, b, key)
	if err != nil {
		cancel(nil)
		return err
	}
	timer := time.AfterFunc(s.c.limits.StreamIdleTimeout, func() { cancel(errIdle) })
	resp, err := s.c.transport.client.Do(req)
	timer.Stop()
	if err == nil && resp.StatusCode == http.StatusOK {
		s.resp, s.cancel = resp, cancel
		s.wait = &idleBody{body: resp.Body, timer: timer, idle: s.c.limits.StreamIdleTimeout, left: s.c.limits.StreamIdleTimeout}
		return nil
	}
	defer cancel(nil)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return s.c.sendFailure(parent, ctx, err)
	}
	defer resp.Body.Close()
	timer.Reset(s.c.limits.StreamIdleTimeout)
	defer timer.Stop()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, mostErrorBody))
	if loc := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && loc != "" {
		raw = []byte("redirect to " + origin(req.URL, loc) + " not followed")
	}
	return httpFailure(resp.StatusCode, resp.Header, raw, s.c.shown, time.Now())
}

func origin(from *url.URL, loc string) string {
	u, err := from.Parse(loc)
	if err != nil {
		return "another address"
	}
	return u.Scheme + "://" + u.Host
}

func (s *stream) newRequest(ctx context.Context, b *body, key string) (*http.Request, error) {
	p := &s.c.provider
	s.reused = false
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { s.reused = i.Reused }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.c.address, b.reader())
	if err == nil && req.URL.Host == "" {
		err = errNoHost
	}
	if err != nil {
		return nil, &Error{Kind: FailSetup, Message: fmt.Sprintf("provider %s has an unusable base_url: %v", p.Name, unwrapURL(err)), Err: err}
	}
	req.ContentLength = b.size
	req.GetBody = func() (io.ReadCloser, error) { return b.reader(), nil }
	setHeaders(req.Header, s.r)
	s.secret = s.secret[:0]
	if key != "" {
		req.Header["Authorization"] = []string{"Bearer " + headerValue(key)}
		s.secret = append(s.secret, key)
	}
	for k, v := range p.HTTPHeaders {
		req.Header.Set(k, headerValue(v))
		if looksSecret(k) {
			s.secret = append(s.secret, strings.TrimPrefix(v, "Bearer "))
		}
	}
	for k, name := range p.EnvHTTPHeaders {
		if v, _ := s.c.auth.LookupEnv(name); strings.TrimSpace(v) != "" {
			req.Header.Set(k, headerValue(v))
			s.secret = append(s.secret, v)
		}
	}
	return req, nil
}

var errNoHost = errors.New("it names no host")

func looksSecret(header string) bool {
	h := strings.ToLower(header)
	return strings.Contains(h, "auth") || strings.Contains(h, "key") || strings.Contains(h, "token") || strings.Contains(h, "secret")
}

// sendFailure names the failure of a request that got no response.
func (c *Responses) sendFailure(parent, ctx context.Context, err error) error {
	if parent.Err() != nil {
		return parent.Err()
	}
	if context.Cause(ctx) == errIdle {
		e := idleTimeout()
		e.URL = c.shown
		return e
	}
	err = unwrapURL(err)
	var e *Error
	switch {
	case isCertificate(err):
		e = &Error{Kind: FailTLS, Message: "Connection failed: " + err.Error(), Err: err}
	case isConnect(err):
		e = &Error{Kind: FailConnect, Message: "Connection failed: " + textSending, Details: err.Error(), Retryable: true, Err: err}
	default:
		e = disconnected(textSending, err)
	}
	e.URL = c.shown
	return e
}

// unwrapURL drops the part of an error that repeats the whole URL, query included.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func isConnect(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

func isCertificate(err error) bool {
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var header tls.RecordHeaderError
	return errors.As(err, &verify) || errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &header)
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
