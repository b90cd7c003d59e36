package manager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ResumeParams name a thread and what it shall be like from now on.
type ResumeParams struct {
	Wanted
	ThreadID     string
	Path         string                  // of a rollout; wins over ThreadID where that one is not loaded
	History      []protocol.ResponseItem // makes a new thread of these items instead
	ExcludeTurns bool                    // leave the turns out of the view
	InitialPage  *protocol.ThreadResumeInitialTurnsPageParams

	seat *agent // of a thread that comes back as an agent
}

// A Resumed thread is one that a client joins.
type Resumed struct {
	Opened
	// TurnsCursor and ItemsCursor page backwards from the thread's end; nil
	// without turns.
	TurnsCursor, ItemsCursor *string
	// InitialPage is the page of turns that the client asked for.
	InitialPage *protocol.TurnsPage
	// Damage is what the client is to be told of records that could not be read;
	// nil where all could be, or nobody has looked yet.
	Damage *protocol.WarningNotification

	lastTurnID string // the last one whose tokens were counted
}

// Resume loads a stored thread, or joins a live one, whose settings stay.
func (m *Manager) Resume(ctx context.Context, p ResumeParams) (*Resumed, error) {
	if p.History != nil {
		return m.resumeHistory(ctx, p)
	}
	if p.Path == "" {
		if err := checkID(p.ThreadID, "session"); err != nil {
			return nil, err
		}
	}
	unlock, err := m.loading.lock(ctx, or(nonEmpty(p.ThreadID), p.Path))
	if err != nil {
		return nil, err
	}
	defer unlock() // whoever asks for the same thread meanwhile then finds it loaded
	var r *Resumed
	if l := m.loaded(p.ThreadID); l != nil {
		m.restless(l) // who joins it is about to subscribe
		r, err = m.rejoin(l, p)
	} else {
		r, err = m.resumeStored(ctx, p)
	}
	if err == nil && p.InitialPage != nil {
		r.InitialPage, err = m.initialPage(ctx, r.View.ID, p.InitialPage)
	}
	return r, err
}

// initialPage is a page of turns that comes with the answer.
func (m *Manager) initialPage(ctx context.Context, id string, p *protocol.ThreadResumeInitialTurnsPageParams) (*protocol.TurnsPage, error) {
	page, err := m.Turns(ctx, &protocol.ThreadTurnsListParams{ThreadID: id, ItemsView: p.ItemsView, Limit: p.Limit, SortDirection: p.SortDirection})
	if err != nil {
		return nil, err
	}
	return &protocol.TurnsPage{Data: page.Data, NextCursor: page.NextCursor, BackwardsCursor: page.BackwardsCursor}, nil
}

func (m *Manager) loaded(id string) *live {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.threads[id]
}

// rejoin is a live thread as it stands, with the turn that runs.
func (m *Manager) rejoin(l *live, p ResumeParams) (*Resumed, error) {
	s := l.thread.Snapshot()
	if p.Path != "" && p.Path != l.path {
		return nil, &thread.Refusal{Kind: thread.KindThreadBusy, Remedy: "resume it without a path",
			Message: fmt.Sprintf("cannot resume running thread %s with stale path: requested `%s`, active `%s`", l.thread.ID(), p.Path, l.path)}
	}
	if !s.Started {
		return nil, noRollout(l.thread.ID())
	}
	r := &Resumed{Opened: Opened{Thread: l.thread, View: m.liveView(l), Settings: s.Settings, Instructions: m.instructions(l.config)(s.Settings.Cwd), live: l}, lastTurnID: s.LastTurn}
	if p.ExcludeTurns {
		r.lastTurnID = "" // who joins without turns has no use for what they cost
	}
	if l.path == "" {
		return r, nil
	}
	if end, err := m.store.Tail(l.path); err == nil {
		m.cursors(r, end.LastTurnID)
	}
	if !p.ExcludeTurns {
		turns, err := m.liveTurns(l)
		if err != nil {
			return nil, err
		}
		r.View.Turns = turns
	}
	return r, nil
}

// cursors gives the client the places from which it pages backwards. Without
// turns, and in legacy threads, there are none.
func (m *Manager) cursors(r *Resumed, lastTurn string) {
	ref := value(r.View.Path)
	if ref == "" || lastTurn == "" || r.View.HistoryMode != protocol.ThreadHistoryModePaginated {
		return
	}
	r.TurnsCursor = ptr(rollout.TurnCursor(lastTurn))
	if page, err := m.store.Items(ref, rollout.PageOptions{Limit: 1}); err == nil {
		r.ItemsCursor = nonEmpty(page.Backwards)
	}
}

