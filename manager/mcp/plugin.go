package mcp

import (
	"context"
	"fmt"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// starting finds who starts the server of i, and by which settings.
func (i *instance) starting(ctx context.Context) (provider.Provider, provider.Server, error) {
	server, plugin := i.launch.server, i.launch.plugin
	if plugin == "" {
		p, err := i.svc.opts.Provider(ctx)
		if err != nil {
			return nil, server, fmt.Errorf("starting the MCP provider: %w", err)
		}
		return p, server, nil
	}
	if i.svc.opts.Plugin == nil {
		return nil, server, fmt.Errorf("there are no plugins here to bring the MCP server %s", server.Name)
	}
	p, err := i.svc.opts.Plugin(ctx, plugin)
	if err != nil {
		return nil, server, err
	}
	own, err := brought(ctx, p, plugin)
	return p, own, err
}

// brought picks the server of a plugin: the one called like it, or its only one.
func brought(ctx context.Context, p provider.Provider, plugin string) (provider.Server, error) {
	catalog, ok := p.(provider.Catalog)
	if !ok {
		return provider.Server{}, fmt.Errorf("the plugin %s brings no MCP server of its own", plugin)
	}
	list, err := catalog.Servers(ctx)
	if err != nil {
		return provider.Server{}, err
	}
	for _, s := range list {
		if s.Name == plugin || len(list) == 1 {
			return s, nil
		}
	}
	return provider.Server{}, fmt.Errorf("the plugin %s brings %d MCP servers, and none is called like it", plugin, len(list))
}
