package manager

import (
	"context"
	"slices"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Plugins are the plugins as they are now, by name.
func (m *Manager) Plugins() []protocol.ProviderPlugin {
	all := m.plugins.Status()
	out := make([]protocol.ProviderPlugin, len(all))
	for i, s := range all {
		out[i] = m.pluginView(s)
		if bytes := plugins.Memory(s.PID); s.PID != 0 && bytes != 0 {
			out[i].MemoryBytes = ptr(bytes)
		}
	}
	return out
}

// pluginChanged tells clients of a plugin's new status. What a plugin offered may
// not hold any more; where another program has taken over, or one that could not
// be started has been mended, clients are told to ask again.
func (m *Manager) pluginChanged(s plugins.Status) {
	before, _ := m.pluginStates.Swap(s.Name, s)
	old, _ := before.(plugins.Status)
	switch another := renewed(old, s); {
	case another && s.Kind == skill.Kind:
		m.skills.Changed()
	case another && s.Kind == mcp.Kind:
		m.mcp.Renew(s.Name)
	default:
		m.skills.Invalidate()
	}
	m.hub.announce(context.Background(), "codexhost/plugin/statusChanged", &protocol.ProviderPluginStatusChangedNotification{Plugin: m.pluginView(s)})
}

// renewed tells whether a plugin has become another. That one which had died is
// back is no news: it says what it said.
func renewed(old, now plugins.Status) bool {
	if now.Phase != plugins.PhaseReady {
		return false
	}
	if old.Phase == plugins.PhaseReady {
		return old.Generation != now.Generation
	}
	failed := old.LastError
	return failed != nil && (failed.Reason == plugins.ReasonStart || failed.Reason == plugins.ReasonRefused)
}

func (m *Manager) pluginView(s plugins.Status) protocol.ProviderPlugin {
	v := protocol.ProviderPlugin{Name: s.Name, Kind: s.Kind, State: string(s.Phase), Restarts: int64(s.Restarts)}
	if s.PID != 0 {
		v.PID, v.StartedAt = ptr(int64(s.PID)), ptr(s.Started.Unix())
		v.Generation, v.ContractVersion = ptr(int64(s.Generation)), ptr(int64(s.Version))
	}
	if e := s.LastError; e != nil {
		v.LastError, v.Stderr = ptr(e.Error()), e.Stderr
	}
	if !s.Until.IsZero() {
		v.RetryAt = ptr(s.Until.Unix())
	}
	m.mu.Lock()
	i := slices.IndexFunc(m.specs, func(p plugins.Spec) bool { return p.Name == s.Name })
	var spec plugins.Spec
	if i >= 0 {
		spec = m.specs[i]
	}
	m.mu.Unlock()
	if spec.Path == "" {
		return v // built in
	}
	if v.Env = spec.Env; spec.SHA256 != "" {
		v.Checksum = ptr(spec.SHA256)
	}
	if said := s.Manifest; said != nil {
		if said.Version != "" {
			v.Version = ptr(said.Version)
		}
		for _, e := range said.Env {
			v.Asks = append(v.Asks, protocol.ProviderPluginVariable{Name: e.Name, Why: e.Why, Required: e.Required})
		}
	}
	return v
}
