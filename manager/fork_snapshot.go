package manager

import (
	"math"

	"github.com/codexhost/codexhost/rollout"
)

// A ForkSnapshot says how much of its source a fork has seen, for callers of the
// Go API; the wire names turns instead.
type ForkSnapshot interface {
	cut(h *rollout.History) rollout.Cut
}

// TruncateBeforeNthUserMessage keeps what came before the nth message of the user,
// counted from 0. Where there is no such message it keeps everything, except a
// turn that still runs. Messages that a rollback took back do not count; neither
// does what the host said in the user's name. If nothing is left, the fork is a
// new thread, of no origin.
type TruncateBeforeNthUserMessage int

func (n TruncateBeforeNthUserMessage) cut(h *rollout.History) rollout.Cut {
	return h.CutBeforeUserMessage(int(n))
}

// OutOfRange is a TruncateBeforeNthUserMessage of no thread: all but a running turn
// is kept.
const OutOfRange = TruncateBeforeNthUserMessage(math.MaxInt)

// Interrupted keeps everything, as if the source had been interrupted now: where a
// turn runs, the fork has the marker of an interrupt and the turn's end.
type Interrupted struct{}

func (Interrupted) cut(h *rollout.History) rollout.Cut { return h.CutAtEnd() }

// ConversationCut is the cut of the older ConversationManager: before the nth
// message of the user, counted from 0, and nothing at all where there are no more
// than n. It knows neither rollbacks nor running turns.
type ConversationCut int

func (n ConversationCut) cut(h *rollout.History) rollout.Cut {
	return h.CutBeforeSpokenMessage(int(n))
}

// snapshotOrigin decides on a fork by a snapshot; for that the history is read.
func (m *Manager) snapshotOrigin(ref string, p ForkParams) (o origin, err error) {
	if o.history, err = m.store.Read(ref); err != nil {
		return o, storeRefusal(err, p.ThreadID)
	}
	o.meta, o.cut = o.history.Meta, p.Snapshot.cut(o.history)
	return o, nil
}

// freshFork is what is left of a fork that keeps nothing: a new thread, which is
// written with its first turn.
func (m *Manager) freshFork(meta rollout.Meta) (*rollout.Recorder, recalled, error) {
	meta.ForkedFromID = ""
	recorder, err := m.store.Create(meta)
	if err != nil {
		return nil, recalled{}, err
	}
	return recorder, recalled{meta: recorder.Meta(), updated: m.now(), fresh: true}, nil
}
