package manager

import (
	"context"
	"errors"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Why the turns and the items of a thread cannot be read: it has none yet.
var (
	ErrNoTurns = errors.New("list_turns is not supported yet")
	ErrNoItems = errors.New("thread/items/list is not supported yet")
)

// A Reading is a thread as it stands, and what its reader is to be told of records
// that could not be read; nil if all could be.
type Reading struct {
	Thread protocol.Thread
	Damage *protocol.WarningNotification
}

// Read is a thread as it stands, live or stored, with its turns if they are asked for.
func (m *Manager) Read(ctx context.Context, id string, includeTurns bool) (Reading, error) {
	if err := checkID(id, "thread"); err != nil {
		return Reading{}, err
	}
	if l := m.loaded(id); l != nil {
		v, err := m.readLive(l, includeTurns)
		return Reading{Thread: v}, err
	}
	v, err := m.readStored(id)
	r := Reading{Thread: v}
	if err == nil && includeTurns {
		r.Thread.Turns, r.Damage, err = m.storedTurns(*v.Path)
	}
	if errors.Is(err, rollout.ErrNotFound) {
		return r, &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "thread not loaded: " + id,
			Remedy: "list what is stored with thread/list"}
	}
	if err != nil {
		return r, storeRefusal(err, id)
	}
	if r.Damage != nil {
		r.Damage.ThreadID = &id
	}
	return r, nil
}

// readStored reads the beginning and the end of a thread's file.
func (m *Manager) readStored(id string) (v protocol.Thread, err error) {
	s, err := m.store.Summary(id)
	if err != nil {
		return v, err
	}
	end, err := m.store.Tail(s.Path)
	if err != nil {
		return v, err
	}
	if end.Model != "" {
		s.Model = end.Model
	}
	v = m.storedView(s)
	v.ReasoningEffort = effort(end.Effort)
	return v, nil
}

func (m *Manager) readLive(l *live, includeTurns bool) (protocol.Thread, error) {
	v := m.liveView(l)
	if !includeTurns {
		return v, nil
	}
	if l.path == "" {
		return v, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: "ephemeral threads do not support includeTurns",
			Remedy: "follow the thread's notifications, or start it without ephemeral"}
	}
	if !l.thread.Snapshot().Started {
		return v, ErrNoTurns
	}
	turns, err := m.liveTurns(l)
	v.Turns = turns
	return v, err
}

// storedView is a thread that is not live.
func (m *Manager) storedView(s rollout.Summary) protocol.Thread {
	v := metaView(s.Meta)
	v.ID = s.ID
	v.GitInfo = m.gitView(s.ID, s.Meta.Git)
	v.Path = &s.Path
	v.Environments = nil // a thread has them while it is loaded
	v.Preview = s.Preview
	v.Name = nonEmpty(s.Name)
	v.Model = nonEmpty(s.Model)
	v.CreatedAt = s.CreatedAt.Unix()
	v.UpdatedAt = s.UpdatedAt.Unix()
	v.RecencyAt = ptr(s.UpdatedAt.Unix())
	return v
}
