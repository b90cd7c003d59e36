package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
	shown     string        // address without user and query
	base      time.Duration // of the backoff
	drain     time.Duration // how long a completed stream may take to end
	most      int           // bytes of one event
}

// NewResponses makes a client for one provider. It does nothing yet: a missing key or a bad URL
// shows when a stream is opened. The maps in p must not change afterwards.
func NewResponses(t *Transport, p Provider, a Auth) *Responses {
	c := &Responses{transport: t, provider: p, auth: a, limits: p.Limits(), address: p.URL(), base: backoffBase, drain: 100 * time.Millisecond, most: sseMost}
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
		if v := s.c.auth.env(name); v != "" {
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
