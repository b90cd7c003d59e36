package plugins

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Asks is the id of a message in a stream that another one answers; Answers the id
// of what a message answers. 0 for all others.
func (m *WireMessage) Asks() uint64 { return idOf(m.Body.ProtoReflect(), "start", "call") }

// Answers: see Asks.
func (m *WireMessage) Answers() uint64 {
	return idOf(m.Body.ProtoReflect(), "ready", "failed", "result", "error")
}

// Readable is the message as JSON for people: as protojson has it, but what is JSON
// or text in a field of bytes is shown as that, numbers are numbers, and what is
// long is cut.
func (m *WireMessage) Readable() json.RawMessage { return readable(m.Body.ProtoReflect()) }

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
		return asJSON(shorten(v.String()))
	}
	return asJSON(v.Interface())
}

func readableBytes(p []byte) []byte {
	var compact bytes.Buffer
	switch {
	case len(p) <= maxShown && json.Compact(&compact, p) == nil:
		return compact.Bytes()
	case utf8.Valid(p):
		return asJSON(shorten(string(p)))
	}
	return asJSON("base64:" + shorten(base64.StdEncoding.EncodeToString(p[:min(len(p), maxShown)])))
}

func shorten(s string) string {
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
