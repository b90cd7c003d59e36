package rollout

import (
	"encoding/json"
	"strings"
)

// historyBuilder applies the lines of a history in order.
type historyBuilder struct {
	h   *History
	src *source

	mem     arena
	info    []byte // of the last token_count that had any
	last    uint64 // highest ordinal seen
	anyLine bool
	turnID  string // current turn
	rootID  string // the turn it belongs to: of a reviewer's turn, the review
	open    bool   // it was opened by task_started and not completed
	aborted bool   // and aborted since
	start   Position
	ended   bool // a turn ended since the last user message
}

// arena packs many small copies into few allocations.
type arena struct{ free []byte }

func (a *arena) copy(b []byte) []byte {
	const smallest, largest = 2 << 10, 64 << 10
	if len(b) > largest/4 {
		return append(make([]byte, 0, len(b)), b...)
	}
	if len(b) > cap(a.free)-len(a.free) {
		a.free = make([]byte, 0, max(min(2*cap(a.free), largest), smallest, len(b)))
	}
	n := len(a.free)
	a.free = append(a.free, b...)
	return a.free[n:len(a.free):len(a.free)]
}

func (b *historyBuilder) add(rec *record) error {
	if rec.hasOrdinal {
		b.last, b.anyLine = max(b.last, rec.ordinal), true
	}
	at := Position{rec.ordinal, rec.off, b.src.path}
	switch string(rec.kind) {
	case kindItem:
		if b.check(rec) {
			b.item(rec.payload, at)
		}
	case kindEvent:
		b.event(rec, at)
	case kindCompacted:
		if b.check(rec) {
			b.compact(rec.payload)
		}
	case kindContext:
		if b.check(rec) {
			b.context(rec.payload)
		}
	}
	return nil
}

// check makes sure that the payload is JSON before it is used.
func (b *historyBuilder) check(rec *record) bool {
	ok, repaired := rec.sound()
	if !ok {
		b.h.Warnings.add(b.src.path, rec.off, false, "payload is no JSON")
	} else if repaired {
		b.h.Warnings.add(b.src.path, rec.off, true, "payload is no UTF-8")
	}
	return ok
}

func (b *historyBuilder) item(payload []byte, at Position) {
	h := b.h
	kind, role := itemKind(payload)
	if kind == "ghost_snapshot" {
		return
	}
	if kind == "message" && role == "user" && !contextual(payload) {
		h.UserMessages = append(h.UserMessages, UserMessage{len(h.Items), at, b.turnID})
		h.spoken = append(h.spoken, at)
		b.ended = false
		if h.Preview == "" {
			h.Preview = previewOf(messageText(payload))
		}
	}
	h.Items = append(h.Items, b.mem.copy(payload))
}

func (b *historyBuilder) event(rec *record, at Position) {
	switch string(rec.eventType()) {
	case "task_started":
		if b.check(rec) {
			b.turnID, b.rootID = memberString(rec.payload, "turn_id"), memberString(rec.payload, "root_turn_id")
			b.open, b.aborted, b.start = true, false, at
			b.h.LastTurnID = b.turnID
			b.h.Marks = append(b.h.Marks, TurnMark{b.turnID, at})
		}
	case "task_complete":
		if b.check(rec) {
			b.ended = true
			if id := memberString(rec.payload, "turn_id"); id == "" || id == b.turnID || id == b.rootID {
				b.open = false
			}
		}
	case "turn_aborted":
		if b.check(rec) {
			b.ended = true
			if id := memberString(rec.payload, "turn_id"); id == "" || id == b.turnID || id == b.rootID {
				b.aborted = true
			}
		}
	case "token_count":
		if b.check(rec) {
			b.tokens(rec.payload)
		}
	case "thread_rolled_back":
		if n, ok := decodeUint(member(rec.payload, "num_turns")); b.check(rec) && ok {
			b.rollBack(n)
		}
	}
}

