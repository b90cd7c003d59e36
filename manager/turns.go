package manager

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// defaultTurns is how many turns a page has unless the client says.
const defaultTurns = 25

// A turnCursor names a turn of a thread, and whether a page begins with it or
// behind it.
type turnCursor struct {
	TurnID        string `json:"turnId"`
	IncludeAnchor bool   `json:"includeAnchor"`
}

func (c turnCursor) text() *string {
	b, _ := json.Marshal(c) // a string and a boolean always have a JSON form
	s := string(b)
	return &s
}

// endCursor pages backwards from the end of a thread; nil without turns.
func endCursor(lastTurnID string) *string {
	if lastTurnID == "" {
		return nil
	}
	return turnCursor{lastTurnID, true}.text()
}

// from is what a cursor leaves of a list of turns.
func (c turnCursor) from(turns []protocol.Turn) ([]protocol.Turn, bool) {
	at := slices.IndexFunc(turns, func(t protocol.Turn) bool { return t.ID == c.TurnID })
	if at < 0 {
		return nil, false
	}
	if !c.IncludeAnchor {
		at++
	}
	return turns[at:], true
}

// Turns is a page of a thread's turns.
func (m *Manager) Turns(ctx context.Context, p *protocol.ThreadTurnsListParams) (*protocol.ThreadTurnsListResponse, error) {
	if l := m.loaded(p.ThreadID); l != nil && l.path == "" {
		return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "ephemeral threads do not support thread/turns/list", Remedy: "follow the thread's notifications, or start it without ephemeral"}
	}
	v, err := m.Read(ctx, p.ThreadID, true)
	if err != nil {
		return nil, err
	}
	turns := v.Turns
	if p.SortDirection == nil || *p.SortDirection == protocol.SortDirectionDesc {
		slices.Reverse(turns)
	}
	if p.Cursor != nil {
		var c turnCursor
		known := json.Unmarshal([]byte(*p.Cursor), &c) == nil
		if known {
			turns, known = c.from(turns)
		}
		if !known {
			return nil, badCursor(*p.Cursor)
		}
	}
	limit := defaultTurns
	if p.Limit != nil {
		limit = max(int(*p.Limit), 1)
	}
	r := &protocol.ThreadTurnsListResponse{}
	if len(turns) > limit {
		turns = turns[:limit]
		r.NextCursor = turnCursor{TurnID: turns[limit-1].ID}.text()
	}
	if len(turns) > 0 {
		r.BackwardsCursor = turnCursor{turns[0].ID, true}.text()
	}
	view := protocol.TurnItemsViewSummary
	if p.ItemsView != nil {
		view = *p.ItemsView
	}
	for _, t := range turns {
		r.Data = append(r.Data, viewed(t, view))
	}
	return r, nil
}

func badCursor(cursor string) error {
	return &thread.Refusal{Kind: thread.KindInvalidInput, Message: "invalid cursor: " + cursor, Remedy: "pass a cursor of an earlier page, or none"}
}

// viewed is a turn with as many of its items as a view shows.
func viewed(t protocol.Turn, view protocol.TurnItemsView) protocol.Turn {
	t.ItemsView = view
	switch view {
	case protocol.TurnItemsViewNotLoaded:
		t.Items = nil
	case protocol.TurnItemsViewSummary:
		t.Items = summary(t.Items)
	}
	return t
}

// summary is what the user said first and what the model said last.
func summary(items []protocol.ThreadItem) []protocol.ThreadItem {
	var out []protocol.ThreadItem
	for _, item := range items {
		if _, ok := item.(*protocol.ThreadItemUserMessage); ok {
			out = append(out, item)
			break
		}
	}
	for _, item := range slices.Backward(items) {
		if _, ok := item.(*protocol.ThreadItemAgentMessage); ok {
			return append(out, item)
		}
	}
	return out
}
