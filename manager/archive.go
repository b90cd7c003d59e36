package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Archive moves a thread and the agents that it spawned to the archive; they are
// shut down first. One that was never stored simply disappears. The answer is what
// was moved, the thread itself first; an agent that cannot be moved stays.
func (m *Manager) Archive(ctx context.Context, id string) (moved []string, err error) {
	agents, err := m.archive(ctx, id)
	if err != nil {
		return nil, err
	}
	moved = append(moved, id)
	for _, agent := range slices.Backward(agents) {
		if stored, err := m.isStored(agent); err != nil || !stored {
			continue // it is there already, or gone
		}
		if _, err := m.archive(ctx, agent); err != nil {
			m.log.Warn("archiving an agent with its thread", "thread", id, "agent", agent, "error", err)
			continue
		}
		moved = append(moved, agent)
	}
	return moved, nil
}

// archive moves one thread and returns its agents, oldest first.
func (m *Manager) archive(ctx context.Context, id string) (agents []string, err error) {
	if err := checkID(id, "session"); err != nil {
		return nil, err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l := m.loaded(id)
	if l != nil && l.path == "" {
		return nil, noRollout(id)
	}
	stored, err := m.isStored(id)
	if err != nil {
		return nil, err
	}
	if l == nil && !stored {
		return nil, noRollout(id)
	}
	if err := m.unload(ctx, id); err != nil || !stored {
		return nil, err
	}
	if agents, err = m.store.Agents(id); err != nil {
		return nil, storeRefusal(err, id)
	}
	if _, err := m.store.Archive(id); err != nil {
		return nil, storeRefusal(err, id)
	}
	return agents, nil
}

// isStored reports whether a thread lies among the active ones.
func (m *Manager) isStored(id string) (bool, error) {
	f, err := m.store.Find(id)
	if err != nil {
		if notFound(err) {
			return false, nil
		}
		return false, storeRefusal(err, id)
	}
	return !f.Archived, nil
}

// unload shuts a live thread down and tells so; one that is not loaded is left.
func (m *Manager) unload(ctx context.Context, id string) error {
	l := m.loaded(id)
	if l == nil {
		return nil
	}
	if err := m.stop(ctx, l.thread); err != nil {
		return err
	}
	m.forget(id, l)
	m.tellStatus(ctx, id, &protocol.ThreadStatusNotLoaded{})
	return nil
}

func (m *Manager) tellStatus(ctx context.Context, id string, s protocol.ThreadStatus) {
	m.hub.announce(ctx, "thread/status/changed", &protocol.ThreadStatusChangedNotification{ThreadID: id, Status: s})
}

// Archived tells that threads were archived.
func (m *Manager) Archived(ctx context.Context, ids ...string) {
	for _, id := range ids {
		m.hub.announce(ctx, "thread/archived", &protocol.ThreadArchivedNotification{ThreadID: id})
	}
}

// Unarchive moves a thread back, and returns it with the names of all that moved:
// itself, and those of its agents that were archived.
func (m *Manager) Unarchive(ctx context.Context, id string) (v protocol.Thread, moved []string, err error) {
	if err := m.unarchive(ctx, id); err != nil {
		return v, nil, err
	}
	moved = append(moved, id)
	agents, err := m.store.Agents(id)
	if err != nil {
		m.log.Warn("looking for the agents of a thread that is back", "thread", id, "error", err)
	}
	for _, agent := range agents {
		if m.unarchive(ctx, agent) == nil { // else it was not there
			moved = append(moved, agent)
		}
	}
	r, err := m.Read(ctx, id, false)
	v = r.Thread
	v.CanAcceptDirectInput, v.Environments = nil, nil // this answer does not say
	return v, moved, err
}

func (m *Manager) unarchive(ctx context.Context, id string) error {
	if err := checkID(id, "session"); err != nil {
		return err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if l := m.loaded(id); l != nil {
		return storeRefusal(&rollout.LockedError{ThreadID: id}, id)
	}
	if f, err := m.store.Find(id); err != nil || !f.Archived {
		return &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "no archived rollout found for thread id " + id,
			Remedy: "list what is archived with thread/list and archived true"}
	}
	if _, err := m.store.Unarchive(id); err != nil {
		return storeRefusal(err, id)
	}
	return nil
}

// Unarchived tells that threads are back.
func (m *Manager) Unarchived(ctx context.Context, ids ...string) {
	for _, id := range ids {
		m.hub.announce(ctx, "thread/unarchived", &protocol.ThreadUnarchivedNotification{ThreadID: id})
	}
}

// Delete removes a thread for good, with its file and the agents that it spawned;
// they are shut down first. One that others build on is not removed, nor is one
// whose agent is: they would lose what they inherited. The answer is what is gone,
// the thread itself last, also where an error came in between.
func (m *Manager) Delete(ctx context.Context, id string) (gone []string, err error) {
	if err := checkID(id, "session"); err != nil {
		return nil, err
	}
	agents, err := m.store.Agents(id)
	if err != nil {
		return nil, storeRefusal(err, id)
	}
	ids := append([]string{id}, agents...)
	if len(agents) > 0 { // all or none; one alone is asked about when it is its turn
		for _, id := range ids {
			if err := m.refuseIfBuiltOn(id, ids); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range slices.Backward(ids) {
		if err := m.delete(ctx, id); err != nil {
			return gone, err
		}
		gone = append(gone, id)
	}
	return gone, nil
}

func (m *Manager) delete(ctx context.Context, id string) error {
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	l := m.loaded(id)
	if err := m.refuseIfBuiltOn(id, nil); err != nil {
		return err
	}
	if err := m.unload(ctx, id); err != nil {
		return err
	}
	found, err := m.store.Delete(id)
	if err != nil {
		return storeRefusal(err, id)
	}
	if !found && l == nil {
		return noRollout(id)
	}
	return nil
}

// refuseIfBuiltOn keeps a thread to whose lines others refer, except those that go
// with it.
func (m *Manager) refuseIfBuiltOn(id string, except []string) error {
	forks, err := m.store.Dependents(id)
	if err != nil {
		return storeRefusal(err, id)
	}
	forks = slices.DeleteFunc(forks, func(fork string) bool { return slices.Contains(except, fork) })
	if len(forks) == 0 {
		return nil
	}
	shown := strings.Join(forks[:min(len(forks), 5)], ", ")
	return &thread.Refusal{Kind: thread.KindInvalidRequest, Remedy: "delete the forks first, or archive this thread",
		Message: fmt.Sprintf("thread %s cannot be deleted: %d forks begin with it (%s)", id, len(forks), shown)}
}

// Deleted tells that threads are gone.
func (m *Manager) Deleted(ctx context.Context, ids ...string) {
	for _, id := range ids {
		m.hub.announce(ctx, "thread/deleted", &protocol.ThreadDeletedNotification{ThreadID: id})
	}
}

// SetName names a thread, live or stored, and returns the name it got.
func (m *Manager) SetName(ctx context.Context, id, name string) (string, error) {
	if err := checkID(id, "session"); err != nil {
		return "", err
	}
	name = strings.TrimSpace(name)
	if name == "" {
		return "", &thread.Refusal{Kind: thread.KindInvalidInput, Message: "thread name must not be empty", Remedy: "send a name with at least one visible character"}
	}
	if m.loaded(id) == nil {
		if _, err := m.store.Find(id); err != nil {
			return "", storeRefusal(err, id)
		}
	}
	if err := m.store.SetName(id, name); err != nil {
		return "", &thread.Failure{Kind: thread.KindStorage, Remedy: "see that the home folder can be written", Err: err}
	}
	return name, nil
}

// Named tells what a thread is called now.
func (m *Manager) Named(ctx context.Context, id, name string) {
	m.hub.announce(ctx, "thread/name/updated", &protocol.ThreadNameUpdatedNotification{ThreadID: id, ThreadName: &name})
}
