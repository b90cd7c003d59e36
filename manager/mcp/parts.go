package mcp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// DefaultOutput is how many bytes of text the model reads of a result unless
// the call says otherwise.
const DefaultOutput = 12_000

func wallTime(took time.Duration) string {
	return fmt.Sprintf("Wall time: %.4f seconds\nOutput:", took.Seconds())
}

// modelOutput is what the model reads of a result: its structured content if it
// has any, else a header and its parts. Texts share the budget in order; images
// cost nothing.
func modelOutput(r *result, took time.Duration, images bool, budget int) json.RawMessage {
	header := wallTime(took)
	if r.structured != nil {
		return quote(nil, header+"\n"+middle(string(r.structured), budget-len(header)-1))
	}
	w := &writer{b: []byte("["), left: budget - len(header)}
	w.add(header) // however small the budget
	for _, c := range r.content {
		w.part(c, images)
	}
	if w.omitted > 0 {
		w.add(fmt.Sprintf("[omitted %d text items ...]", w.omitted))
	}
	return append(w.b, ']')
}

// writer writes parts within a budget.
type writer struct {
	b       []byte
	left    int
	omitted int
}

func (w *writer) text(s string) {
	if w.left <= 0 {
		w.omitted++
		return
	}
	n := len(s)
	s = middle(s, w.left)
	w.left -= n
	w.add(s)
}

func (w *writer) add(s string) {
	if len(w.b) > 1 {
		w.b = append(w.b, ',')
	}
	w.b = appendText(w.b, s)
}

func appendText(b []byte, text string) []byte {
	b = append(b, `{"type":"input_text","text":`...)
	return append(quote(b, text), '}')
}

// part writes one content part. Kinds that the model's API has no part for go as
// their JSON.
func (w *writer) part(raw json.RawMessage, images bool) {
	p := partOf(raw)
	switch p.kind {
	case "text":
		w.quoted(p.text)
	case "image":
		w.image(&p, images)
	case "audio":
		w.text("<audio content omitted because you do not support audio input>")
	default:
		w.text(string(raw))
	}
}

// quoted writes a JSON string; of a large one only what fits is decoded.
func (w *writer) quoted(q []byte) {
	if len(q) <= 4*maxLook {
		var s string
		if json.Unmarshal(q, &s) != nil {
			s = string(q)
		}
		w.text(s)
		return
	}
	if w.left <= 0 {
		w.omitted++
		return
	}
	first, last := head(q, w.left/2), end(q, w.left-w.left/2)
	removed := len(q) - len(first) - len(last)
	w.left -= len(q)
	w.add(first + marker(removed) + last)
}

func (w *writer) image(p *contentPart, images bool) {
	switch data := imageData(p.data); {
	case !images:
		w.text("<image content omitted because you do not support image input>")
	case p.detail == "low":
		w.text("image content omitted because detail 'low' is not supported; use 'high', 'original', or 'auto'")
	case !looksLikeImage(data):
		w.text("image content omitted because it could not be processed")
	default:
		if len(w.b) > 1 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, `{"type":"input_image","image_url":`...)
		w.b = append(quote(w.b, imageURL(p.data, p.mime)), `,"detail":`...)
		w.b = append(quote(w.b, imageDetail(p.detail)), '}')
	}
}

// contentPart is the part of a content part that the host reads.
type contentPart struct {
	kind, data, mime, detail string
	text                     []byte // a JSON string
}

func partOf(raw json.RawMessage) contentPart {
	var p contentPart
	_ = rawjson.Object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "type":
			_ = json.Unmarshal(value, &p.kind)
		case "text":
			p.text = value
		case "data":
			_ = json.Unmarshal(value, &p.data)
		case "mimeType":
			_ = json.Unmarshal(value, &p.mime)
		case "_meta":
			var m struct {
				Detail string `json:"codex/imageDetail"`
			}
			_ = json.Unmarshal(value, &m)
			p.detail = m.Detail
		}
		return true
	})
	if p.kind == "text" && (len(p.text) == 0 || p.text[0] != '"') {
		p.kind = ""
	}
	return p
}

func imageURL(data, mime string) string {
	if strings.HasPrefix(data, "data:") {
		return data
	}
	if mime == "" {
		mime = "application/octet-stream"
	}
	return "data:" + mime + ";base64," + data
}

func imageDetail(asked string) string {
	switch asked {
	case "auto", "high", "original":
		return asked
	}
	return "high"
}

// imageData is the base64 of an image, without the front of a data URL.
func imageData(data string) string {
	if !strings.HasPrefix(data, "data:") {
		return data
	}
	_, data, _ = strings.Cut(data, ",")
	return data
}

// looksLikeImage checks the first bytes. A model's API refuses the whole request
// over an image that is none, and with it the turn.
func looksLikeImage(data string) bool {
	front := make([]byte, 12)
	n, err := base64.StdEncoding.Decode(front, []byte(data[:min(len(data), 16)]))
	if err != nil && n == 0 {
		return false
	}
	front = front[:n]
	for _, magic := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8"} {
		if bytes.HasPrefix(front, []byte(magic)) {
			return true
		}
	}
	return bytes.HasPrefix(front, []byte("RIFF")) && bytes.HasSuffix(front, []byte("WEBP"))
}

// middle cuts the middle out of a text that is too long.
func middle(s string, budget int) string {
	if len(s) <= budget {
		return s
	}
	budget = max(budget, 0)
	first, last := s[:budget/2], s[len(s)-(budget-budget/2):]
	for len(first) > 0 && !utf8.ValidString(first[max(0, len(first)-utf8.UTFMax):]) && !utf8.RuneStart(s[len(first)]) {
		first = first[:len(first)-1]
	}
	for len(last) > 0 && !utf8.RuneStart(last[0]) {
		last = last[1:]
	}
	return first + marker(len(s)-len(first)-len(last)) + last
}

// marker stands for what was cut; four bytes make a token, more or less.
func marker(bytes int) string { return "…" + strconv.Itoa((bytes+3)/4) + " tokens truncated…" }

// maxLook is the longest JSON string that is decoded whole only to be cut.
const maxLook = 64 << 10

// head decodes the first n bytes of a JSON string, or a few less where a cut
// would split a character or an escape.
func head(q []byte, n int) string {
	if len(q)-2 <= n {
		n = len(q) - 2
	}
	for cut := n; cut > max(0, n-16); cut-- {
		var s string
		if json.Unmarshal(append(append([]byte{}, q[:1+cut]...), '"'), &s) == nil && !strings.HasSuffix(s, "\uFFFD") {
			return s
		}
	}
	return ""
}

// end decodes the last n bytes of a JSON string, more or less.
func end(q []byte, n int) string {
	start := max(1, len(q)-1-n)
	for from := start; from < min(len(q)-1, start+16); from++ {
		var s string
		if json.Unmarshal(append([]byte{'"'}, q[from:]...), &s) == nil && !strings.HasPrefix(s, "\uFFFD") {
			return s
		}
	}
	return ""
}
