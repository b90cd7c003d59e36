package rollout

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Turns rebuilds the turns of the history from its files, oldest first, items typed.
func (h *History) Turns() ([]protocol.Turn, error) {
	turns, err := h.WireTurns()
	if err != nil {
		return nil, err
	}
	for i := range turns {
		for j, item := range turns[i].Items {
			raw, ok := item.(protocol.ThreadItemRaw)
			if !ok {
				continue
			}
			var typed protocol.ThreadItem
			if protocol.Decode(json.RawMessage(raw), &typed) == nil && typed != nil {
				turns[i].Items[j] = typed
			}
		}
	}
	return turns, nil
}

// WireTurns is Turns with every item a [protocol.ThreadItemRaw] in wire form: all that is needed to pass them
// on, at a fraction of the cost.
func (h *History) WireTurns() ([]protocol.Turn, error) { return h.ViewTurns(ViewFull) }

// Views of a turn's items.
const (
	ViewFull    protocol.TurnItemsView = "full"
	ViewSummary protocol.TurnItemsView = "summary"   // the first user message and the last agent message
	ViewNone    protocol.TurnItemsView = "notLoaded" // no items
)

// ViewTurns is WireTurns with some of the items.
func (h *History) ViewTurns(view protocol.TurnItemsView) ([]protocol.Turn, error) {
	return buildTurns(h.sources, nil, view, new(Warnings)) // counted when the history was read
}

func buildTurns(sources []source, only map[string]bool, view protocol.TurnItemsView, warn *Warnings) ([]protocol.Turn, error) {
	b := turnBuilder{byID: map[string]*turnDraft{}, only: only, view: view}
	for i := range sources {
		if err := sources[i].walk(warn, b.add); err != nil {
			return nil, err
		}
	}
	return b.turns(), nil
}

// turnBuilder applies the lines of a history in order. It takes the events of both modes: they do not occur
// in one file together, and if they do, more is shown, not less.
type turnBuilder struct {
	mem     arena
	list    []*turnDraft
	byID    map[string]*turnDraft
	current *turnDraft
	line    int // of all usable lines
	items   int // of the items that the file gives no id
	wire    []byte
	only    map[string]bool // of these turns only; nil means all
	view    protocol.TurnItemsView
}

type turnDraft struct {
	id, root  string
	explicit  bool // has a turn event of its own
	stub      bool // opened by a compaction only
	status    protocol.TurnStatus
	failure   []byte // wire form of the error
	started   *int64
	completed *int64
	duration  *int64
	items     []itemDraft
	placed    int // the line that put it in its place among the turns
}

type itemDraft struct {
	id   string
	wire []byte
}

func (b *turnBuilder) add(rec *record) error {
	b.line++
	switch string(rec.kind) {
	case kindEvent:
		if f := turnEvents(rec.eventType()); f != nil {
			if ok, _ := rec.sound(); ok {
				f(b, rec.payload)
			}
		}
	case kindCompacted:
		if b.current == nil {
			b.openImplicit()
			b.current.stub = true
		}
	}
	return nil
}

// turnEvents finds what an event does; nil for events that show nothing.
func turnEvents(name []byte) func(b *turnBuilder, payload []byte) {
	switch string(name) {
	case "item_completed":
		return (*turnBuilder).itemCompleted
	case "task_started":
		return (*turnBuilder).taskStarted
	case "task_complete":
		return (*turnBuilder).taskComplete
	case "turn_aborted":
		return (*turnBuilder).turnAborted
	case "thread_rolled_back":
		return (*turnBuilder).rolledBack
	}
	return legacyEvent(name)
}

func (b *turnBuilder) taskStarted(payload []byte) {
	b.current = b.explicit(memberString(payload, "turn_id"))
	t := b.current
	t.root = orElse(memberString(payload, "root_turn_id"), t.id)
	t.started = optionalInt(member(payload, "started_at"))
}

// explicit returns the turn with that id, making it if it is new. Items may have come before any turn event.
func (b *turnBuilder) explicit(id string) *turnDraft {
	t := b.byID[id]
	if t == nil {
		t = b.draft(id)
	}
	if !t.explicit {
		t.explicit, t.placed = true, b.line
	}
	return t
}

func (b *turnBuilder) draft(id string) *turnDraft {
	t := &turnDraft{id: id, root: id, status: "inProgress", placed: b.line}
	b.list = append(b.list, t)
	b.byID[id] = t
	return t
}

func (b *turnBuilder) openImplicit() {
	b.current = b.draft("rollout-" + strconv.Itoa(b.line-1))
	b.current.status = "completed"
}

// of returns the turn that an event names, or the current one; nil if there is none.
func (b *turnBuilder) of(payload []byte) *turnDraft {
	if id := memberString(payload, "turn_id"); id != "" {
		return b.byID[id]
	}
	return b.current
}

