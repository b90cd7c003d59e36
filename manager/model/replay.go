package model

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"
)

// A recording has one JSON line for each stream, written when the stream ends. Threads are told
// apart by number, in the order of their first request, so that a recording plays whatever ids the
// threads have then.
type tape struct {
	Thread int         `json:"thread"`
	Model  string      `json:"model"`
	Events []tapeEvent `json:"events"`
	Error  *tapeError  `json:"error,omitempty"`
}

type tapeEvent struct {
	Kind       Kind            `json:"kind"`
	Index      int             `json:"index,omitempty"`
	Part       int             `json:"part,omitempty"`
	ItemID     string          `json:"item_id,omitempty"`
	Delta      string          `json:"delta,omitempty"`
	Item       json.RawMessage `json:"item,omitempty"`
	ResponseID string          `json:"response_id,omitempty"`
	Usage      *Usage          `json:"usage,omitempty"`
	EndTurn    *bool           `json:"end_turn,omitempty"`
	Limits     *RateLimits     `json:"limits,omitempty"`
	Response   *ResponseHeader `json:"response,omitempty"`
}

type tapeError struct {
	Kind       ErrorKind     `json:"kind"`
	Status     int           `json:"status,omitempty"`
	Message    string        `json:"message"`
	Details    string        `json:"details,omitempty"`
	Retryable  bool          `json:"retryable,omitempty"`
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
	URL        string        `json:"url,omitempty"`
}

// threads numbers threads in the order in which they appear.
type threads map[string]int

func (t threads) number(id string) int {
	n, ok := t[id]
	if !ok {
		n = len(t)
		t[id] = n
	}
	return n
}

// Recorder is a Client that passes on the streams of another one and writes them down. A
// recording holds what the model said, never a key or a header of the request.
type Recorder struct {
	client Client

	mu      sync.Mutex // guards the rest; lines are whole
	w       io.Writer
	threads threads
	err     error
}

// NewRecorder records the streams of c to w, which stays the caller's to close, after the last stream.
func NewRecorder(c Client, w io.Writer) *Recorder {
	return &Recorder{client: c, w: w, threads: threads{}}
}

// Err is the first failure to write; the streams themselves do not suffer from it.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Stream implements [Client]. A stream that the consumer left or cancelled is not recorded.
func (r *Recorder) Stream(ctx context.Context, req *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r.mu.Lock()
		t := tape{Thread: r.threads.number(req.Metadata.ThreadID), Model: req.Model}
		r.mu.Unlock()
		whole := false
		for ev, err := range r.client.Stream(ctx, req) {
			if e, ok := err.(*Error); ok {
				t.Error = &tapeError{e.Kind, e.Status, e.Message, e.Details, e.Retryable, e.RetryAfter, e.URL}
			} else if err == nil {
				t.Events = append(t.Events, tapeEvent{ev.Kind, ev.Index, ev.Part, ev.ItemID, ev.Delta, ev.Item, ev.ResponseID, ev.Usage, ev.EndTurn, ev.Limits, ev.Response})
			}
			whole = t.Error != nil || ev.Kind == Completed
			if whole {
				r.write(&t)
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

func (r *Recorder) write(t *tape) {
	line, err := json.Marshal(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.err == nil {
		_, err = r.w.Write(append(line, '\n'))
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("recording a model stream: %w", err)
	}
}

// Replay is a Client that plays a recording back: the nth request of the nth thread gets the
// stream recorded there, without the time it took.
type Replay struct {
	mu      sync.Mutex // guards the rest
	threads threads
	streams map[int][]tape // by thread, what is left of them
	played  int
}

// NewReplay reads a recording.
func NewReplay(r io.Reader) (*Replay, error) {
	p := &Replay{threads: threads{}, streams: map[int][]tape{}}
	dec := json.NewDecoder(bufio.NewReader(r))
	for n := 1; ; n++ {
		var t tape
		if err := dec.Decode(&t); err == io.EOF {
			return p, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading a model recording: stream %d: %w", n, err)
		}
		p.streams[t.Thread] = append(p.streams[t.Thread], t)
	}
}

// Stream implements [Client].
func (p *Replay) Stream(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		t, err := p.next(r)
		if err != nil {
			yield(Event{}, err)
			return
		}
		for _, e := range t.Events {
			if ctx.Err() != nil {
				yield(Event{}, ctx.Err())
				return
			}
			ev := Event{Kind: e.Kind, Index: e.Index, Part: e.Part, ItemID: e.ItemID, Delta: e.Delta, Item: e.Item, ResponseID: e.ResponseID,
				Usage: e.Usage, EndTurn: e.EndTurn, Limits: e.Limits, Response: e.Response}
			if len(ev.Item) > 0 {
				ev.Head = parseHead(ev.Item)
			}
			if !yield(ev, nil) {
				return
			}
		}
		if e := t.Error; e != nil {
			yield(Event{}, &Error{Kind: e.Kind, Status: e.Status, Message: e.Message, Details: e.Details, Retryable: e.Retryable, RetryAfter: e.RetryAfter, URL: e.URL})
		}
	}
}

func (p *Replay) next(r *Request) (tape, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.threads.number(r.Metadata.ThreadID)
	left := p.streams[n]
	if len(left) == 0 {
		return tape{}, &Error{Kind: FailSetup, Message: fmt.Sprintf("the recording holds no further response for thread %d (%d played in all)", n+1, p.played)}
	}
	p.streams[n] = left[1:]
	p.played++
	return left[0], nil
}