// resumeStored loads a thread from its file.
func (m *Manager) resumeStored(ctx context.Context, p ResumeParams) (*Resumed, error) {
	ref := p.ThreadID
	if p.Path != "" {
		ref = p.Path
	}
	if p.Path != "" {
		if _, err := os.Stat(p.Path); err != nil {
			return nil, &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "failed to resolve rollout path `" + p.Path + "`: file does not exist", Remedy: "name an existing file, or resume by id"}
		}
	}
	recorder, end, err := m.store.OpenTail(ref)
	if err != nil {
		return nil, storeRefusal(err, p.ThreadID)
	}
	r, err := m.adopt(ctx, p, recorder, m.fromTail(end))
	if err != nil {
		return nil, err
	}
	m.cursors(r, end.LastTurnID)
	m.tellStatus(ctx, r.View.ID, r.View.Status)
	return r, nil
}

// adopt makes a live thread of a recorder, which it owns, and of how the thread
// was left.
func (m *Manager) adopt(ctx context.Context, p ResumeParams, recorder *rollout.Recorder, was recalled) (*Resumed, error) {
	opened, err := m.reopen(ctx, p, recorder, was)
	if err != nil {
		return nil, err
	}
	r := &Resumed{Opened: *opened, lastTurnID: was.lastTurn}
	r.View.UpdatedAt = was.updated.Unix()
	r.View.RecencyAt = ptr(was.updated.Unix())
	if !p.ExcludeTurns {
		if r.View.Turns, r.Damage, err = m.storedTurns(recorder.Path()); err != nil {
			return nil, err
		}
		r.live.damaged(r.Damage)
	}
	return r, nil
}

// reopen brings a stored thread to life: with what it last ran with, unless the
// client wants something else. It owns the recorder, which is nil for a thread
// that shall be ephemeral.
func (m *Manager) reopen(ctx context.Context, p ResumeParams, recorder *rollout.Recorder, was recalled) (*Opened, error) {
	w := p.Wanted
	if w.Cwd == "" {
		w.Cwd = was.meta.Cwd
	}
	if w.Provider == nil && was.meta.ModelProvider != "" {
		w.Provider = &was.meta.ModelProvider
	}
	if w.Model == nil && was.model != "" {
		w.Model = &was.model
	}
	if w.BaseInstructions == nil && was.live != nil && was.live.BaseInstructions != "" {
		w.BaseInstructions = &was.live.BaseInstructions // shared: it is long, and every fork has it
	}
	if w.BaseInstructions == nil {
		w.BaseInstructions = recordedInstructions(was.meta.Instructions)
	}
	cwd := m.absolute(w.Cwd)
	query := config.Query{Cwd: cwd, Overrides: w.Config}
	if p.seat != nil {
		query.Role = p.seat.roleFile
	}
	cfg, err := m.load(ctx, query)
	if err != nil {
		return nil, errors.Join(err, closeRecorder(recorder))
	}
	settings, err := m.settings(cfg, cwd, w)
	if err != nil {
		return nil, errors.Join(err, closeRecorder(recorder))
	}
	if was.effort != "" {
		settings.Effort = was.effort
	}
	settings = was.mode(settings)
	spec := was.spec(settings, recorder, m.introduced())
	if p.seat != nil {
		spec.Subagent, spec.ParentThreadID = "collab_spawn", p.seat.parentID
		spec.AgentType, spec.ParentTranscript = cmp.Or(was.meta.AgentRole, defaultRole), p.seat.parentPath
	}
	return m.openAs(ctx, spec, was.meta, cfg, p.seat)
}

// recordedInstructions is the text that a thread was started with.
func recordedInstructions(raw json.RawMessage) *string {
	var base struct{ Text *string }
	if len(raw) == 0 || json.Unmarshal(raw, &base) != nil {
		return nil
	}
	return base.Text
}

