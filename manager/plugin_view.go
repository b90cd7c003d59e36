package manager

import (
	"context"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Plugins are the plugins as they are now, by name.
func (m *Manager) Plugins() []protocol.ProviderPlugin {
	all := m.plugins.Status()
	out := make([]protocol.ProviderPlugin, len(all))
	for i, s := range all {
		out[i] = pluginView(s)
	}
	return out
}

// pluginChanged tells clients of a plugin's new status. What a plugin offered may
// not hold any more.
func (m *Manager) pluginChanged(s plugins.Status) {
	m.skills.Invalidate()
	m.hub.announce(context.Background(), "codexhost/plugin/statusChanged", &protocol.ProviderPluginStatusChangedNotification{Plugin: pluginView(s)})
}

func pluginView(s plugins.Status) protocol.ProviderPlugin {
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
	return v
}
