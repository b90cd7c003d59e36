package skills

import (
	"context"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// FromHost makes Providers of the skill plugins of a host, the builtin one
// first.
func FromHost(h *plugins.Host, builtin string) Providers { return hostProviders{h, builtin} }

type hostProviders struct {
	host    *plugins.Host
	builtin string
}

func (p hostProviders) Names() []string {
	names := []string{}
	for _, n := range p.host.Names(skill.Kind) {
		if n == p.builtin {
			names = append([]string{n}, names...)
		} else {
			names = append(names, n)
		}
	}
	return names
}

func (p hostProviders) Use(ctx context.Context, name string, f func(context.Context, skill.Provider) error) error {
	return plugins.Use(ctx, p.host, name, f)
}
