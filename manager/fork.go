package manager

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/model"
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
	Snapshot     ForkSnapshot // instead of a turn id; nil keeps everything, as Interrupted does
	ExcludeTurns bool         // leave the turns out of the view
	ThreadSource string
}

// Fork makes a new thread that has seen what another has, up to a cut. A turn
// that runs in the source is interrupted in the fork. What a fork costs does not
// depend on the length of its source, unless that one is a legacy thread or lies
// outside of the home: then it is copied.
func (m *Manager) Fork(ctx context.Context, p ForkParams) (*Resumed, error) {
	if p.LastTurnID != nil && p.BeforeTurnID != nil {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "`beforeTurnId` cannot be combined with `lastTurnId`", Remedy: "name one of them"}
	}
	if p.Snapshot != nil && (p.LastTurnID != nil || p.BeforeTurnID != nil) {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "a snapshot cannot be combined with a turn id", Remedy: "name one of them"}
	}
	o, err := m.origin(p)
	if err != nil {
		return nil, err
	}
	if p.Ephemeral && !p.ExcludeTurns && o.meta.HistoryMode == rollout.ModePaginated {
		return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "ephemeral paginated thread/fork requires `excludeTurns: true`", Remedy: "set excludeTurns, and read the turns from the source"}
	}
	return m.forkOrigin(ctx, p, o)
}

// An origin is what a fork begins with.
type origin struct {
	meta    rollout.Meta // of the source
	cut     rollout.Cut
	history *rollout.History // of the source, where it had to be read
	moment  *thread.Moment   // of a source that is live and idle, and forked as a whole
}

// origin decides where a fork ends, reading no more than that takes.
func (m *Manager) origin(p ForkParams) (o origin, err error) {
	ref := p.Path
	if ref == "" {
		if err := checkID(p.ThreadID, "session"); err != nil {
			return o, err
		}
		ref = p.ThreadID
	}
	l := m.liveAt(ref)
	if l != nil {
		now := l.thread.Moment()
		if !now.Started || l.path == "" {
			return o, noRollout(l.id)
		}
		if p.LastTurnID != nil && *p.LastTurnID == now.ActiveTurn {
			return o, &thread.Refusal{Kind: thread.KindThreadBusy, Message: "lastTurnId '" + now.ActiveTurn + "' identifies an in-progress turn", Remedy: "wait for its end, or fork before it"}
		}
		ref = l.path
		if p.LastTurnID == nil && p.BeforeTurnID == nil && p.Snapshot == nil && now.Past != nil && l.meta.HistoryMode == rollout.ModePaginated && m.store.Refers(now.At) {
			return origin{meta: l.recordedMeta(now), cut: rollout.Cut{At: now.At}, moment: &now}, nil
		}
	}
	switch {
	case p.Snapshot != nil:
		return m.snapshotOrigin(ref, p)
	case p.LastTurnID != nil:
		o.meta, o.cut, err = m.store.CutAt(ref, *p.LastTurnID, true)
	case p.BeforeTurnID != nil:
		o.meta, o.cut, err = m.store.CutAt(ref, *p.BeforeTurnID, false)
	default:
		var end rollout.Tail
		end, err = m.store.Tail(ref)
		o.meta, o.cut = end.Meta, end.Cut()
	}
	if errors.Is(err, rollout.ErrTurnNotFound) {
		return o, turnNotFound(value(p.LastTurnID) + value(p.BeforeTurnID))
	}
	if err != nil {
		return o, storeRefusal(err, p.ThreadID)
	}
	if o.meta.HistoryMode == rollout.ModeLegacy || !o.cut.Empty && !m.store.Refers(o.cut.At) {
		if o.history, err = m.store.Read(ref); err != nil {
			return o, storeRefusal(err, p.ThreadID)
		}
	}
	return o, nil
}

// liveAt is the live thread with an id or with a path; nil if there is none.
func (m *Manager) liveAt(ref string) *live {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.threads[ref]; l != nil {
		return l
	}
	for _, l := range m.threads {
		if l.path != "" && l.path == ref {
			return l
		}
	}
	return nil
}

// recordedMeta is what the thread's file says first.
func (l *live) recordedMeta(now thread.Moment) rollout.Meta {
	meta := l.meta
	meta.Git = recordedGit(now.Git)
	return meta
}

func turnNotFound(id string) error {
	return &thread.Refusal{Kind: thread.KindTurnNotFound, Message: "turn not found: " + id, Remedy: "list the turns with thread/turns/list"}
}

