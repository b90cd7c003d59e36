package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

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
		l.Send = readable(m.Body.ProtoReflect())
		if id := question(m.Body.ProtoReflect()); id != 0 {
			o.asked[devQuestion{m.PID, m.Call, id}] = time.Now()
		}
	default:
		l.Receive, l.Ms = readable(m.Body.ProtoReflect()), milliseconds(m.Took)
		if id := answer(m.Body.ProtoReflect()); id != 0 {
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

// question and answer are the ids of the messages of a stream that belong
// together, 0 for all others.
func question(m protoreflect.Message) uint64 { return idOf(m, "start", "call") }

func answer(m protoreflect.Message) uint64 { return idOf(m, "ready", "failed", "result", "error") }

func idOf(m protoreflect.Message, names ...protoreflect.Name) uint64 {
	for _, name := range names {
		f := m.Descriptor().Fields().ByName(name)
		if f == nil || f.Message() == nil || !m.Has(f) {
			continue
		}
		if id := f.Message().Fields().ByName("id"); id != nil && id.Kind() == protoreflect.Uint64Kind {
			return m.Get(f).Message().Get(id).Uint()
		}
	}
	return 0
}

// maxShown is how much of one text is shown.
const maxShown = 4 << 10

// readable is a message as JSON for people: as protojson has it, but what is JSON
// or text in a field of bytes is shown as that, numbers are numbers, and what is
// long is cut.
func readable(m protoreflect.Message) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(asJSON(f.JSONName()))
		b.WriteByte(':')
		b.Write(readableField(f, m.Get(f)))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func readableField(f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	var b bytes.Buffer
	switch {
	case f.IsMap():
		b.WriteByte('{')
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			if b.Len() > 1 {
				b.WriteByte(',')
			}
			b.Write(asJSON(k.String()))
			b.WriteByte(':')
			b.Write(readableValue(f.MapValue(), v))
			return true
		})
		b.WriteByte('}')
	case f.IsList():
		b.WriteByte('[')
		for i := range v.List().Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(readableValue(f, v.List().Get(i)))
		}
		b.WriteByte(']')
	default:
		return readableValue(f, v)
	}
	return b.Bytes()
}

func readableValue(f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return readable(v.Message())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			return asJSON(string(e.Name()))
		}
		return asJSON(v.Enum())
	case protoreflect.BytesKind:
		return readableBytes(v.Bytes())
	case protoreflect.StringKind:
		return asJSON(cut(v.String()))
	}
	return asJSON(v.Interface())
}

func readableBytes(p []byte) []byte {
	var compact bytes.Buffer
	switch {
	case len(p) <= maxShown && json.Compact(&compact, p) == nil:
		return compact.Bytes()
	case utf8.Valid(p):
		return asJSON(cut(string(p)))
	}
	return asJSON("base64:" + cut(base64.StdEncoding.EncodeToString(p[:min(len(p), maxShown)])))
}

func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// asJSON is for strings and numbers, which always marshal; of floats, those that
// JSON has no words for become null.
func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
