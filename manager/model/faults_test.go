package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testIdle = 150 * time.Millisecond

// hijack takes the connection over.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return conn
}

// reset closes a connection with RST.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func streamOf(parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { sse(w, strings.Join(parts, "")) }
}

// thenHang writes and says no more until the client leaves.
func thenHang(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if text != "" {
			sse(w, text)
		}
		<-r.Context().Done()
	}
}

func failedEvent(code, message string) http.HandlerFunc {
	return streamOf(sseCreated, sseEvent("response.failed", fmt.Sprintf(`,"response":{"id":"r","error":{"code":%q,"message":%q}}`, code, message)))
}

const boom = `{"error":{"message":"boom","type":"x","code":"y"}}`

// TestFaults: what a server can do wrong, on real sockets. URL stands for the request's address.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		serve   http.HandlerFunc
		kind    ErrorKind
		message string
		info    string
		retry   bool
	}{
		{"400", status(400, boom), FailRequest, boom, "other", false},
		{"400 no JSON", status(400, "no"), FailRequest, "no", "other", false},
		{"400 context", status(400, `{"error":{"code":"context_length_exceeded","message":"long"}}`), FailContextWindow, textContextWindow, "contextWindowExceeded", false},
		{"400 prompt", status(400, `{"error":{"code":"invalid_prompt","message":"bad"}}`), FailPrompt, "bad", "other", false},
		{"400 policy", status(400, `{"error":{"code":"cyber_policy","message":"bad"}}`), FailCyberPolicy, "bad", "cyberPolicy", false},
		{"401", status(401, boom), FailStatus, "unexpected status 401 Unauthorized: boom, url: URL", "httpConnectionFailed", false},
		{"401 no JSON", status(401, "x"), FailStatus, "unexpected status 401 Unauthorized: x, url: URL", "httpConnectionFailed", false},
		{"403", status(403, boom), FailStatus, "unexpected status 403 Forbidden: boom, url: URL", "httpConnectionFailed", false},
		{"404", status(404, ""), FailStatus, "unexpected status 404 Not Found: Unknown error, url: URL", "httpConnectionFailed", false},
		{"404 model", status(404, `{"error":{"code":"model_not_found","message":"no such model"}}`), FailModelNotFound, "no such model", "modelNotFound", false},
		{"408", status(408, boom), FailStatus, "unexpected status 408 Request Timeout: boom, url: URL", "httpConnectionFailed", true},
		{"413", status(413, boom), FailStatus, "unexpected status 413 Payload Too Large: boom, url: URL", "httpConnectionFailed", false},
		{"429", status(429, boom), FailTooManyRequests, "exceeded retry limit, last status: 429 Too Many Requests", "responseTooManyFailedAttempts", false},
		{"429 quota", status(429, `{"error":{"type":"insufficient_quota","message":"x"}}`), FailUsageLimit, textQuota, "usageLimitExceeded", false},
		{"429 plan", status(429, `{"error":{"type":"usage_not_included","message":"x"}}`), FailUsageLimit, textUsageNot, "usageLimitExceeded", false},
		{"500", status(500, boom), FailServer, textHighDemand, "internalServerError", true},
		{"503", status(503, boom), FailStatus, "unexpected status 503 Service Unavailable: boom, url: URL", "httpConnectionFailed", true},
		{"503 overloaded", status(503, `{"error":{"code":"server_is_overloaded","message":"m"}}`), FailOverloaded, textOverloaded, "serverOverloaded", false},
		{"503 slow down", status(503, `{"error":{"code":"slow_down","message":"m"}}`), FailRateLimit, "rate limit exceeded: m", "rateLimitExceeded", true},
		{"529", status(529, boom), FailStatus, "unexpected status 529 <unknown status code>: boom, url: URL", "httpConnectionFailed", true},
		{"long body is cut", status(401, strings.Repeat("é", 900)), FailStatus, "unexpected status 401 Unauthorized: " + strings.Repeat("é", 500) + "..., url: URL", "httpConnectionFailed", false},

		{"failed context", failedEvent("context_length_exceeded", "m"), FailContextWindow, textContextWindow, "contextWindowExceeded", false},
		{"failed quota", failedEvent("insufficient_quota", "m"), FailUsageLimit, textQuota, "usageLimitExceeded", false},
		{"failed plan", failedEvent("usage_not_included", "m"), FailUsageLimit, textUsageNot, "usageLimitExceeded", false},
		{"failed prompt", failedEvent("invalid_prompt", "m"), FailPrompt, "m", "other", false},
		{"failed overloaded", failedEvent("server_is_overloaded", "m"), FailOverloaded, textOverloaded, "serverOverloaded", false},
		{"failed flex", failedEvent("flex_unavailable", "m"), FailFlex, textFlex, "flexUnavailable", false},
		{"failed misalignment", failedEvent("misalignment_policy_violation", "m"), FailMisalignment, "m", "misalignmentPolicyViolation", false},
		{"failed rate", failedEvent("rate_limit_exceeded", "try again in 20ms"), FailRateLimit, "rate limit exceeded: try again in 20ms", "rateLimitExceeded", true},
		{"failed other", failedEvent("server_error", "m"), FailDisconnected, "stream disconnected before completion: m", "other", true},
		{"failed bare", streamOf(sseEvent("response.failed", `,"response":{"id":"r"}`)), FailDisconnected, "stream disconnected before completion: response.failed event received", "other", true},
		{"incomplete", streamOf(sseEvent("response.incomplete", `,"response":{"incomplete_details":{"reason":"max_output_tokens"}}`)), FailIncomplete, "Incomplete response returned, reason: max_output_tokens", "other", false},
		{"incomplete bare", streamOf(sseEvent("response.incomplete", `,"response":{}`)), FailIncomplete, "Incomplete response returned, reason: unknown", "other", false},

		{"reset before an answer", func(w http.ResponseWriter, r *http.Request) { reset(hijack(w)) }, FailDisconnected, "stream disconnected before completion: error sending request", "other", true},
		{"closed before an answer", func(w http.ResponseWriter, r *http.Request) { _ = hijack(w).Close() }, FailDisconnected, "stream disconnected before completion: error sending request", "other", true},
		{"no HTTP", func(w http.ResponseWriter, r *http.Request) {
			conn := hijack(w)
			_, _ = io.WriteString(conn, "220 mail.example.com ESMTP\r\n")
			_ = conn.Close()
		}, FailDisconnected, "stream disconnected before completion: error sending request", "other", true},
		{"cut in a chunk", func(w http.ResponseWriter, r *http.Request) {
			conn := hijack(w)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"+sseCreated)
			_ = conn.Close()
		}, FailDisconnected, "stream disconnected before completion: " + textDecoding, "other", true},
		{"cut between events", streamOf(sseCreated, sseAdded, sseHello), FailDisconnected, "stream disconnected before completion: stream closed before response.completed", "other", true},
		{"cut in an event", streamOf(sseCreated, sseCompleted[:len(sseCompleted)-20]), FailDisconnected, "stream disconnected before completion: stream closed before response.completed", "other", true},
		{"portal page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><body>please log in</body></html>")
		}, FailDisconnected, "stream disconnected before completion: stream closed before response.completed", "other", true},
		{"binary", func(w http.ResponseWriter, r *http.Request) {
			junk := make([]byte, 200_000)
			rand.New(rand.NewSource(1)).Read(junk)
			sse(w, sseCreated+string(junk))
		}, FailDisconnected, "stream disconnected before completion: stream closed before response.completed", "other", true},

		{"stall", thenHang(sseCreated + sseAdded + sseHello), FailIdle, "stream disconnected before completion: idle timeout waiting for SSE", "other", true},
		{"no headers", thenHang(""), FailIdle, "stream disconnected before completion: idle timeout waiting for SSE", "other", true},
		{"only keep-alives", drip(sseCreated, ": ping\n\n"), FailIdle, "stream disconnected before completion: idle timeout waiting for SSE", "other", true},
		{"slowloris", drip(sseCreated, "d"), FailIdle, "stream disconnected before completion: idle timeout waiting for SSE", "other", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl, srv := serve(t, c.serve, func(p *Provider) {
				if c.kind == FailIdle { // the others must not depend on the machine's speed
					p.StreamIdleTimeout = testIdle
				}
			})
			_, err := collect(t, cl, &Request{Model: "m"})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			info, _ := e.CodexInfo()
			want := strings.ReplaceAll(c.message, "URL", srv.URL+"/v1/responses")
			if e.Kind != c.kind || e.Message != want || info != c.info || e.Retryable != c.retry {
				t.Errorf("kind %d info %s retryable %v %q\nwant %d %s %v %q\ndetails %q", e.Kind, info, e.Retryable, e.Message, c.kind, c.info, c.retry, want, e.Details)
			}
		})
	}
}

