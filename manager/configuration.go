package manager

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sort"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ReadConfig is the answer to config/read, as the wire has it.
func (m *Manager) ReadConfig(ctx context.Context, cwd string, layers bool) (json.RawMessage, error) {
	if cwd != "" {
		cwd = m.absolute(cwd)
	}
	r, err := m.config.Read(ctx, cwd, layers)
	if err != nil {
		return nil, unreadable(err)
	}
	if r.Layers == nil { // left out unless asked for
		return wireJSON(struct {
			Config  map[string]any           `json:"config"`
			Origins map[string]config.Origin `json:"origins"`
		}{r.Config, r.Origins})
	}
	return wireJSON(r)
}

// wireJSON is a value that marshals as the wire has it.
func wireJSON(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return raw, nil
}

// WriteConfig edits the user's config.toml, all edits or none.
func (m *Manager) WriteConfig(ctx context.Context, edits []config.Edit, version, path string) (json.RawMessage, error) {
	r, err := m.config.Write(ctx, edits, version, path)
	if err != nil {
		return nil, err
	}
	return wireJSON(r)
}

// EnableSkill turns skills on or off in the user's config.toml, by name or path.
func (m *Manager) EnableSkill(ctx context.Context, name, path string, enabled bool) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := m.config.SetSkillEnabled(ctx, config.SkillSelector{Name: name, Path: path}, enabled); err != nil {
		return err
	}
	m.skills.Invalidate()
	m.hub.skillsMoved()
	return nil
}

// CheckConfig looks for what must keep the host from starting: a flag or a
// setting that it could only serve wrongly.
func (m *Manager) CheckConfig(ctx context.Context) error {
	_, err := m.config.Load(ctx, config.Query{Cwd: m.opts.Cwd})
	var broken *config.LoadError
	if errors.As(err, &broken) && broken.Fatal {
		return err
	}
	return nil
}

// Providers lists the configured model providers, and OpenAI.
func (m *Manager) Providers(ctx context.Context) (*protocol.ModelProviderListResponse, error) {
	cfg, err := m.neededConfig(ctx, "failed to read providers")
	if err != nil {
		return nil, err
	}
	standard, err := m.providerFor(cfg, "")
	if err != nil && !errors.As(err, new(*thread.Refusal)) {
		return nil, err
	}
	r := &protocol.ModelProviderListResponse{CanChangeDefault: true, DefaultProviderID: standard.ID}
	for _, p := range cfg.Providers {
		switch {
		case p.ID == "openai":
			r.Data = append(r.Data, protocol.ModelProviderSummary{ID: p.ID, Name: p.Name, Settings: &protocol.ProviderSettingsOpenai{}})
		case !p.BuiltIn:
			r.Data = append(r.Data, protocol.ModelProviderSummary{ID: p.ID, Name: p.Name, CanEdit: true, BaseURL: nonEmpty(p.BaseURL), Settings: &protocol.ProviderSettingsCustomGateway{Auth: &protocol.GatewayAuthNone{}}})
		}
	}
	sort.Slice(r.Data, func(i, j int) bool { return r.Data[i].ID < r.Data[j].ID })
	return r, nil
}
