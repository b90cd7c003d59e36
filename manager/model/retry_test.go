package model

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bubbleServer is a server without sockets, so that time can be faked around it.
type bubbleServer func(r *http.Request) *http.Response

func (f bubbleServer) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp := f(r)
	if resp == nil { // never answers
		<-r.Context().Done()
		return nil, context.Cause(r.Context())
	}
	resp.Request = r
	return resp, nil
}

func (f bubbleServer) client(p Provider) *Responses {
	return NewResponses(&Transport{client: http.Client{Transport: f}}, p, Auth{})
}

func answer(code int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// pipe is a response whose body f writes; it ends when the request does.
func pipe(r *http.Request, f func(w io.Writer)) *http.Response {
	pr, pw := io.Pipe()
	stop := context.AfterFunc(r.Context(), func() { _ = pw.CloseWithError(r.Context().Err()) })
	go func() {
		f(pw)
		stop()
		_ = pw.Close()
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: pr}
}

func say(w io.Writer, s string) { _, _ = io.WriteString(w, s) }

func last(c Client, ctx context.Context) (err error) {
	for _, e := range c.Stream(ctx, &Request{}) {
		err = e
	}
	return err
}

func between(t *testing.T, d, low, high time.Duration) {
	t.Helper()
	if d < low || d > high {
		t.Errorf("took %v, want %v to %v", d, low, high)
	}
}

func TestRequestsAreRepeated(t *testing.T) {
	for _, c := range []struct {
		name     string
		answers  []*http.Response
		retries  int
		requests int
		low, top time.Duration
		ok       bool
	}{
		{"503 then fine", []*http.Response{answer(503, ""), answer(500, ""), answer(200, sseWhole)}, 4, 3, 540 * time.Millisecond, 660 * time.Millisecond, true},
		{"500 to the end", []*http.Response{answer(500, ""), answer(500, ""), answer(500, "")}, 2, 3, 540 * time.Millisecond, 660 * time.Millisecond, false},
		{"as the server asks", []*http.Response{answer(503, "", "Retry-After", "3"), answer(200, sseWhole)}, 4, 2, 3 * time.Second, 3 * time.Second, true},
		{"no longer than a minute", []*http.Response{answer(503, "", "Retry-After", "7200"), answer(200, sseWhole)}, 4, 2, time.Minute, time.Minute, true},
		{"429 is not", []*http.Response{answer(429, "", "Retry-After", "3")}, 4, 1, 0, 0, false},
		{"404 is not", []*http.Response{answer(404, "")}, 4, 1, 0, 0, false},
		{"a failed stream is not", []*http.Response{answer(200, sseCreated)}, 4, 1, 0, 0, false},
		{"not at all", []*http.Response{answer(503, "")}, 0, 1, 0, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			cl := bubbleServer(func(r *http.Request) *http.Response { n++; return c.answers[n-1] }).client(Provider{BaseURL: "http://x", RequestMaxRetries: &c.retries})
			from := time.Now()
			err := last(cl, t.Context())
			if (err == nil) != c.ok || n != c.requests {
				t.Errorf("%s: %d requests, %v", c.name, n, err)
			}
			between(t, time.Since(from), c.low, c.top)
		})
	}
}

func TestRetryAfterReachesTheTurnLoop(t *testing.T) {
	for _, c := range []struct {
		resp  *http.Response
		after time.Duration
		retry bool
	}{
		{answer(429, "", "Retry-After", "7"), 7 * time.Second, true},
		{answer(429, ""), 0, false},
		{answer(429, `{"error":{"type":"insufficient_quota"}}`, "Retry-After", "7"), 7 * time.Second, false},
		{answer(200, sseEvent("response.failed", `,"response":{"error":{"code":"rate_limit_exceeded","message":"Slow. Please try again in 1.5s. Or not."}}`)), 1500 * time.Millisecond, true},
		{answer(200, sseEvent("response.failed", `,"response":{"error":{"code":"slow_down","message":"Try again in 250 ms"}}`)), 250 * time.Millisecond, true},
		{answer(200, sseEvent("response.failed", `,"response":{"error":{"code":"slow_down","message":"try again in a while"}}`)), 0, true},
	} {
		err := last(bubbleServer(func(*http.Request) *http.Response { return c.resp }).client(Provider{BaseURL: "http://x"}), t.Context())
		var e *Error
		if !errors.As(err, &e) || e.RetryAfter != c.after || e.Retryable != c.retry {
			t.Errorf("%+v, want %v %v", e, c.after, c.retry)
		}
	}
}

