package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// collect ranges over a stream to its end.
func collect(t testing.TB, c Client, r *Request) ([]Event, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out []Event
	var last error
	for ev, err := range c.Stream(ctx, r) {
		if last != nil {
			t.Fatalf("event after the error %v", last)
		}
		if err != nil {
			last = err
			continue
		}
		out = append(out, ev)
	}
	return out, last
}

// allText joins the text deltas.
func allText(evs []Event) string {
	var b strings.Builder
	for _, ev := range evs {
		if ev.Kind == TextDelta {
			b.WriteString(ev.Delta)
		}
	}
	return b.String()
}

func userItem(s string) json.RawMessage {
	return json.RawMessage(`{"type":"message","role":"user","content":[{"type":"input_text","text":` + string(quoted(s)) + `}]}`)
}

func sseEvent(typ, rest string) string {
	return fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", typ, typ, rest)
}

var (
	sseCreated   = sseEvent("response.created", `,"response":{"id":"resp-1"}`)
	sseAdded     = sseEvent("response.output_item.added", `,"output_index":0,"item":{"type":"message","role":"assistant","id":"msg-1","content":[]}`)
	sseHello     = sseEvent("response.output_text.delta", `,"item_id":"msg-1","output_index":0,"content_index":0,"delta":"hello"`)
	sseDone      = sseEvent("response.output_item.done", `,"output_index":0,"item":{"type":"message","role":"assistant","id":"msg-1","content":[{"type":"output_text","text":"hello"}]}`)
	sseCompleted = sseEvent("response.completed", `,"response":{"id":"resp-1","usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":10},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120},"output":[]}`)
	sseWhole     = sseCreated + sseAdded + sseHello + sseDone + sseCompleted
)

// serve starts a model server on a real socket and a client for it, with waits in milliseconds.
func serve(t testing.TB, h http.HandlerFunc, change func(*Provider)) (*Responses, *httptest.Server) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Read at once: a handler hears of a client that left only after the request's end.
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		h(w, r)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(srv.Close)
	zero := 0
	p := Provider{Name: "Mock", BaseURL: srv.URL + "/v1", RequestMaxRetries: &zero}
	if change != nil {
		change(&p)
	}
	tr := NewTransport()
	t.Cleanup(tr.Close)
	c := NewResponses(tr, p, Auth{LookupEnv: os.LookupEnv})
	c.base = time.Millisecond
	return c, srv
}

func sse(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write([]byte(text))
	w.(http.Flusher).Flush()
}

func TestStreamYieldsTheWiresEvents(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { sse(w, sseWhole) }, nil)
	evs, err := collect(t, c, &Request{Model: "m", Input: []json.RawMessage{userItem("hi")}})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for _, ev := range evs {
		kinds = append(kinds, ev.Kind)
	}
	if want := []Kind{Opened, Created, ItemAdded, TextDelta, ItemDone, Completed}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Fatalf("kinds %v, want %v", kinds, want)
	}
	last := evs[len(evs)-1]
	if last.ResponseID != "resp-1" || last.Usage == nil || *last.Usage != (Usage{Input: 100, CachedInput: 10, Output: 20, Reasoning: 5, Total: 120}) {
		t.Errorf("completed: %+v %+v", last, last.Usage)
	}
	if done := evs[4]; done.Head.Role != "assistant" || done.ItemID != "msg-1" {
		t.Errorf("item done: %+v", done.Head)
	}
}

func TestOfflineAnswersAndRunsAChain(t *testing.T) {
	evs, err := collect(t, NewOffline(), &Request{Model: OfflineModel, Input: []json.RawMessage{userItem("hello")}})
	if err != nil || !strings.HasPrefix(allText(evs), "[offline]") {
		t.Fatalf("%q %v", allText(evs), err)
	}
}