// drip writes a piece again and again, each long before the idle timeout.
func drip(first, piece string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sse(w, first)
		tick := time.NewTicker(testIdle / 10)
		defer tick.Stop()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				_, _ = io.WriteString(w, piece)
				w.(http.Flusher).Flush()
			}
		}
	}
}

func TestResetInTheStream(t *testing.T) {
	seen := make(chan struct{})
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn := hijack(w)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100000\r\n\r\n"+sseCreated)
		<-seen
		reset(conn)
	}, nil)
	var last error
	for ev, err := range c.Stream(t.Context(), &Request{}) {
		if last = err; ev.Kind == Created {
			close(seen)
		}
	}
	var e *Error
	if !errors.As(last, &e) || e.Kind != FailDisconnected || !e.Retryable || e.Message != "stream disconnected before completion: "+textDecoding || e.Details == "" {
		t.Errorf("%+v", e)
	}
}

func TestGarbageIsSkipped(t *testing.T) {
	for name, junk := range map[string]string{
		"no JSON":   "data: {not json\n\nevent: response.output_text.delta\ndata: [1,2\n\n:::\n\ndata\n\nevent: nonsense\ndata: {\"type\":\"nonsense\",\"a\":{}}\n\ndata: {\"type\":17}\n\ndata: \"str\"\n\ndata: null\n\n",
		"bad UTF-8": "event: x\ndata: \xff\xfe\n\ndata: {\"type\":\"response.unknown\",\"delta\":\"\xff\"}\n\n",
		"NUL":       "data: \x00\n\n\x00\n\n",
	} {
		c, _ := serve(t, streamOf(sseCreated, junk, sseAdded, sseHello, sseDone, sseCompleted, "data: [DONE]\n\n"), nil)
		evs, err := collect(t, c, &Request{})
		if err != nil || allText(evs) != "hello" || evs[len(evs)-1].Kind != Completed {
			t.Errorf("%s: %v %q", name, err, allText(evs))
		}
	}
}