func TestSilenceIsMeasuredBetweenEvents(t *testing.T) {
	const idle = 10 * time.Second
	for _, c := range []struct {
		name  string
		serve func(r *http.Request) *http.Response
		took  time.Duration
		err   string
	}{
		{"no headers", func(*http.Request) *http.Response { return nil }, idle, textIdle},
		{"nothing after the headers", func(r *http.Request) *http.Response {
			return pipe(r, func(w io.Writer) { <-r.Context().Done() })
		}, idle, textIdle},
		{"events, each in time", func(r *http.Request) *http.Response {
			return pipe(r, func(w io.Writer) {
				for range 10 {
					time.Sleep(idle - 1)
					say(w, sseHello)
				}
				say(w, sseCompleted)
			})
		}, 10 * (idle - 1), ""},
		{"an unknown event counts", func(r *http.Request) *http.Response {
			return pipe(r, func(w io.Writer) {
				time.Sleep(idle - 1)
				say(w, "data: {\"type\":\"response.in_progress\"}\n\n")
				time.Sleep(idle - 1)
				say(w, sseCompleted)
			})
		}, 2 * (idle - 1), ""},
		{"comments do not count", func(r *http.Request) *http.Response {
			return pipe(r, func(w io.Writer) {
				say(w, sseCreated)
				for r.Context().Err() == nil {
					time.Sleep(time.Second)
					say(w, ": ping\n\n")
				}
			})
		}, idle, textIdle},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := time.Now()
			none := 0
			err := last(bubbleServer(c.serve).client(Provider{BaseURL: "http://x", StreamIdleTimeout: idle, RequestMaxRetries: &none}), t.Context())
			if took := time.Since(from); took != c.took {
				t.Errorf("%s: took %v, want %v", c.name, took, c.took)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasSuffix(err.Error(), c.err)) {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
}

// TestSlowConsumerIsNotSilence: a client that is slow to take deltas must not lose its stream.
func TestSlowConsumerIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := bubbleServer(func(r *http.Request) *http.Response {
			return pipe(r, func(w io.Writer) {
				for range 5 {
					say(w, sseHello)
				}
				say(w, sseCompleted)
			})
		}).client(Provider{BaseURL: "http://x", StreamIdleTimeout: time.Second})
		for ev, err := range cl.Stream(t.Context(), &Request{}) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == TextDelta {
				time.Sleep(time.Minute)
			}
		}
	})
}

func TestTokenIsRefreshedOnce(t *testing.T) {
	for _, c := range []struct {
		name     string
		good     string
		requests int
	}{{"a new token helps", "new", 2}, {"it does not", "none", 2}, {"the first is good", "old", 1}} {
		var got []string
		cl := bubbleServer(func(r *http.Request) *http.Response {
			got = append(got, r.Header.Get("Authorization"))
			if got[len(got)-1] == "Bearer "+c.good {
				return answer(200, sseWhole)
			}
			return answer(401, "no")
		}).client(Provider{BaseURL: "http://x"})
		cl.auth.Token = func(_ context.Context, refresh bool) (string, error) {
			if refresh {
				return "new", nil
			}
			return "old", nil
		}
		if err := last(cl, t.Context()); len(got) != c.requests || (err == nil) != (c.good != "none") {
			t.Errorf("%s: %v %v", c.name, got, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	for attempt, want := range map[int]time.Duration{1: 200, 2: 400, 3: 800, 4: 1600, 100: 60_000} {
		want *= time.Millisecond
		for range 50 {
			if d := Backoff(attempt, 0); d < want*9/10 || d > want*11/10 || d > time.Minute {
				t.Errorf("attempt %d: %v", attempt, d)
			}
		}
	}
	if d := Backoff(1, 3*time.Second); d != 3*time.Second {
		t.Error(d)
	}
	for attempt, want := range map[int]time.Duration{0: 1, 1: 1, 2: 2, 3: 4, 4: 5, 99: 5} {
		if d := NetworkBackoff(attempt); d != want*time.Second {
			t.Errorf("network attempt %d: %v", attempt, d)
		}
	}
}

func TestRetryAfterHeader(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, " 0.5 ": 500 * time.Millisecond, "-1": 0, "NaN": 0, "soon": 0, "1e99": time.Hour,
		"Fri, 20 Nov 2026 12:00:05 GMT": 5 * time.Second, "Fri, 20 Nov 2026 11:00:00 GMT": 0} {
		if d := retryAfter(http.Header{"Retry-After": {v}}, now); d != want {
			t.Errorf("%q: %v, want %v", v, d, want)
		}
	}
}

func TestHeadersOfTheResponse(t *testing.T) {
	resp := answer(200, sseWhole, "X-Codex-Turn-State", "ts", "X-Codex-Primary-Used-Percent", "42.5", "X-Codex-Primary-Window-Minutes", "300",
		"X-Codex-Primary-Reset-At", "1900000000", "X-Codex-Secondary-Used-Percent", "x", "X-Models-Etag", "e")
	var opened *ResponseHeader
	var limits *RateLimits
	for ev, err := range bubbleServer(func(*http.Request) *http.Response { return resp }).client(Provider{BaseURL: "http://x"}).Stream(t.Context(), &Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == Opened {
			opened = ev.Response
		}
		if ev.Kind == LimitsReported {
			limits = ev.Limits
		}
	}
	if opened == nil || opened.TurnState != "ts" || opened.ModelsETag != "e" {
		t.Errorf("%+v", opened)
	}
	if limits == nil || limits.Secondary != nil || *limits.Primary != (RateWindow{42.5, 300, 1900000000}) {
		t.Errorf("%+v", limits)
	}
}
