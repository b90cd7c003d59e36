package rollout

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// PageOptions say which stretch of a thread's turns or items.
type PageOptions struct {
	Limit     int    // 0 means all
	Cursor    string // of an earlier page, of either direction
	Ascending bool   // oldest first
	View      protocol.TurnItemsView
	TurnID    string // items of this turn only
}

// TurnPage is a page of turns. Their items are raw, in wire form.
type TurnPage struct {
	Turns     []protocol.Turn
	Warnings  Warnings // of what was read for the page
	Next      string   // cursor for the same direction, empty at the end
	Backwards string   // cursor for the other direction, from the first turn of this page; empty if it has none
}

// anchor is a place among turns or items; clients keep it as a string that means nothing to them.
type anchor struct {
	TurnID  string `json:"turnId,omitempty"`
	ItemID  string `json:"itemId,omitempty"`
	Include bool   `json:"includeAnchor"`
}

func (a anchor) String() string {
	b, _ := json.Marshal(a)
	return string(b)
}

// TurnCursor is a cursor of the page of turns that begins with a turn.
func TurnCursor(turnID string) string { return anchor{TurnID: turnID, Include: true}.String() }

// ItemCursor is a cursor of the page of items that begins with an item.
func ItemCursor(itemID string) string { return anchor{ItemID: itemID, Include: true}.String() }

func parseAnchor(s string) (a anchor, err error) {
	if s == "" {
		return a, nil
	}
	if json.Unmarshal([]byte(s), &a) != nil || a.TurnID == "" && a.ItemID == "" {
		return a, fmt.Errorf("%w: %s", ErrBadCursor, s)
	}
	return a, nil
}

// Turns returns a page of a stored thread's turns. Those of a paginated thread, newest first, are read from the
// end of its file.
func (s *Store) Turns(ref string, o PageOptions) (TurnPage, error) {
	at, err := parseAnchor(o.Cursor)
	if err == nil && at.TurnID == "" && o.Cursor != "" {
		err = fmt.Errorf("%w: %s", ErrBadCursor, o.Cursor)
	}
	if err != nil {
		return TurnPage{}, err
	}
	path, err := s.resolve(ref)
	if err != nil {
		return TurnPage{}, err
	}
	h := &History{Path: path}
	own := source{path: path, end: noEnd}
	if err := h.readMeta(&own); err != nil {
		return TurnPage{}, err
	}
	if !o.Ascending && o.Limit > 0 && h.Meta.HistoryMode == ModePaginated {
		if page, ok, err := s.lastTurns(own, h.Meta, at, o); ok || err != nil {
			return page, err
		}
	}
	if err := s.inherit(h); err != nil {
		return TurnPage{}, err
	}
	turns, err := buildTurns(append(h.sources, own), nil, orView(o.View), &h.Warnings)
	if err != nil {
		return TurnPage{}, err
	}
	page, err := pageTurns(turns, at, o)
	page.Warnings = h.Warnings
	return page, err
}

func orView(v protocol.TurnItemsView) protocol.TurnItemsView {
	if v == "" {
		return ViewFull
	}
	return v
}

// lastTurns builds the page from the last turns, or those before an anchor; ok is false if there are too few. What
// came after them is looked through too: a command may end long after its turn.
func (s *Store) lastTurns(own source, m Meta, at anchor, o PageOptions) (page TurnPage, ok bool, err error) {
	only := map[string]bool{}
	reached := at.TurnID == ""
	var sources []source // newest first
	used := 0            // of them, up to the oldest turn of the page
	err = s.backwards(own, m, func(src *source, rec *record, off int64) bool {
		if len(sources) == 0 || sources[len(sources)-1].path != src.path {
			sources = append(sources, *src)
		}
		if string(rec.event) != "task_started" {
			return true
		}
		if good, _ := rec.sound(); !good {
			return true
		}
		id := memberString(rec.payload, "turn_id")
		if root := memberString(rec.payload, "root_turn_id"); root != "" && root != id {
			return false // of a review, whose first line is not known here: all lines must be read
		}
		if len(only) == o.Limit {
			ok = true // there is one more: the page is full and not the last
			return false
		}
		if !reached {
			if reached = id == at.TurnID; !reached || !at.Include {
				return true
			}
		}
		only[id] = true
		used = len(sources)
		sources[used-1].from = off
		return true
	})
	if err != nil || !ok {
		return page, false, err
	}
	sources = sources[:used]
	slices.Reverse(sources)
	turns, err := buildTurns(sources, only, orView(o.View), &page.Warnings)
	if err != nil {
		return page, false, err
	}
	// Ends of turns that began before, and items that came late, are of no turn here.
	turns = slices.DeleteFunc(turns, func(t protocol.Turn) bool { return !only[t.ID] })
	if len(turns) == 0 {
		return page, false, nil
	}
	slices.Reverse(turns)
	page.Turns = turns
	page.Next = anchor{TurnID: turns[len(turns)-1].ID}.String()
	page.Backwards = anchor{TurnID: turns[0].ID, Include: true}.String()
	return page, true, nil
}