// forkOrigin makes the fork.
func (m *Manager) forkOrigin(ctx context.Context, p ForkParams, o origin) (*Resumed, error) {
	meta := m.forkMeta(o.meta, p.ThreadSource)
	if p.Ephemeral {
		return m.forkEphemeral(ctx, p, meta, o)
	}
	if p.Snapshot != nil && o.cut.Empty {
		recorder, fresh, err := m.freshFork(meta)
		if err != nil {
			return nil, storeRefusal(err, meta.ID)
		}
		return m.adopt(ctx, ResumeParams{Wanted: p.Wanted, ExcludeTurns: true}, recorder, fresh)
	}
	var recorder *rollout.Recorder
	var err error
	if o.history != nil {
		recorder, err = m.store.Fork(meta, o.history, o.cut)
	} else {
		recorder, err = m.store.ForkAt(meta, o.meta.ID, o.cut)
	}
	if err != nil {
		return nil, storeRefusal(err, o.meta.ID)
	}
	r, err := m.forked(recorder, o.moment)
	if err != nil {
		return nil, errors.Join(storeRefusal(err, meta.ID), recorder.Close())
	}
	return m.adopt(ctx, ResumeParams{Wanted: p.Wanted, ExcludeTurns: p.ExcludeTurns}, recorder, r)
}

// forkMeta is what the fork's file says of it.
func (m *Manager) forkMeta(source rollout.Meta, threadSource string) rollout.Meta {
	meta := source
	meta.ID = uuid.Must(uuid.NewV7()).String()
	meta.SessionID, meta.ForkedFromID, meta.ForkedFromEnd, meta.Base = meta.ID, source.ID, nil, nil
	meta.Timestamp, meta.Originator, meta.CLIVersion = m.now(), m.introduced().Originator, m.opts.Version
	meta.ContextWindowID = uuid.Must(uuid.NewV7()).String()
	meta.ThreadSource = threadSource
	return meta
}

// forked is how a fork begins that was just written: as its source stands, or as
// its own file says.
func (m *Manager) forked(recorder *rollout.Recorder, source *thread.Moment) (recalled, error) {
	if source == nil {
		end, err := m.store.Tail(recorder.Path())
		if err != nil {
			return recalled{}, err
		}
		r := m.fromTail(end)
		if end.Meta.HistoryMode == rollout.ModeLegacy { // written line by line: there is nothing to put off
			r.items, err = r.recall()
			r.recall = nil
		}
		return r, err
	}
	r := recalled{meta: recorder.Meta(), model: source.Settings.Model, effort: source.Settings.Effort, preview: source.Preview,
		lastTurn: source.LastTurn, live: &source.Settings, updated: m.now(), past: source.Past}
	if source.Usage != (model.Usage{}) {
		r.usage, r.last = &source.Usage, &source.LastUsage
	}
	return r, nil
}

// forkEphemeral keeps the fork in memory.
func (m *Manager) forkEphemeral(ctx context.Context, p ForkParams, meta rollout.Meta, o origin) (*Resumed, error) {
	r := recalled{}
	switch {
	case o.moment != nil:
		r.past, r.lastTurn, r.preview, r.live = o.moment.Past, o.moment.LastTurn, o.moment.Preview, &o.moment.Settings
		r.model, r.effort = r.live.Model, r.live.Effort
		r.usage, r.last = &o.moment.Usage, &o.moment.LastUsage
	case !o.cut.Empty:
		h, err := m.store.ReadUntil(o.cut.At)
		if err != nil {
			return nil, storeRefusal(err, o.meta.ID)
		}
		r = fromHistory(h)
		r.items = append(r.items[:len(r.items):len(r.items)], o.cut.Items()...)
	}
	r.meta = meta
	opened, err := m.reopen(ctx, ResumeParams{Wanted: p.Wanted}, nil, r)
	if err != nil {
		return nil, err
	}
	return &Resumed{Opened: *opened, lastTurnID: r.lastTurn}, nil
}

// Revert drops a turn of a thread and all that came after it. The thread goes on
// in a new file; the old one stays.
func (m *Manager) Revert(ctx context.Context, id, beforeTurnID string) (*Resumed, error) {
	if err := checkID(id, "session"); err != nil {
		return nil, err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
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
	r, err := m.adopt(ctx, ResumeParams{ExcludeTurns: true}, recorder, fromHistory(history)) // also when it could not be reverted: it was loaded
	if err != nil {
		return nil, errors.Join(why, err)
	}
	m.tellStatus(ctx, id, r.View.Status)
	m.cursors(r, history.LastTurnID)
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