// rollBack drops the last n user messages and all that came after them.
func (b *historyBuilder) rollBack(n uint64) {
	h := b.h
	if n == 0 || len(h.UserMessages) == 0 {
		return
	}
	keep := len(h.UserMessages) - int(min(n, uint64(len(h.UserMessages))))
	if at := h.UserMessages[keep].Item; at >= 0 {
		h.Items = h.Items[:at]
	}
	from := h.UserMessages[keep]
	h.UserMessages = h.UserMessages[:keep]
	if i := h.mark(from.TurnID); i >= 0 {
		h.Marks = h.Marks[:i]
	}
}

func (b *historyBuilder) tokens(payload []byte) {
	info := member(payload, "info")
	if !isNull(info) {
		b.info = append(b.info[:0], info...)
	}
	if limits := member(payload, "rate_limits"); !isNull(limits) {
		b.h.RateLimits = append(b.h.RateLimits[:0], limits...)
	}
}

func parseTokens(info []byte) *TokenInfo {
	usage := func(name string) (u TokenUsage) {
		raw := member(info, name)
		number := func(key string) int64 {
			n, _ := decodeUint(member(raw, key))
			return int64(n)
		}
		return TokenUsage{number("input_tokens"), number("cached_input_tokens"), number("cache_write_input_tokens"),
			number("output_tokens"), number("reasoning_output_tokens"), number("total_tokens")}
	}
	window, _ := decodeUint(member(info, "model_context_window"))
	return &TokenInfo{usage("total_token_usage"), usage("last_token_usage"), int64(window)}
}

func (b *historyBuilder) context(payload []byte) {
	h := b.h
	h.Context = append(h.Context[:0], payload...)
	h.Model = memberString(payload, "model")
	h.Effort = memberString(payload, "effort")
	h.Baseline = true
}

// compact replaces the items. Positions of user messages stay, as points to fork before, but what they point to
// is found again only if the replacement has it.
func (b *historyBuilder) compact(payload []byte) {
	h := b.h
	h.Compactions++
	h.Baseline = false
	replacement := member(payload, "replacement_history")
	items := make([]json.RawMessage, 0, 16)
	mem := arena{} // the old items' memory goes when they go
	if replacement == nil {
		items = b.oldCompaction(memberString(payload, "message"), &mem)
	} else {
		elements(replacement, func(v []byte) bool {
			items = append(items, mem.copy(v))
			return true
		})
	}
	b.mem, h.Items = mem, items
	b.relocate(memberString(payload, "message"))
}

// relocate finds the user messages in the new items: a compaction keeps the last ones of them. The summary is a
// user message too, but stands for none of the user's.
func (b *historyBuilder) relocate(summary string) {
	var at []int
	for i, item := range b.h.Items {
		if kind, role := itemKind(item); kind == "message" && role == "user" && !contextual(item) && messageText(item) != summary {
			at = append(at, i)
		}
	}
	users := b.h.UserMessages
	for i := range users {
		users[i].Item = -1
		if j := i - (len(users) - len(at)); j >= 0 && j < len(at) {
			users[i].Item = at[j]
		}
	}
}

// oldCompaction is what a compaction without a replacement meant: the users' messages, the newest first within
// a budget, then the summary.
func (b *historyBuilder) oldCompaction(summary string, mem *arena) []json.RawMessage {
	const budget = 20000 * 4 // tokens, at four bytes each
	var kept []json.RawMessage
	left := budget
	for i := len(b.h.Items) - 1; i >= 0 && left > 0; i-- {
		item := b.h.Items[i]
		if kind, role := itemKind(item); kind == "message" && role == "user" && !contextual(item) {
			text := messageText(item)
			if len(text) > left {
				text = strings.ToValidUTF8(text[:left], "")
			}
			left -= len(text)
			kept = append(kept, userItem(text))
		}
	}
	items := make([]json.RawMessage, 0, len(kept)+1)
	for i := len(kept) - 1; i >= 0; i-- {
		items = append(items, mem.copy(kept[i]))
	}
	return append(items, userItem(orElse(summary, "(no summary available)")))
}

