package model

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func encoded(t testing.TB, r *Request, store bool) string {
	t.Helper()
	b := encode(r, store)
	raw, err := io.ReadAll(b.reader())
	if err != nil || int64(len(raw)) != b.size {
		t.Fatalf("read %d bytes, announced %d, %v", len(raw), b.size, err)
	}
	return string(raw)
}

func TestEncode(t *testing.T) {
	item, tool := json.RawMessage(`{"type":"message", "x":1}`), json.RawMessage(`{"type":"function","name":"f"}`)
	for _, c := range []struct {
		name  string
		r     Request
		store bool
		want  string
	}{
		{"least", Request{Model: "m"}, false,
			`{"model":"m","stream":true,"input":[],"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"store":false}`},
		{"most", Request{
			Model: "m\"\n", Instructions: "i", Input: []json.RawMessage{item, item}, Tools: []json.RawMessage{tool}, ParallelToolCalls: true,
			Reasoning: &Reasoning{Effort: "high", Summary: "auto"}, ServiceTier: "fast", Verbosity: "low",
			OutputSchema: json.RawMessage(`{"type":"object"}`), Include: []string{"extra"},
			Metadata: Metadata{SessionID: "s", ThreadID: "t", TurnID: "u", RootTurnID: "r", InstallationID: "i", WindowID: "t:0", TurnMetadata: json.RawMessage(`{"a":"b"}`)},
		}, true,
			`{"model":"m\"\n","instructions":"i","stream":true,"input":[{"type":"message", "x":1},{"type":"message", "x":1}],"tools":[{"type":"function","name":"f"}],` +
				`"tool_choice":"auto","parallel_tool_calls":true,"reasoning":{"effort":"high","summary":"auto"},"store":true,"include":["reasoning.encrypted_content","extra"],` +
				`"service_tier":"priority","prompt_cache_key":"t","text":{"verbosity":"low","format":{"type":"json_schema","name":"codex_output_schema","strict":true,"schema":{"type":"object"}}},` +
				`"client_metadata":{"turn_id":"u","x-codex-installation-id":"i","root_turn_id":"r","session_id":"s","thread_id":"t","x-codex-window-id":"t:0","x-codex-turn-metadata":"{\"a\":\"b\"}"}}`},
		{"no summary", Request{Reasoning: &Reasoning{Summary: "none"}, ServiceTier: "flex", PromptCacheKey: "k"}, false,
			`{"model":"","stream":true,"input":[],"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"reasoning":{},"store":false,"include":["reasoning.encrypted_content"],"service_tier":"flex","prompt_cache_key":"k"}`},
	} {
		got := encoded(t, &c.r, c.store)
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestBodyReader(t *testing.T) {
	b := encode(&Request{Input: []json.RawMessage{userItem(strings.Repeat("x", 5000)), userItem("")}}, false)
	if err := iotest.TestReader(b.reader(), []byte(encoded(t, &Request{Input: []json.RawMessage{userItem(strings.Repeat("x", 5000)), userItem("")}}, false))); err != nil {
		t.Error(err)
	}
}

func TestRequestHeaders(t *testing.T) {
	r := &Request{Metadata: Metadata{Originator: "my editor/1", UserAgent: "ua", SessionID: "s", ThreadID: "t", WindowID: "t:0", Subagent: "review", ParentThreadID: "p",
		BetaFeatures: "a,b", TurnState: "state", TurnMetadata: json.RawMessage(`{"cwd":"/é/😀` + "\n" + `"}`)}}
	got := http.Header{}
	setHeaders(got, r)
	want := http.Header{}
	for k, v := range map[string]string{"accept": "text/event-stream", "content-type": "application/json", "originator": "my editor/1", "user-agent": "ua", "session-id": "s",
		"thread-id": "t", "x-client-request-id": "t", "x-codex-window-id": "t:0", "x-codex-turn-metadata": `{"cwd":"/\u00e9/\ud83d\ude00_"}`, "x-codex-beta-features": "a,b",
		"x-openai-subagent": "review", "x-codex-parent-thread-id": "p", "x-codex-turn-state": "state"} {
		want.Set(k, v)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	got = http.Header{}
	setHeaders(got, &Request{})
	if len(got) != 2 {
		t.Errorf("empty values are sent: %v", got)
	}
}

// FuzzQuoted checks that a quoted text is what encoding/json reads.
func FuzzQuoted(f *testing.F) {
	f.Add("a\"\\\n\r\t\x00\x1f\x7f é😀\xff\u2028<>&")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(quoted(s), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && !equalRunes(back, s) {
			t.Fatalf("%q: %q %v", s, back, err)
		}
		if got, ok := text(quoted(s)); !ok || got != back {
			t.Fatalf("%q: own decoder gives %q", s, got)
		}
	})
}

// equalRunes: a run of bad bytes becomes one or several U+FFFD.
func equalRunes(a, b string) bool { return string([]rune(a)) == string([]rune(b)) }

func TestProviderURLAndLimits(t *testing.T) {
	for _, c := range []struct {
		p          Provider
		url, shown string
		store      bool
	}{
		{Provider{}, "https://api.openai.com/v1/responses", "https://api.openai.com/v1/responses", false},
		{Provider{BaseURL: "http://h/v1/"}, "http://h/v1/responses", "http://h/v1/responses", false},
		{Provider{BaseURL: "http://u:pw@h/v1?a=1", QueryParams: map[string]string{"z": "&", "b": "2"}}, "http://u:pw@h/v1/responses?a=1&b=2&z=%26", "http://h/v1/responses", false},
		{Provider{BaseURL: "https://x.openai.azure.com/openai/v1"}, "https://x.openai.azure.com/openai/v1/responses", "https://x.openai.azure.com/openai/v1/responses", true},
	} {
		cl := NewResponses(nil, c.p, Auth{})
		if cl.address != c.url || cl.shown != c.shown || c.p.stores() != c.store {
			t.Errorf("%+v: %s %s %v", c.p, cl.address, cl.shown, c.p.stores())
		}
	}
	huge, minus := 1000, -1
	if l := (&Provider{}).Limits(); l != (Limits{4, 5, defaultIdleTimeout}) {
		t.Errorf("defaults %+v", l)
	}
	if l := (&Provider{RequestMaxRetries: &huge, StreamMaxRetries: &minus, StreamIdleTimeout: 7}).Limits(); l != (Limits{100, 0, 7}) {
		t.Errorf("caps %+v", l)
	}
}

// TestMembersStandInCodexsOrder: servers cache by prefix, so the order is that of codex 0.169.
func TestMembersStandInCodexsOrder(t *testing.T) {
	order := []string{"model", "stream", "input", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "store", "include", "prompt_cache_key", "client_metadata"}
	raw := encoded(t, &Request{Reasoning: &Reasoning{Effort: "low"}, Metadata: Metadata{ThreadID: "t"}}, false)
	o, _ := openObject([]byte(raw))
	for _, want := range order {
		if key, _, _ := o.next(); string(key) != want {
			t.Fatalf("got %s, want %s in %s", key, want, raw)
		}
	}
}

var sink int

func BenchmarkEncode200Items(b *testing.B) {
	r := benchRequest()
	body := encode(r, false)
	b.SetBytes(body.size)
	b.ReportAllocs()
	buf := make([]byte, 32<<10)
	for b.Loop() {
		rd := encode(r, false).reader()
		for {
			n, err := rd.Read(buf)
			sink += n
			if err != nil {
				break
			}
		}
	}
}

// benchRequest has a history of 200 items, 2 kB each, and 20 tools.
func benchRequest() *Request {
	r := &Request{Model: "gpt", Reasoning: &Reasoning{Effort: "medium", Summary: "auto"},
		Metadata: Metadata{ThreadID: "t", SessionID: "t", TurnID: "u", TurnMetadata: json.RawMessage(`{"a":` + string(quoted(strings.Repeat("m", 800))) + `}`)}}
	for range 200 {
		r.Input = append(r.Input, userItem(strings.Repeat("text ", 400)))
	}
	for range 20 {
		r.Tools = append(r.Tools, json.RawMessage(`{"type":"function","name":"f","parameters":{"a":"`+strings.Repeat("p", 1000)+`"}}`))
	}
	return r
}

func BenchmarkDeltaParse(b *testing.B) {
	data := []byte(`{"type":"response.output_text.delta","item_id":"msg-1","output_index":0,"content_index":0,"delta":"wwwwwwwwwwwwwwwww "}`)
	var d decoder
	b.ReportAllocs()
	for b.Loop() {
		ev, ok, _ := d.decode(data)
		if !ok {
			b.Fatal("skipped")
		}
		sink += len(ev.Delta)
	}
}

const streamDeltas = 20_000

func recordedStream() string {
	return sseCreated + sseAdded + strings.Repeat(sseHello, streamDeltas) + sseDone + sseCompleted
}

// BenchmarkStreamInProcess is a stream of 20,000 deltas without a network: framing, decoding, events.
func BenchmarkStreamInProcess(b *testing.B) {
	rec := recordedStream()
	c := bubbleServer(func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(rec))}
	}).client(Provider{BaseURL: "http://x"})
	benchStream(b, c)
}

// BenchmarkStreamSocket is the same from a server on loopback.
func BenchmarkStreamSocket(b *testing.B) {
	rec := []byte(recordedStream())
	c, _ := serve(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.Copy(w, bytes.NewReader(rec))
	}, nil)
	benchStream(b, c)
}

func benchStream(b *testing.B, c Client) {
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for ev, err := range c.Stream(b.Context(), &Request{}) {
			if err != nil {
				b.Fatal(err)
			}
			if ev.Kind == TextDelta {
				n += len(ev.Delta)
			}
		}
		if n != 5*streamDeltas {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/streamDeltas, "ns/delta")
}

// BenchmarkTurnRequest is one short request on a kept connection with a history of 200 items.
func BenchmarkTurnRequest(b *testing.B) {
	c, _ := serve(b, func(w http.ResponseWriter, r *http.Request) { sse(w, sseWhole) }, nil)
	c.auth = Auth{LookupEnv: os.LookupEnv}
	r := benchRequest()
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range c.Stream(b.Context(), r) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
