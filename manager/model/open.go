package model

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

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