func userItem(text string) json.RawMessage {
	b := append([]byte(nil), `{"type":"message","role":"user","content":[{"type":"input_text","text":`...)
	return append(appendString(b, text), "}]}"...)
}

func (b *historyBuilder) finish() {
	h := b.h
	if b.info != nil {
		h.Tokens = parseTokens(b.info)
	}
	h.End.Offset, h.End.Path = b.src.bytes, b.src.path
	if h.Meta.HistoryMode == ModePaginated {
		if b.anyLine {
			h.End.Ordinal = b.last + 1
		} else if h.Meta.Base != nil {
			h.End.Ordinal = h.Meta.Base.EndOrdinal
		}
	}
	switch {
	case b.open:
		if !b.aborted {
			h.State = TurnState{true, b.turnID, b.start}
		}
	case len(h.UserMessages) > 0:
		h.State.MidTurn = !b.ended
	}
}

// itemKind returns the type of a response item and, of a message, the role.
func itemKind(item []byte) (kind, role string) {
	members(item, func(key, value []byte) bool {
		switch string(key) {
		case "type":
			kind = decodeString(value)
		case "role":
			role = decodeString(value)
		}
		return kind == "" || kind == "message" && role == ""
	})
	return kind, role
}

// contextMarks are the pairs that enclose what the host, not the user, put into a user message.
var contextMarks = [...][2]string{
	{"# agents.md instructions for ", "</instructions>"}, {"<environment_context>", "</environment_context>"},
	{"<skill>", "</skill>"}, {"<user_shell_command>", "</user_shell_command>"}, {"<turn_aborted>", "</turn_aborted>"},
	{"<subagent_notification>", "</subagent_notification>"}, {"<hook_prompt", "</hook_prompt>"},
}

// contextual reports whether a user message was put there by the host: one such part makes it so.
func contextual(message []byte) bool {
	found := false
	eachText(message, func(raw []byte) bool {
		found = contextualText(raw)
		return !found
	})
	return found
}

// contextualText looks at a raw JSON string. No mark has a character that needs an escape.
func contextualText(raw []byte) bool {
	text := trimEscapedSpace(string(raw[1:min(len(raw)-1, 200)]))
	if text == "" || text[0] != '<' && text[0] != '#' {
		return false
	}
	for _, m := range contextMarks {
		if len(text) >= len(m[0]) && strings.EqualFold(text[:len(m[0])], m[0]) {
			end := strings.TrimSpace(decodeString(raw))
			return len(end) >= len(m[1]) && strings.EqualFold(end[len(end)-len(m[1]):], m[1])
		}
	}
	return false
}

func trimEscapedSpace(s string) string {
	for {
		t := strings.TrimLeft(s, " ")
		if len(t) > 1 && t[0] == '\\' && (t[1] == 'n' || t[1] == 't' || t[1] == 'r') {
			t = t[2:]
		}
		if len(t) == len(s) {
			return s
		}
		s = t
	}
}

// eachText calls f with the raw text of each part of a message.
func eachText(message []byte, f func(raw []byte) bool) {
	elements(member(message, "content"), func(part []byte) bool {
		if t := member(part, "text"); len(t) > 1 && t[0] == '"' {
			return f(t)
		}
		return true
	})
}

func messageText(message []byte) string {
	var texts []string
	eachText(message, func(raw []byte) bool {
		texts = append(texts, decodeString(raw))
		return true
	})
	return strings.Join(texts, "")
}

// previewOf is what lists show of a first message: editors put their context before this marker.
func previewOf(text string) string {
	const marker = "## My request for Codex:"
	if i := strings.Index(text, marker); i >= 0 {
		text = text[i+len(marker):]
	}
	return strings.TrimSpace(text)
}
