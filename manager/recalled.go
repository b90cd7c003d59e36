package manager

import (
	"encoding/json"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
)

// recalled is how a thread was left that comes back to life. What the model saw
// is one of three: items, another thread's past, or what recall reads later.
type recalled struct {
	meta          rollout.Meta
	model, effort string           // of the last turn
	context       json.RawMessage  // likewise, as it was recorded
	live          *thread.Settings // of a source that is live
	preview       string
	lastTurn      string
	usage, last   *model.Usage // nil where nobody counted
	updated       time.Time
	fresh         bool // nothing is written yet

	items  []json.RawMessage
	past   *thread.Past
	recall func() ([]json.RawMessage, error)
}

// fromHistory is a thread whose file was read.
func fromHistory(h *rollout.History) recalled {
	r := recalled{meta: h.Meta, model: h.Model, effort: h.Effort, preview: h.Preview, lastTurn: h.LastTurnID, context: h.Context,
		updated: h.UpdatedAt, items: h.Items}
	r.counted(h.Tokens)
	return r
}

// fromTail is a thread of whose file the end was read, for now.
func (m *Manager) fromTail(t rollout.Tail) recalled {
	r := recalled{meta: t.Meta, model: t.Model, effort: t.Effort, lastTurn: t.LastTurnID, context: t.Context, updated: t.UpdatedAt}
	r.counted(t.Tokens)
	if s, err := m.store.Summary(t.End.Path); err == nil {
		r.preview = s.Preview
	}
	r.recall = func() ([]json.RawMessage, error) {
		h, err := m.store.ReadUntil(t.End)
		if err != nil {
			return nil, err
		}
		m.warnOnce(t.Meta.ID, h.Warnings)
		return h.Items, nil
	}
	return r
}

func (r *recalled) counted(t *rollout.TokenInfo) {
	if t != nil {
		r.usage, r.last = usage(t.Total), usage(t.Last)
	}
}

func usage(u rollout.TokenUsage) *model.Usage {
	return &model.Usage{Input: u.Input, CachedInput: u.CachedInput, CacheWrite: u.CacheWriteInput, Output: u.Output, Reasoning: u.ReasoningOutput, Total: u.Total}
}

// mode are the settings in the mode that the thread was last in.
func (r *recalled) mode(s thread.Settings) thread.Settings {
	if r.live != nil {
		s.Mode, s.ModeInstructions = r.live.Mode, r.live.ModeInstructions
		return s
	}
	return s.RecordedMode(r.context)
}

// spec is what the thread is born with again.
func (r *recalled) spec(s thread.Settings, recorder *rollout.Recorder, client thread.ClientInfo) thread.Spec {
	spec := thread.Spec{ID: r.meta.ID, SessionID: r.meta.SessionID, Settings: s, Started: !r.fresh,
		History: r.items, Past: r.past, Recall: r.recall,
		Usage: r.usage, LastUsage: r.last, Preview: r.preview, LastTurn: r.lastTurn,
		Recorder: recorder, Client: client}
	if g := r.meta.Git; g != nil {
		spec.Git = &thread.GitInfo{Commit: g.CommitHash, Branch: g.Branch, OriginURL: g.RepositoryURL}
	}
	return spec
}
