package manager

import (
	"context"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Archive moves a thread to the archive; it is shut down first. One that was
// never stored simply disappears.
func (m *Manager) Archive(ctx context.Context, id string) error {
	if err := checkID(id, "session"); err != nil {
		return err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	l := m.loaded(id)
	if l != nil && l.path == "" {
		return noRollout(id)
	}
	stored, err := m.isStored(id)
	if err != nil {
		return err
	}
	if l == nil && !stored {
		return noRollout(id)
	}
	if err := m.unload(ctx, id); err != nil {
		return err
	}
	if !stored {
		return nil
	}
	if _, err := m.store.Archive(id); err != nil {
		return storeRefusal(err, id)
	}
	return nil
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

// Archived tells that a thread was archived.
func (m *Manager) Archived(ctx context.Context, id string) {
	m.hub.announce(ctx, "thread/archived", &protocol.ThreadArchivedNotification{ThreadID: id})
}

// Unarchive moves a thread back and returns it.
func (m *Manager) Unarchive(ctx context.Context, id string) (protocol.Thread, error) {
	if err := checkID(id, "session"); err != nil {
		return protocol.Thread{}, err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return protocol.Thread{}, err
	}
	defer unlock()
	if l := m.loaded(id); l != nil {
		return protocol.Thread{}, storeRefusal(&rollout.LockedError{ThreadID: id}, id)
	}
	if f, err := m.store.Find(id); err != nil || !f.Archived {
		return protocol.Thread{}, &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "no archived rollout found for thread id " + id,
			Remedy: "list what is archived with thread/list and archived true"}
	}
	if _, err := m.store.Unarchive(id); err != nil {
		return protocol.Thread{}, storeRefusal(err, id)
	}
	r, err := m.Read(ctx, id, false)
	v := r.Thread
	v.CanAcceptDirectInput, v.Environments = nil, nil // this answer does not say
	return v, err
}

// Unarchived tells that a thread is back.
func (m *Manager) Unarchived(ctx context.Context, id string) {
	m.hub.announce(ctx, "thread/unarchived", &protocol.ThreadUnarchivedNotification{ThreadID: id})
}

// Delete removes a thread for good, with its file; it is shut down first. One that
// others build on is not removed: they would lose what they inherited.
func (m *Manager) Delete(ctx context.Context, id string) error {
	if err := checkID(id, "session"); err != nil {
		return err
	}
	unlock, err := m.loading.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	l := m.loaded(id)
	if err := m.refuseIfBuiltOn(id); err != nil {
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

// refuseIfBuiltOn keeps a thread whose forks refer to it.
func (m *Manager) refuseIfBuiltOn(id string) error {
	forks, err := m.store.Dependents(id)
	if err != nil {
		return storeRefusal(err, id)
	}
	if len(forks) == 0 {
		return nil
	}
	shown := strings.Join(forks[:min(len(forks), 5)], ", ")
	return &thread.Refusal{Kind: thread.KindInvalidRequest, Remedy: "delete the forks first, or archive this thread",
		Message: fmt.Sprintf("thread %s cannot be deleted: %d forks begin with it (%s)", id, len(forks), shown)}
}

// Deleted tells that a thread is gone.
func (m *Manager) Deleted(ctx context.Context, id string) {
	m.hub.announce(ctx, "thread/deleted", &protocol.ThreadDeletedNotification{ThreadID: id})
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
