package main

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// devLine is one line of "plugin dev".
type devLine struct {
	At     string  `json:"at"` // local time
	PID    int     `json:"pid,omitempty"`
	Call   uint64  `json:"call,omitempty"`
	Method string  `json:"method,omitempty"`
	Ms     float64 `json:"ms,omitempty"` // since what it answers, in milliseconds

	Send    json.RawMessage `json:"send,omitempty"`
	Receive json.RawMessage `json:"receive,omitempty"`
	Done    bool            `json:"done,omitempty"` // the call has ended
	Says    string          `json:"says,omitempty"` // a line of the plugin's
	State   string          `json:"state,omitempty"`
	Result  any             `json:"result,omitempty"`
	Note    string          `json:"note,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// devOutput writes lines, and knows which message answers which.
type devOutput struct {
	mu     sync.Mutex // guards what follows
	out    *json.Encoder
	asked  map[devQuestion]time.Time
	failed error
}

// devQuestion is a message of a stream that another one answers.
type devQuestion struct {
	pid  int
	call uint64
	id   uint64
}

func newDevOutput(w io.Writer) *devOutput {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return &devOutput{out: e, asked: make(map[devQuestion]time.Time)}
}

func (o *devOutput) line(l devLine) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.write(l)
}

func (o *devOutput) write(l devLine) {
	l.At = time.Now().Format("15:04:05.000")
	if err := o.out.Encode(l); err != nil && o.failed == nil {
		o.failed = err // nobody reads any more; the end will say so
	}
}

// wire shows a message.
func (o *devOutput) wire(m plugins.WireMessage) {
	l := devLine{PID: m.PID, Call: m.Call, Method: m.Method}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case m.Body == nil:
		l.Done, l.Ms = true, milliseconds(m.Took)
		if m.Err != nil {
			l.Error = m.Err.Error()
		}
	case m.Sent:
		l.Send = m.Readable()
		if id := m.Asks(); id != 0 {
			o.asked[devQuestion{m.PID, m.Call, id}] = time.Now()
		}
	default:
		l.Receive, l.Ms = m.Readable(), milliseconds(m.Took)
		if id := m.Answers(); id != 0 {
			q := devQuestion{m.PID, m.Call, id}
			if at, ok := o.asked[q]; ok {
				l.Ms = milliseconds(time.Since(at))
				delete(o.asked, q)
			}
		}
	}
	o.write(l)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
