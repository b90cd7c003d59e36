package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Change tells what a running server changed of its tools, in raw names, sorted.
type Change struct {
	ThreadID                string
	Server                  string
	Added, Removed, Altered []string
}

// settleTime is how long a server's list of tools must have been left alone, at
// first, before it is asked for anew: servers that change several tools say so
// for each.
const settleTime = 100 * time.Millisecond

// ToolsChanged implements provider.Host: it lists the tools again, once for any
// number of changes that come close together or while a listing runs.
func (h host) ToolsChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stale = true
	if h.phase != up || h.listing || h.shutAt {
		return // a server that is not up yet lists its tools anyway
	}
	h.listing = true
	h.svc.wg.Go(h.relist)
}

// ResourcesChanged implements provider.ResourceWatcher. Nothing is kept of
// resources, so there is nothing to fetch: it is told, once for changes that come
// close together.
func (h host) ResourcesChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.telling || h.shutAt {
		return
	}
	h.telling = true
	h.svc.wg.Go(h.tellResources)
}

func (i *instance) tellResources() {
	settle(i.svc.ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.telling = false
	if i.shutAt {
		return
	}
	for m := range i.members {
		m.mu.Lock()
		if !m.off {
			m.set.listener.ResourcesChanged(m.set.thread, m.server.Name)
		}
		m.mu.Unlock()
	}
}

// settle waits for the settle time.
func settle(ctx context.Context) {
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// relist fetches the tools until they are not stale.
func (i *instance) relist() {
	for {
		settle(i.svc.ctx)
		i.mu.Lock()
		if !i.stale || i.phase != up || i.shutAt || i.svc.ctx.Err() != nil {
			i.listing = false
			i.mu.Unlock()
			return
		}
		i.stale = false
		session, limit := i.session, i.startup
		i.mu.Unlock()
		ctx, cancel := context.WithTimeout(i.svc.ctx, limit)
		list, err := toolPages.all(ctx, session)
		cancel()
		i.mu.Lock()
		if err != nil {
			i.svc.opts.Log.Warn("listing the changed tools of an MCP server", "server", i.launch.server.Name, "error", err)
		}
		if i.session == session && (err == nil || errors.Is(err, errEndless)) {
			i.take(list)
		}
		i.mu.Unlock()
	}
}

// take notes a list of tools, and tells the members what is different. What is
// the same as before leaves the offers alone. The caller holds the lock.
func (i *instance) take(list []json.RawMessage) {
	tools, bad := readTools(list)
	if bad > 0 {
		i.svc.opts.Log.Warn("MCP server lists what is no tool", "server", i.launch.server.Name, "count", bad)
	}
	change, same := compareTools(i.tools, tools)
	if same && i.version > 0 {
		return
	}
	first := i.version == 0
	i.tools = tools
	i.version++
	if first {
		return
	}
	for m := range i.members {
		m.change(change)
	}
}

// compareTools says what is different; same is true where not even the order is.
func compareTools(before, after []rawTool) (c Change, same bool) {
	same = slices.EqualFunc(before, after, func(a, b rawTool) bool { return bytes.Equal(a.raw, b.raw) })
	if same {
		return c, true
	}
	old := make(map[string]json.RawMessage, len(before))
	for n := range before {
		old[before[n].Name] = before[n].raw
	}
	for n := range after {
		raw, was := old[after[n].Name]
		delete(old, after[n].Name)
		switch {
		case !was:
			c.Added = append(c.Added, after[n].Name)
		case !bytes.Equal(raw, after[n].raw):
			c.Altered = append(c.Altered, after[n].Name)
		}
	}
	for name := range old {
		c.Removed = append(c.Removed, name)
	}
	slices.Sort(c.Added)
	slices.Sort(c.Altered)
	slices.Sort(c.Removed)
	return c, false
}

// change tells the listener of what concerns it: not of tools that the settings
// filter out.
func (m *member) change(c Change) {
	filtered := func(name string) bool { return !m.server.allows(name) }
	c.ThreadID, c.Server = m.set.thread, m.server.Name
	c.Added = slices.DeleteFunc(slices.Clone(c.Added), filtered)
	c.Removed = slices.DeleteFunc(slices.Clone(c.Removed), filtered)
	c.Altered = slices.DeleteFunc(slices.Clone(c.Altered), filtered)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.off && len(c.Added)+len(c.Removed)+len(c.Altered) > 0 {
		m.set.listener.ToolsChanged(c)
	}
}

// dropped says whether the running server is known not to have the tool.
func (i *instance) dropped(tool string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.phase == up && !i.stale && !slices.ContainsFunc(i.tools, func(t rawTool) bool { return t.Name == tool })
}
