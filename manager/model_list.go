package manager

import (
	"context"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Models are the models of the catalogue that the configuration names, those of
// the given provider if one is named.
func (m *Manager) Models(ctx context.Context, includeHidden bool, provider string) ([]protocol.Model, error) {
	cfg, _ := m.hostConfig(ctx)
	if provider != "" {
		if _, err := m.providerFor(cfg, provider); err != nil {
			return nil, &ProviderError{ID: provider}
		}
	}
	catalog := m.models.catalog(cfg)
	page, err := catalog.List(includeHidden, nil, -1)
	if err != nil {
		return nil, err
	}
	out := make([]protocol.Model, len(page.Models))
	standard := catalog.Default()
	for i := range page.Models {
		out[i] = modelView(&page.Models[i])
		out[i].IsDefault = page.Models[i].Slug == standard
	}
	return out, nil
}

// A ProviderError says that a model provider is not configured.
type ProviderError struct{ ID string }

func (e *ProviderError) Error() string {
	return "This chat uses model provider “" + e.ID + "”, which is no longer configured. Restore this provider’s configuration to continue."
}

func modelView(i *model.Info) protocol.Model {
	v := protocol.Model{ID: i.Slug, Model: i.Slug, DisplayName: i.DisplayName, Description: i.Description, Hidden: i.Hidden(),
		DefaultReasoningEffort: protocol.ReasoningEffort(i.DefaultReasoningLevel), SupportsPersonality: i.SupportsPersonality,
		AdditionalSpeedTiers: i.AdditionalSpeedTiers}
	for _, l := range i.SupportedReasoningLevels {
		v.SupportedReasoningEfforts = append(v.SupportedReasoningEfforts, protocol.ReasoningEffortOption{ReasoningEffort: protocol.ReasoningEffort(l.Effort), Description: l.Description})
	}
	for _, x := range i.InputModalities {
		v.InputModalities = append(v.InputModalities, protocol.InputModality(x))
	}
	for _, t := range i.ServiceTiers {
		v.ServiceTiers = append(v.ServiceTiers, protocol.ModelServiceTier{ID: t.ID, Name: t.Name, Description: t.Description})
	}
	if i.Upgrade != nil {
		v.Upgrade = &i.Upgrade.Model
	}
	return v
}