func TestPortalPageIsNamed(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	}, nil)
	_, err := collect(t, c, &Request{})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Details, "text/html") {
		t.Errorf("%+v", e)
	}
}

func TestErrorEventExplainsTheEnd(t *testing.T) {
	c, _ := serve(t, streamOf(sseEvent("error", `,"error":{"code":"x","message":"the GPU is on fire"}`)), nil)
	_, err := collect(t, c, &Request{})
	var e *Error
	if !errors.As(err, &e) || e.Details != "the GPU is on fire" {
		t.Errorf("%+v", e)
	}
}

func TestOneBigEvent(t *testing.T) { bigEvent(t, 8<<20) }

// bigEvent streams one item of a size and says how long it took.
func bigEvent(t testing.TB, size int) time.Duration {
	big := strings.Repeat("h", size)
	c, _ := serve(t, streamOf(sseCreated, strings.Replace(sseDone, "hello", big, 1), sseCompleted), nil)
	from := time.Now()
	evs, err := collect(t, c, &Request{})
	took := time.Since(from)
	if err != nil || len(evs) != 4 {
		t.Fatal(len(evs), err)
	}
	if it, err := ParseItem(evs[2].Item); err != nil || len(it.Text) != size {
		t.Fatal(len(it.Text), err)
	}
	return took
}

