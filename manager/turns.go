package manager

import (
	"context"
	"errors"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// How many turns and items a page has unless the client says.
const (
	defaultTurns = 25
	defaultItems = 25
)

// What is paged, in the wire's words.
const (
	turnsMethod = "thread/turns/list"
	itemsMethod = "thread/items/list"
)

// Turns is a page of a thread's turns, newest first unless asked otherwise. It
// reads as much of the thread's file as the page is away from its end.
func (m *Manager) Turns(ctx context.Context, p *protocol.ThreadTurnsListParams) (*protocol.ThreadTurnsListResponse, error) {
	ref, l, err := m.pageable(p.ThreadID, turnsMethod)
	if err != nil {
		return nil, err
	}
	o := rollout.PageOptions{Limit: defaultTurns, Cursor: value(p.Cursor), View: protocol.TurnItemsViewSummary,
		Ascending: value(p.SortDirection) == protocol.SortDirectionAsc}
	if p.Limit != nil {
		o.Limit = max(int(*p.Limit), 1)
	}
	if p.ItemsView != nil {
		o.View = *p.ItemsView
	}
	page, err := m.store.Turns(ref, o)
	if err != nil {
		return nil, pageRefusal(err, p.ThreadID, o.Cursor)
	}
	if l != nil {
		running(page.Turns, l)
	}
	return &protocol.ThreadTurnsListResponse{Data: page.Turns, NextCursor: nonEmpty(page.Next), BackwardsCursor: nonEmpty(page.Backwards)}, nil
}

// Items is a page of a thread's finished items, oldest first unless asked
// otherwise.
func (m *Manager) Items(ctx context.Context, p *protocol.ThreadItemsListParams) (*protocol.ThreadItemsListResponse, error) {
	ref, _, err := m.pageable(p.ThreadID, itemsMethod)
	if err != nil {
		return nil, err
	}
	o := rollout.PageOptions{Limit: defaultItems, TurnID: value(p.TurnID), Ascending: p.SortDirection == nil || *p.SortDirection == protocol.SortDirectionAsc}
	if p.Limit != nil {
		o.Limit = max(int(*p.Limit), 1)
	}
	switch c := p.Cursor.(type) {
	case protocol.ThreadItemsListCursorString:
		o.Cursor = string(c)
	case *protocol.ThreadItemsListCursorObject:
		if item, ok := c.Value.(*protocol.ThreadItemsListAnchorItem); ok {
			o.Cursor = rollout.ItemCursor(item.ItemID)
		}
	}
	page, err := m.store.Items(ref, o)
	if err != nil {
		return nil, pageRefusal(err, p.ThreadID, o.Cursor)
	}
	r := &protocol.ThreadItemsListResponse{NextCursor: nonEmpty(page.Next), BackwardsCursor: nonEmpty(page.Backwards)}
	for _, row := range page.Items {
		r.Data = append(r.Data, protocol.ThreadItemEntry{TurnID: row.TurnID, Item: row.Item, StartedAtMs: row.Started, CompletedAtMs: row.Completed})
	}
	return r, nil
}

// pageable is the file of a thread that has one, and the thread if it is live.
func (m *Manager) pageable(id, method string) (ref string, l *live, err error) {
	if err := checkID(id, "thread"); err != nil {
		return "", nil, err
	}
	l = m.loaded(id)
	switch {
	case l == nil:
		return id, nil, nil
	case l.path == "" && method == turnsMethod:
		return "", l, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "ephemeral threads do not support " + method, Remedy: "follow the thread's notifications, or start it without ephemeral"}
	case l.path == "":
		return "", l, ErrNoItems
	case !l.thread.Snapshot().Started && method == turnsMethod:
		return "", l, ErrNoTurns
	case !l.thread.Snapshot().Started:
		return "", l, ErrNoItems
	}
	return l.path, l, nil
}

// pageRefusal is why a page cannot be had.
func pageRefusal(err error, id, cursor string) error {
	switch {
	case errors.Is(err, rollout.ErrBadCursor):
		return &thread.Refusal{Kind: thread.KindInvalidInput, Message: "invalid cursor: " + cursor, Remedy: "pass a cursor of an earlier page, or none"}
	case notFound(err):
		return &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "thread not loaded: " + id, Remedy: "list what is stored with thread/list"}
	}
	return storeRefusal(err, id)
}