func (b *turnBuilder) taskComplete(payload []byte) {
	id := memberString(payload, "turn_id")
	t := b.current
	if id != "" {
		t = b.explicit(id)
		t.root = orElse(memberString(payload, "root_turn_id"), t.root)
	}
	if t == nil {
		return
	}
	if failure := member(payload, "error"); !isNull(failure) {
		t.status, t.failure = "failed", errorToWire(failure)
	} else if t.status == "inProgress" {
		t.status = "completed"
	}
	t.times(payload)
	if t == b.current {
		b.current = nil
	}
}

func (b *turnBuilder) turnAborted(payload []byte) {
	t := b.of(payload)
	if t == nil {
		return
	}
	if !t.explicit && memberString(payload, "turn_id") != "" { // a review: it has no start of its own
		b.explicit(t.id)
	}
	t.status = "interrupted"
	t.times(payload)
}

func (t *turnDraft) times(payload []byte) {
	if v := optionalInt(member(payload, "started_at")); v != nil {
		t.started = v
	}
	t.completed = optionalInt(member(payload, "completed_at"))
	t.duration = optionalInt(member(payload, "duration_ms"))
}

func optionalInt(raw []byte) *int64 {
	n, ok := decodeUint(raw)
	if !ok {
		return nil
	}
	v := int64(n)
	return &v
}

func (b *turnBuilder) rolledBack(payload []byte) {
	n, _ := decodeUint(member(payload, "num_turns"))
	b.current = nil
	b.drop()
	keep := len(b.list) - int(min(n, uint64(len(b.list))))
	for _, t := range b.list[keep:] {
		delete(b.byID, t.id)
	}
	b.list = b.list[:keep]
	b.items = 0
	for _, t := range b.list {
		b.items += len(t.items)
	}
}

func (b *turnBuilder) itemCompleted(payload []byte) {
	f := parseFields(payload)
	defer f.free()
	item := f.take("item")
	if len(item) == 0 || item[0] != '{' {
		return
	}
	id := decodeString(f.take("turn_id"))
	if b.only != nil && !b.only[id] {
		return
	}
	t := b.byID[id]
	if t == nil && id != "" {
		t = b.draft(id)
	} else if id == "" {
		t = b.here()
	}
	if !b.shows(item) {
		return
	}
	b.wire = itemToWire(b.wire[:0], item, f.take("started_at_ms"), f.take("completed_at_ms"))
	b.put(t, memberString(item, "id"), b.wire)
}

// shows reports whether an item is part of the view.
func (b *turnBuilder) shows(item []byte) bool {
	switch b.view {
	case ViewNone:
		return false
	case ViewSummary:
		tag := memberString(item, "type")
		return tag == "UserMessage" || tag == "AgentMessage"
	}
	return true
}

// here is the current turn, or a new implicit one.
func (b *turnBuilder) here() *turnDraft {
	if b.current == nil {
		b.openImplicit()
	}
	return b.current
}

// put adds an item to a turn, or replaces the one with its id.
func (b *turnBuilder) put(t *turnDraft, id string, wire []byte) {
	for i := len(t.items) - 1; i >= 0 && id != ""; i-- {
		if t.items[i].id == id {
			t.items[i].wire = b.mem.copy(wire)
			return
		}
	}
	t.items = append(t.items, itemDraft{id, b.mem.copy(wire)})
}

// drop removes the turns that hold nothing and that no event and no compaction stands for.
func (b *turnBuilder) drop() {
	b.list = slices.DeleteFunc(b.list, func(t *turnDraft) bool {
		return !t.explicit && !t.stub && len(t.items) == 0
	})
}

// turns gives the result. A turn that is open at the end was cut off with its host.
func (b *turnBuilder) turns() []protocol.Turn {
	b.drop()
	slices.SortStableFunc(b.list, func(x, y *turnDraft) int { return x.placed - y.placed })
	out := make([]protocol.Turn, len(b.list))
	for i, t := range b.list {
		out[i] = t.finish(b.view)
	}
	return out
}

func (t *turnDraft) finish(view protocol.TurnItemsView) protocol.Turn {
	if t.status == "inProgress" {
		t.status = "interrupted"
	}
	shown := t.items
	switch view {
	case ViewSummary:
		shown = summarise(t.items)
	case ViewNone:
		shown = nil
	}
	items := make([]protocol.ThreadItem, len(shown))
	for i := range shown {
		items[i] = protocol.ThreadItemRaw(shown[i].wire)
	}
	root := t.root
	turn := protocol.Turn{ID: t.id, Items: items, Status: t.status, ItemsView: view, RootTurnID: &root,
		StartedAt: t.started, CompletedAt: t.completed, DurationMs: t.duration}
	if t.failure != nil {
		failure := new(protocol.TurnError)
		if protocol.Decode(t.failure, failure) == nil {
			turn.Error = failure
		}
	}
	return turn
}

// summarise keeps the first user message and the last agent message.
func summarise(items []itemDraft) (kept []itemDraft) {
	for _, it := range items {
		if memberString(it.wire, "type") == "userMessage" {
			kept = append(kept, it)
			break
		}
	}
	for i := len(items) - 1; i >= 0; i-- {
		if memberString(items[i].wire, "type") == "agentMessage" {
			return append(kept, items[i])
		}
	}
	return kept
}