func BenchmarkBigEvent20MB(b *testing.B) {
	b.ReportAllocs()
	var sum time.Duration
	for b.Loop() {
		sum += bigEvent(b, 20<<20)
	}
	b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms/event")
}

func TestEndlessEventIsRefused(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse(w, sseCreated+"data: ")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("z", 64<<10)); err != nil {
				return
			}
		}
	}, nil)
	c.most = 1 << 20
	_, err := collect(t, c, &Request{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != FailTooLarge || e.Retryable {
		t.Errorf("%v", err)
	}
}

func TestConnectionRefused(t *testing.T) {
	c, srv := serve(t, streamOf(sseWhole), func(p *Provider) { p.RequestMaxRetries = nil })
	srv.Close()
	from := time.Now()
	_, err := collect(t, c, &Request{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != FailConnect || !e.Retryable || e.Message != "Connection failed: error sending request" || !strings.Contains(e.Details, "refused") {
		t.Errorf("%+v", e)
	}
	if d := time.Since(from); d > 2*time.Second {
		t.Errorf("told after %v: the turn loop should hear of it at once", d)
	}
}

func TestUntrustedCertificateIsFinal(t *testing.T) {
	srv := httptest.NewUnstartedServer(streamOf(sseWhole))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	tr := NewTransport()
	defer tr.Close()
	c := NewResponses(tr, Provider{BaseURL: srv.URL}, Auth{})
	_, err := collect(t, c, &Request{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != FailTLS || e.Retryable || !strings.Contains(e.Message, "certificate") {
		t.Errorf("%+v", e)
	}
}

func TestUnusableBaseURL(t *testing.T) {
	for _, u := range []string{"http://[::1", "not a url", "/v1", "ftp://x/y\x7f"} {
		tr := NewTransport()
		_, err := collect(t, NewResponses(tr, Provider{Name: "P", BaseURL: u}, Auth{}), &Request{})
		tr.Close()
		var e *Error
		if !errors.As(err, &e) || e.Kind != FailSetup || !strings.Contains(e.Message, "P has an unusable base_url") {
			t.Errorf("%q: %v", u, err)
		}
	}
}

// TestCancelIsImmediate: in whatever state, and the error is the context's.
func TestCancelIsImmediate(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no headers": thenHang(""),
		"stalled":    thenHang(sseCreated),
		"flood": func(w http.ResponseWriter, r *http.Request) {
			sse(w, sseCreated)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(sseHello, 100)); err != nil {
					return
				}
			}
		},
		"waiting to retry": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(503)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, h, func(p *Provider) { p.RequestMaxRetries = nil })
			ctx, cancel := context.WithCancel(t.Context())
			var at time.Time
			stop := time.AfterFunc(50*time.Millisecond, func() { at = time.Now(); cancel() })
			defer stop.Stop()
			var last error
			for _, err := range c.Stream(ctx, &Request{}) {
				last = err
			}
			took := time.Since(at)
			if last != context.Canceled {
				t.Errorf("error %v", last)
			}
			if took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestLeavingTheRangeClosesTheStream(t *testing.T) {
	gone := make(chan struct{})
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse(w, sseCreated+sseAdded+sseHello)
		<-r.Context().Done()
		close(gone)
	}, nil)
	for ev := range c.Stream(t.Context(), &Request{}) {
		if ev.Kind == TextDelta {
			break
		}
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the server still holds the stream")
	}
}
