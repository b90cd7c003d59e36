package manager

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
)

// A CapturedOp is an op that went through [Manager.SendOp].
type CapturedOp struct {
	ThreadID string
	Op       thread.Op
}

// SendOp submits an op to a loaded thread and returns its submission id. The op's
// effects are told at once: there is nobody else to answer first. It fails with a
// refusal that names the id, or with [thread.ErrDead].
func (m *Manager) SendOp(ctx context.Context, id string, op thread.Op) (string, error) {
	l, err := m.get(id)
	if err != nil {
		return "", err
	}
	if m.opts.CaptureOps {
		m.mu.Lock()
		m.captured = append(m.captured, CapturedOp{id, op})
		m.mu.Unlock()
	}
	r, err := l.thread.Submit(ctx, op)
	if err != nil {
		return "", err
	}
	r.Release()
	return r.ID, nil
}

// CapturedOps are the ops that were sent so far, in order, if Options.CaptureOps is
// set. What is submitted to a thread directly is not among them.
func (m *Manager) CapturedOps() []CapturedOp {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]CapturedOp(nil), m.captured...)
}

// Remove takes a thread out of the loaded ones without ending it: whoever holds it
// keeps it, and has to shut it down. It reports whether there was one.
func (m *Manager) Remove(id string) (*thread.Thread, bool) {
	m.mu.Lock()
	l := m.threads[id]
	delete(m.threads, id)
	if l != nil {
		m.removed.Add(1)
	}
	m.mu.Unlock()
	if l == nil {
		return nil, false
	}
	l.stopClock()
	go func() {
		defer m.removed.Done()
		select {
		case <-l.thread.Done():
		case <-m.closing: // its holder was in no hurry
		}
		l.close()
	}()
	return l.thread, true
}

// ListSubtree is a thread and all that descend from it, itself first: those on
// record, then those that are only loaded.
func (m *Manager) ListSubtree(ctx context.Context, id string) ([]string, error) {
	_, notLoaded := m.get(id)
	if _, err := m.store.Find(id); err != nil && notLoaded != nil {
		return nil, notLoaded
	}
	children := make(map[string][]string)
	for _, archived := range []bool{false, true} {
		o := rollout.ListOptions{Limit: 100, Ascending: true, Archived: archived, Sources: []string{"subAgent"}}
		for {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			page, err := m.store.List(o)
			if err != nil {
				return nil, storeRefusal(err, id)
			}
			for _, s := range page.Threads {
				children[s.Meta.ParentThreadID] = append(children[s.Meta.ParentThreadID], s.ID)
			}
			if o.Cursor = page.Next; o.Cursor == "" {
				break
			}
		}
	}
	for _, live := range m.ThreadIDs() {
		if l := m.loaded(live); l != nil && l.meta.ParentThreadID != "" {
			children[l.meta.ParentThreadID] = append(children[l.meta.ParentThreadID], live)
		}
	}
	return descend(id, children), nil
}

// descend walks a tree breadth first and names everything once.
func descend(root string, children map[string][]string) []string {
	out, seen := []string{root}, map[string]bool{root: true}
	for i := 0; i < len(out); i++ {
		for _, child := range children[out[i]] {
			if !seen[child] {
				seen[child] = true
				out = append(out, child)
			}
		}
	}
	return out
}

// RefreshMCP has every loaded thread use the MCP servers that the configuration
// names now. A thread where that fails keeps what it has; the failure is logged.
func (m *Manager) RefreshMCP(ctx context.Context) {
	for id, l := range m.snapshot() {
		cwd := l.thread.Snapshot().Settings.Cwd
		cfg, err := m.reload(ctx, l, cwd)
		if err != nil {
			m.log.Warn("refreshing MCP servers", "thread", id, "error", err)
			continue
		}
		if s := l.reload(m, cwd, mcpServers(cfg)); s != nil {
			s.begin()
		}
	}
}
