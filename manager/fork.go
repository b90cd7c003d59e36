package manager

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ForkParams say which thread to copy, how much of it, and what the copy shall
// be like.
type ForkParams struct {
	Wanted
	ThreadID     string
	Path         string  // of a rollout; wins over ThreadID
	LastTurnID   *string // the last turn to keep
	BeforeTurnID *string // the first turn to leave out
	Ephemeral    bool
	ExcludeTurns bool // leave the turns out of the view
	ThreadSource string
}

// Fork makes a new thread that has seen what another has, up to a cut. A turn
// that runs in the source is interrupted in the fork.
func (m *Manager) Fork(ctx context.Context, p ForkParams) (*Resumed, error) {
	if p.LastTurnID != nil && p.BeforeTurnID != nil {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "`beforeTurnId` cannot be combined with `lastTurnId`", Remedy: "name one of them"}
	}
	source, err := m.forkSource(p)
	if err != nil {
		return nil, err
	}
	if p.Ephemeral && !p.ExcludeTurns && source.Meta.HistoryMode == rollout.ModePaginated {
		return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "ephemeral paginated thread/fork requires `excludeTurns: true`", Remedy: "set excludeTurns, and read the turns from the source"}
	}
	cut, err := m.cut(source, p)
	if err != nil {
		return nil, err
	}
	return m.forkAt(ctx, p, source, cut)
}

// forkSource is the history to fork.
func (m *Manager) forkSource(p ForkParams) (*rollout.History, error) {
	ref := p.Path
	if ref == "" {
		if err := checkID(p.ThreadID, "session"); err != nil {
			return nil, err
		}
		ref = p.ThreadID
		if l := m.loaded(ref); l != nil {
			if !l.thread.Snapshot().Started {
				return nil, noRollout(ref)
			}
			ref = l.path
		}
	}
	h, err := m.store.Read(ref)
	if err != nil {
		return nil, storeRefusal(err, p.ThreadID)
	}
	return h, nil
}

// cut decides where the fork ends.
func (m *Manager) cut(h *rollout.History, p ForkParams) (rollout.Cut, error) {
	var cut rollout.Cut
	var err error
	var id string
	switch {
	case p.LastTurnID != nil:
		id = *p.LastTurnID
		if l := m.loaded(h.Meta.ID); l != nil && l.thread.Snapshot().ActiveTurn == id {
			return cut, &thread.Refusal{Kind: thread.KindThreadBusy, Message: "lastTurnId '" + id + "' identifies an in-progress turn", Remedy: "wait for its end, or fork before it"}
		}
		cut, err = h.CutAfterTurn(id)
	case p.BeforeTurnID != nil:
		id = *p.BeforeTurnID
		cut, err = h.CutBeforeTurn(id)
	default:
		cut = h.CutAtEnd()
	}
	if errors.Is(err, rollout.ErrTurnNotFound) {
		return cut, turnNotFound(id)
	}
	return cut, err
}

func turnNotFound(id string) error {
	return &thread.Refusal{Kind: thread.KindTurnNotFound, Message: "turn not found: " + id, Remedy: "list the turns with thread/turns/list"}
}

// forkAt writes the fork, reads back what it has seen, and brings it to life.
func (m *Manager) forkAt(ctx context.Context, p ForkParams, source *rollout.History, cut rollout.Cut) (*Resumed, error) {
	meta := source.Meta
	meta.ID = uuid.Must(uuid.NewV7()).String()
	meta.SessionID, meta.ForkedFromID, meta.ForkedFromEnd, meta.Base = meta.ID, source.Meta.ID, nil, nil
	meta.Timestamp, meta.Originator, meta.CLIVersion = m.now(), m.introduced().Originator, m.opts.Version
	meta.ContextWindowID = uuid.Must(uuid.NewV7()).String()
	meta.ThreadSource = p.ThreadSource
	recorder, err := m.store.Fork(meta, source, cut)
	if err != nil {
		return nil, storeRefusal(err, source.Meta.ID)
	}
	history, err := m.store.Read(recorder.Path())
	if err != nil {
		return nil, errors.Join(storeRefusal(err, meta.ID), recorder.Close())
	}
	if p.Ephemeral {
		return m.forkEphemeral(ctx, p, recorder, history)
	}
	return m.adopt(ctx, ResumeParams{Wanted: p.Wanted, ExcludeTurns: p.ExcludeTurns}, recorder, history)
}

// forkEphemeral keeps the fork in memory: its file was only a way to cut.
func (m *Manager) forkEphemeral(ctx context.Context, p ForkParams, recorder *rollout.Recorder, h *rollout.History) (*Resumed, error) {
	id := recorder.ID()
	if err := recorder.Close(); err != nil {
		return nil, storeRefusal(err, id)
	}
	if _, err := m.store.Delete(id); err != nil {
		return nil, storeRefusal(err, id)
	}
	opened, err := m.reopen(ctx, ResumeParams{Wanted: p.Wanted}, nil, h)
	if err != nil {
		return nil, err
	}
	return &Resumed{Opened: *opened, lastTurnID: h.LastTurnID}, nil
}

// Revert drops a turn of a thread and all that came after it. The thread goes on
// in a new file; the old one stays.
func (m *Manager) Revert(ctx context.Context, id, beforeTurnID string) (*Resumed, error) {
	if err := checkID(id, "session"); err != nil {
		return nil, err
	}
	if l := m.loaded(id); l != nil && !l.thread.Snapshot().Started {
		return nil, noRollout(id)
	}
	if err := m.unload(ctx, id); err != nil {
		return nil, err
	}
	recorder, history, err := m.store.Open(id)
	if err != nil {
		return nil, storeRefusal(err, id)
	}
	cut, why := history.CutBeforeTurn(beforeTurnID)
	if why == nil {
		if why = recorder.Revert(cut.At); why == nil {
			history, why = m.store.Read(recorder.Path())
		}
	} else if errors.Is(why, rollout.ErrTurnNotFound) {
		why = turnNotFound(beforeTurnID)
	}
	if history == nil {
		return nil, errors.Join(why, recorder.Close())
	}
	r, err := m.adopt(ctx, ResumeParams{ExcludeTurns: true}, recorder, history) // also when it could not be reverted: it was loaded
	if err != nil {
		return nil, errors.Join(why, err)
	}
	m.tellStatus(ctx, id, r.View.Status)
	if why != nil {
		r.live.begin()
		return nil, why
	}
	return r, nil
}

// Reverted tells that a thread was reverted.
func (m *Manager) Reverted(ctx context.Context, r *Resumed) {
	r.live.begin()
	m.hub.announce(ctx, "thread/reverted", &protocol.ThreadRevertedNotification{ThreadID: r.View.ID})
}
