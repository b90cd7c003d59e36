package model

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"iter"
	"strconv"
	"strings"
	"time"
)

// Offline is a Client that needs neither network nor key. It does not think: what the user wrote,
// or a skill, is a script ([OfflineGrammar]); anything else gets a short answer that says so. The
// same request always gives the same events.
type Offline struct{}

// NewOffline makes the built-in model. It holds nothing, so one serves all threads.
func NewOffline() *Offline { return &Offline{} }

var _ Client = (*Offline)(nil)

// Stream implements [Client].
func (*Offline) Stream(ctx context.Context, r *Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		h := readHistory(r.Input)
		p := &player{ctx: ctx, r: r, h: h, id: offlineID(r, h), yield: yield}
		if ctx.Err() != nil {
			yield(Event{}, ctx.Err())
			return
		}
		if !p.emit(Event{Kind: Opened, Response: &ResponseHeader{ServedModel: OfflineModel}}) ||
			!p.emit(Event{Kind: Created, ResponseID: "resp_" + p.id}) {
			return
		}
		p.play(script(r, h))
		switch {
		case p.left:
		case ctx.Err() != nil:
			yield(Event{}, ctx.Err())
		case p.failed != nil:
			yield(Event{}, p.failed)
		default:
			yield(Event{Kind: Completed, ResponseID: "resp_" + p.id, Usage: p.usage()}, nil)
		}
	}
}

// offlineID tells the responses of a thread apart. It depends on the request only.
func offlineID(r *Request, h *history) string {
	f := fnv.New64a()
	_, _ = f.Write([]byte(r.Metadata.TurnID))
	_, _ = f.Write([]byte(h.prompt))
	return "off" + strconv.Itoa(len(r.Input)) + strconv.FormatUint(f.Sum64()&0xffffffff, 16)
}

// player performs one response.
type player struct {
	ctx    context.Context
	r      *Request
	h      *history
	id     string
	yield  func(Event, error) bool
	index  int  // output_index of the next item
	calls  int  // tool calls made
	left   bool // the consumer has gone
	failed *Error

	output, reasoning int // bytes, for the usage
}

// emit reports whether to go on.
func (p *player) emit(ev Event) bool {
	if p.left || p.ctx.Err() != nil {
		return false
	}
	if !p.yield(ev, nil) {
		p.left = true
		return false
	}
	return true
}

func (p *player) ok() bool { return !p.left && p.failed == nil && p.ctx.Err() == nil }

// play performs the steps until one of them fails or none is left.
func (p *player) play(steps []step) {
	for _, s := range steps {
		if !p.ok() {
			return
		}
		s.run(p)
	}
}

func (p *player) itemID(prefix string) string {
	return prefix + "_" + p.id + "_" + strconv.Itoa(p.index)
}

// add emits an item's beginning.
func (p *player) add(item []byte) bool {
	head := parseHead(item)
	return p.emit(Event{Kind: ItemAdded, Index: p.index, ItemID: head.ID, Head: head, Item: item})
}

// done emits a whole item.
func (p *player) done(item []byte) bool {
	head := parseHead(item)
	ok := p.emit(Event{Kind: ItemDone, Index: p.index, ItemID: head.ID, Head: head, Item: item})
	p.index++
	return ok
}

// message streams an assistant message, one delta a piece, waiting before each.
func (p *player) message(pieces []string, wait time.Duration) {
	id := p.itemID("msg")
	if !p.add(messageItem(id, "")) {
		return
	}
	for _, piece := range pieces {
		if wait > 0 && sleep(p.ctx, wait) != nil {
			return
		}
		if !p.emit(Event{Kind: TextDelta, Index: p.index, ItemID: id, Delta: piece}) {
			return
		}
	}
	all := strings.Join(pieces, "")
	p.output += len(all)
	p.done(messageItem(id, all))
}

// messageItem has no content when it is only beginning.
func messageItem(id, text string) json.RawMessage {
	b := append([]byte(`{"type":"message","id":`), quoted(id)...)
	b = append(b, `,"role":"assistant","content":[`...)
	if text != "" {
		b = append(append(append(b, `{"type":"output_text","text":`...), quoted(text)...), '}')
	}
	return append(b, `]}`...)
}

// think streams a reasoning item: a summary, or raw text.
func (p *player) think(words string, raw bool) {
	id := p.itemID("rs")
	p.reasoning += len(words)
	p.output += len(words)
	if !p.add(reasoningItem(id, "", false)) {
		return
	}
	if raw {
		p.emit(Event{Kind: ReasoningTextDelta, Index: p.index, ItemID: id, Delta: words})
	} else {
		p.emit(Event{Kind: ReasoningPartAdded, Index: p.index, ItemID: id})
		p.emit(Event{Kind: ReasoningSummaryDelta, Index: p.index, ItemID: id, Delta: words})
	}
	p.done(reasoningItem(id, words, raw))
}

func reasoningItem(id, words string, raw bool) json.RawMessage {
	b := append([]byte(`{"type":"reasoning","id":`), quoted(id)...)
	switch {
	case words == "":
		b = append(b, `,"summary":[]`...)
	case raw:
		b = append(append(append(b, `,"summary":[],"content":[{"type":"reasoning_text","text":`...), quoted(words)...), `}]`...)
	default:
		b = append(append(append(b, `,"summary":[{"type":"summary_text","text":`...), quoted(words)...), `}],"encrypted_content":"offline"`...)
	}
	return append(b, '}')
}

// call emits a tool call.
func (p *player) call(c call) {
	b := []byte(`{"type":"function_call","id":`)
	prefix := "fc"
	if c.custom {
		b, prefix = []byte(`{"type":"custom_tool_call","id":`), "ctc"
	}
	b = append(b, quoted(p.itemID(prefix))...)
	b = append(append(b, `,"call_id":`...), quoted(p.itemID("call"))...)
	b = append(append(b, `,"name":`...), quoted(c.name)...)
	if c.namespace != "" {
		b = append(append(b, `,"namespace":`...), quoted(c.namespace)...)
	}
	field := `,"arguments":`
	if c.custom {
		field = `,"input":`
	}
	b = append(append(append(b, field...), quoted(c.input)...), '}')
	p.calls++
	p.output += len(c.name) + len(c.input)
	p.done(b)
}

func quoted(s string) []byte { return appendQuoted(nil, s) }

// usage estimates tokens as codex does for truncation: four bytes each.
func (p *player) usage() *Usage {
	u := &Usage{Output: tokens(p.output), Reasoning: tokens(p.reasoning)}
	size, before := 0, 0
	for i, raw := range p.r.Input {
		size += len(raw)
		if i < p.h.at {
			before += len(raw)
		}
	}
	for _, raw := range p.r.Tools {
		size += len(raw)
	}
	u.Input = tokens(size)
	if p.h.turns > 1 {
		u.CachedInput = tokens(before)
	}
	u.Total = u.Input + u.Output
	return u
}

func tokens(bytes int) int64 { return int64(bytes+3) / 4 }