// resumeHistory makes a new thread that has seen the given items. It is stored at
// once, so that nobody who was told of it loses it; lists show it from its first
// turn on.
func (m *Manager) resumeHistory(ctx context.Context, p ResumeParams) (*Resumed, error) {
	if len(p.History) == 0 {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "history must not be empty", Remedy: "send at least one item, or start a new thread"}
	}
	var was recalled
	records := make([]rollout.Record, len(p.History))
	for i, item := range p.History {
		raw, err := protocol.Append(nil, item)
		if err != nil {
			return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: fmt.Sprintf("history[%d] is not a valid response item: %v", i, err), Remedy: "send items of the Responses API"}
		}
		was.items = append(was.items, raw)
		records[i] = rollout.ResponseItem(raw)
	}
	was.preview = rollout.Preview(was.items)
	cwd := m.absolute(p.Cwd)
	cfg, err := m.load(ctx, config.Query{Cwd: cwd, Overrides: p.Config})
	if err != nil {
		return nil, err
	}
	settings, err := m.settings(cfg, cwd, p.Wanted)
	if err != nil {
		return nil, err
	}
	was.meta = m.newMeta(uuid.Must(uuid.NewV7()).String(), settings, cfg, StartParams{})
	recorder, err := m.store.Create(was.meta)
	if err == nil {
		was.meta, was.updated = recorder.Meta(), m.now()
		err = recorder.Materialize(records...)
	}
	if err != nil {
		return nil, errors.Join(storeRefusal(err, was.meta.ID), closeRecorder(recorder))
	}
	p.ExcludeTurns = true // there are none
	r, err := m.adopt(ctx, p, recorder, was)
	if err != nil {
		return nil, err
	}
	m.tellStatus(ctx, r.View.ID, r.View.Status)
	return r, nil
}

func notFound(err error) bool { return errors.Is(err, rollout.ErrNotFound) }

// noRollout refuses a thread that has no file.
func noRollout(id string) error {
	return &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "no rollout found for thread id " + id,
		Remedy: "a thread is stored from its first turn on; list what is there with thread/list"}
}

// storeRefusal is why a stored thread cannot be had, as the client is told it.
func storeRefusal(err error, id string) error {
	var locked *rollout.LockedError
	switch {
	case errors.As(err, &locked):
		return &Locked{Owner: locked.Owner, Refusal: &thread.Refusal{Kind: thread.KindThreadBusy, Message: locked.Error(), Remedy: lockedRemedy(locked.Owner)}}
	case errors.Is(err, rollout.ErrArchived):
		return &thread.Refusal{Kind: thread.KindInvalidRequest, Remedy: "call thread/unarchive first",
			Message: fmt.Sprintf("session %s is archived. Run `codex unarchive %s` to unarchive it first.", id, id)}
	case errors.Is(err, rollout.ErrNotFound):
		return noRollout(id)
	default:
		return &thread.Refusal{Kind: thread.KindStorage, Message: err.Error(), Remedy: "look at the file that is named"}
	}
}

// storedTurns are all turns of a thread's file, as they are passed on, and what is
// to be told of records that could not be read.
func (m *Manager) storedTurns(ref string) ([]protocol.Turn, *protocol.WarningNotification, error) {
	page, err := m.store.Turns(ref, rollout.PageOptions{Ascending: true})
	return page.Turns, damage(page.Warnings), err
}

// liveTurns are the turns of a live thread, from its file; the one that runs
// now is in progress.
func (m *Manager) liveTurns(l *live) ([]protocol.Turn, error) {
	turns, _, err := m.storedTurns(l.path)
	if err != nil {
		return nil, storeRefusal(err, l.thread.ID())
	}
	running(turns, l)
	return turns, nil
}

// running shows the turn that runs as in progress: in the file it is one that was
// cut short. So is, of a review, what its reviewer does.
func running(turns []protocol.Turn, l *live) {
	active := l.thread.Snapshot().ActiveTurn
	for i := range turns {
		if t := &turns[i]; t.ID == active || active != "" && t.CompletedAt == nil && value(t.RootTurnID) == active {
			t.Status, t.CompletedAt, t.DurationMs = protocol.TurnStatusInProgress, nil, nil
		}
	}
}

// Resumed tells of a thread whose resumption has been answered.
func (m *Manager) Resumed(ctx context.Context, r *Resumed) {
	m.Forked(ctx, r)
	r.Thread.ReadAhead() // whoever resumes a thread goes on with it
}

// Forked tells what a fork has used, once it has been answered.
func (m *Manager) Forked(ctx context.Context, r *Resumed) {
	r.live.begin()
	m.warnOf(ctx, r.View.ID, r.Damage)
	if s := r.Thread.Snapshot(); s.Usage != (model.Usage{}) && r.lastTurnID != "" {
		info, _ := m.models.catalog(r.live.config).Lookup(s.Settings.Model)
		m.hub.Event(ctx, thread.Event{Thread: r.View.ID, Kind: thread.Told, Method: "thread/tokenUsage/updated",
			Params: &protocol.ThreadTokenUsageUpdatedNotification{ThreadID: r.View.ID, TurnID: r.lastTurnID,
				TokenUsage: thread.TokenUsage(s.Usage, s.LastUsage, info.UsableWindow())}})
	}
}