// pageTurns cuts a page out of all turns, oldest first.
func pageTurns(turns []protocol.Turn, at anchor, o PageOptions) (page TurnPage, err error) {
	if !o.Ascending {
		slices.Reverse(turns)
	}
	if at.TurnID != "" {
		i := slices.IndexFunc(turns, func(t protocol.Turn) bool { return t.ID == at.TurnID })
		if i < 0 {
			return page, fmt.Errorf("%w: no turn %s", ErrBadCursor, at.TurnID)
		}
		if !at.Include {
			i++
		}
		turns = turns[i:]
	}
	more := o.Limit > 0 && len(turns) > o.Limit
	if more {
		turns = turns[:o.Limit]
	}
	page.Turns = turns
	if len(turns) > 0 {
		page.Backwards = anchor{TurnID: turns[0].ID, Include: true}.String()
		if more {
			page.Next = anchor{TurnID: turns[len(turns)-1].ID}.String()
		}
	}
	return page, nil
}

// ItemRow is an item with its turn. The item is raw, in wire form.
type ItemRow struct {
	TurnID    string
	ItemID    string
	Item      protocol.ThreadItem
	Started   *int64 // Unix milliseconds; nil where the file does not say
	Completed *int64
}

// ItemPage is a page of items.
type ItemPage struct {
	Items           []ItemRow
	Next, Backwards string // as of a TurnPage
}

// Items returns a page of a stored thread's items, in the order in which they were finished; of a legacy thread,
// turn by turn.
func (s *Store) Items(ref string, o PageOptions) (ItemPage, error) {
	at, err := parseAnchor(o.Cursor)
	if err != nil {
		return ItemPage{}, err
	}
	path, err := s.resolve(ref)
	if err != nil {
		return ItemPage{}, err
	}
	h := &History{Path: path}
	own := source{path: path, end: noEnd}
	if err := h.readMeta(&own); err != nil {
		return ItemPage{}, err
	}
	w := itemWindow{o: o, at: at, started: at == anchor{}, legacy: h.Meta.HistoryMode == ModeLegacy}
	if !w.legacy && !o.Ascending {
		err := s.backwards(own, h.Meta, func(_ *source, rec *record, _ int64) bool { return w.line(rec) })
		if err != nil {
			return ItemPage{}, err
		}
		return w.page()
	}
	if err := s.inherit(h); err != nil {
		return ItemPage{}, err
	}
	if err := w.read(append(h.sources, own)); err != nil {
		return ItemPage{}, err
	}
	return w.page()
}

// itemWindow collects the rows of a page while they go by in the page's order.
type itemWindow struct {
	o       PageOptions
	at      anchor
	legacy  bool
	started bool // the rows that go by belong to the page
	found   bool // the anchor went by
	rows    []ItemRow
	more    bool
}

func (w *itemWindow) read(sources []source) error {
	if w.legacy {
		turns, err := buildTurns(sources, nil, ViewFull, new(Warnings))
		if err != nil {
			return err
		}
		if !w.o.Ascending {
			slices.Reverse(turns)
		}
		for _, t := range turns {
			if !w.o.Ascending {
				slices.Reverse(t.Items)
			}
			for _, it := range t.Items {
				raw := it.(protocol.ThreadItemRaw)
				if !w.add(t.ID, memberString(raw, "id"), func(r *ItemRow) { r.Item = raw }) {
					return nil
				}
			}
		}
		return nil
	}
	var warn Warnings
	done := false
	for i := 0; i < len(sources) && !done; i++ {
		err := sources[i].walk(&warn, func(rec *record) error {
			if done = !w.line(rec); done {
				return io.EOF
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// line takes a line that goes by, and reports whether more are wanted.
func (w *itemWindow) line(rec *record) (more bool) {
	if string(rec.eventType()) != "item_completed" {
		return true
	}
	if ok, _ := rec.sound(); !ok {
		return true
	}
	return w.record(rec.payload)
}

func (w *itemWindow) record(payload []byte) (more bool) {
	f := parseFields(payload)
	defer f.free()
	item := f.take("item")
	if len(item) == 0 || item[0] != '{' {
		return true
	}
	return w.add(decodeString(f.take("turn_id")), memberString(item, "id"), func(r *ItemRow) {
		started, completed := f.take("started_at_ms"), f.take("completed_at_ms")
		r.Item = protocol.ThreadItemRaw(itemToWire(nil, item, started, completed))
		r.Started, r.Completed = optionalInt(started), optionalInt(completed)
	})
}

// add takes a row that goes by, and reports whether more are wanted.
func (w *itemWindow) add(turnID, itemID string, fill func(r *ItemRow)) bool {
	if w.o.TurnID != "" && turnID != w.o.TurnID {
		return true
	}
	here := w.at.ItemID != "" && w.at.ItemID == itemID && (w.at.TurnID == "" || w.at.TurnID == turnID)
	w.found = w.found || here
	switch {
	case here && !w.at.Include:
		w.started = true
		return true
	case here:
		w.started = true
	case !w.started:
		return true
	}
	if w.o.Limit > 0 && len(w.rows) == w.o.Limit {
		w.more = true
		return false
	}
	w.rows = append(w.rows, ItemRow{TurnID: turnID, ItemID: itemID})
	fill(&w.rows[len(w.rows)-1])
	return true
}

func (w *itemWindow) page() (p ItemPage, err error) {
	if w.at != (anchor{}) && !w.found {
		return p, fmt.Errorf("%w: no item %s", ErrBadCursor, w.at.ItemID)
	}
	p.Items = w.rows
	if n := len(w.rows); n > 0 {
		first, last := w.rows[0], w.rows[n-1]
		p.Backwards = anchor{first.TurnID, first.ItemID, true}.String()
		if w.more {
			p.Next = anchor{last.TurnID, last.ItemID, false}.String()
		}
	}
	return p, nil
}
