package model

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// body is an encoded request. The history is not copied into it: reading it walks the caller's
// raw items between a head and a tail of its own.
type body struct {
	parts [][]byte
	size  int64
}

// encode builds the body of r. Members stand in codex's order.
func encode(r *Request, store bool) *body {
	head := make([]byte, 0, 256+len(r.Instructions))
	head = append(head, `{"model":`...)
	head = appendQuoted(head, r.Model)
	if r.Instructions != "" {
		head = append(head, `,"instructions":`...)
		head = appendQuoted(head, r.Instructions)
	}
	head = append(head, `,"stream":true,"input":[`...)

	b := &body{parts: make([][]byte, 0, 2*(len(r.Input)+len(r.Tools))+3)}
	b.add(head)
	b.addList(r.Input)
	b.add([]byte(`],"tools":[`))
	b.addList(r.Tools)
	b.add(appendTail(make([]byte, 0, 512+3*len(r.Metadata.TurnMetadata)+len(r.OutputSchema)), r, store))
	return b
}

func (b *body) add(part []byte) {
	b.parts = append(b.parts, part)
	b.size += int64(len(part))
}

var comma = []byte{','}

func (b *body) addList(list []json.RawMessage) {
	for i, raw := range list {
		if i > 0 {
			b.add(comma)
		}
		b.add(raw)
	}
}

func appendTail(t []byte, r *Request, store bool) []byte {
	t = append(t, `],"tool_choice":"auto","parallel_tool_calls":`...)
	t = strconv.AppendBool(t, r.ParallelToolCalls)
	include := r.Include
	if r.Reasoning != nil {
		t = appendReasoning(t, r.Reasoning)
		if !slices.Contains(include, encryptedReasoning) {
			include = append([]string{encryptedReasoning}, include...)
		}
	}
	t = append(t, `,"store":`...)
	t = strconv.AppendBool(t, store)
	if len(include) > 0 {
		t = append(t, `,"include":[`...)
		for i, s := range include {
			if i > 0 {
				t = append(t, ',')
			}
			t = appendQuoted(t, s)
		}
		t = append(t, ']')
	}
	if r.ServiceTier != "" {
		t = append(t, `,"service_tier":`...)
		t = appendQuoted(t, wireTier(r.ServiceTier))
	}
	if key := promptCacheKey(r); key != "" {
		t = append(t, `,"prompt_cache_key":`...)
		t = appendQuoted(t, key)
	}
	t = appendText(t, r)
	t = appendMetadata(t, &r.Metadata)
	return append(t, '}')
}

const encryptedReasoning = "reasoning.encrypted_content"

func wireTier(tier string) string {
	if tier == "fast" {
		return "priority"
	}
	return tier
}

func promptCacheKey(r *Request) string {
	if r.PromptCacheKey != "" {
		return r.PromptCacheKey
	}
	return r.Metadata.ThreadID
}

func appendReasoning(t []byte, r *Reasoning) []byte {
	m := members{t: append(t, `,"reasoning":{`...)}
	m.text("effort", r.Effort)
	if r.Summary != "none" {
		m.text("summary", r.Summary)
	}
	return append(m.t, '}')
}

func appendText(t []byte, r *Request) []byte {
	if r.Verbosity == "" && len(r.OutputSchema) == 0 {
		return t
	}
	m := members{t: append(t, `,"text":{`...)}
	m.text("verbosity", r.Verbosity)
	if len(r.OutputSchema) > 0 {
		m.key("format")
		m.t = append(m.t, `{"type":"json_schema","name":"codex_output_schema","strict":true,"schema":`...)
		m.t = append(append(m.t, r.OutputSchema...), '}')
	}
	return append(m.t, '}')
}

func appendMetadata(t []byte, md *Metadata) []byte {
	m := members{t: append(t, `,"client_metadata":{`...)}
	empty := len(m.t)
	m.text("turn_id", md.TurnID)
	m.text("x-codex-installation-id", md.InstallationID)
	m.text("root_turn_id", md.RootTurnID)
	m.text("session_id", md.SessionID)
	m.text("thread_id", md.ThreadID)
	m.text("x-codex-window-id", md.WindowID)
	m.text("x-openai-subagent", md.Subagent)
	m.text("x-codex-parent-thread-id", md.ParentThreadID)
	m.text("x-codex-turn-metadata", string(md.TurnMetadata))
	if len(m.t) == empty {
		return t
	}
	return append(m.t, '}')
}

// members appends the members of one object; empty texts are left out.
type members struct {
	t    []byte
	some bool
}

func (m *members) key(name string) {
	if m.some {
		m.t = append(m.t, ',')
	}
	m.some = true
	m.t = append(append(append(m.t, '"'), name...), '"', ':')
}

func (m *members) text(name, value string) {
	if value != "" {
		m.key(name)
		m.t = appendQuoted(m.t, value)
	}
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string, with no more escapes than JSON asks for.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// reader reads the body from its start.
func (b *body) reader() io.ReadCloser { return &bodyReader{parts: b.parts} }

type bodyReader struct {
	parts [][]byte
	off   int // into the first part
}

func (r *bodyReader) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.parts) > 0 {
		k := copy(p[n:], r.parts[0][r.off:])
		n += k
		if r.off += k; r.off == len(r.parts[0]) {
			r.parts, r.off = r.parts[1:], 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *bodyReader) Close() error { return nil }

// setHeaders writes the headers of section "HTTP request". Values come from clients and files, so
// what a header may not hold is replaced.
func setHeaders(h http.Header, r *Request) {
	md := &r.Metadata
	h["Accept"] = []string{"text/event-stream"}
	h["Content-Type"] = []string{"application/json"}
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{headerValue(value)}
		}
	}
	set("Originator", md.Originator)
	set("User-Agent", md.UserAgent)
	set("Session-Id", md.SessionID)
	set("Thread-Id", md.ThreadID)
	set("X-Client-Request-Id", md.ThreadID)
	set("X-Codex-Window-Id", md.WindowID)
	set("X-Codex-Turn-Metadata", string(md.TurnMetadata))
	set("X-Codex-Beta-Features", md.BetaFeatures)
	set("X-Openai-Subagent", md.Subagent)
	set("X-Codex-Parent-Thread-Id", md.ParentThreadID)
	set("X-Codex-Turn-State", md.TurnState)
}

// headerValue keeps printable ASCII, writes other characters as JSON does (\uXXXX, for the
// metadata is JSON) and turns control characters into underscores.
func headerValue(s string) string {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	out := append(make([]byte, 0, len(s)+16), s[:i]...)
	for _, r := range s[i:] {
		switch {
		case r >= ' ' && r < 0x7f:
			out = append(out, byte(r))
		case r < ' ' || r == 0x7f:
			out = append(out, '_')
		case r > 0xffff:
			r -= 0x10000
			out = appendUnit(appendUnit(out, 0xd800+(r>>10)), 0xdc00+(r&0x3ff))
		default:
			out = appendUnit(out, r)
		}
	}
	return string(out)
}

func appendUnit(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
