package manager

import (
	"context"
	"slices"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// defaultTurns is how many turns a page has unless the client says.
const defaultTurns = 25

// Turns is a page of a thread's turns. Cursors are ids of turns; a page begins
// behind the one that its cursor names.
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
		at := slices.IndexFunc(turns, func(t protocol.Turn) bool { return t.ID == *p.Cursor })
		if at < 0 {
			return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "invalid cursor: " + *p.Cursor, Remedy: "pass nextCursor of the page before, or none"}
		}
		turns = turns[at+1:]
	}
	limit := defaultTurns
	if p.Limit != nil {
		limit = max(int(*p.Limit), 1)
	}
	r := &protocol.ThreadTurnsListResponse{}
	if len(turns) > limit {
		turns = turns[:limit]
		r.NextCursor = &turns[limit-1].ID
	}
	if len(turns) > 0 {
		r.BackwardsCursor = &turns[0].ID
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
