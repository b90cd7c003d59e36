package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// modelProviderList lists the providers that are configured.
func modelProviderList(ctx context.Context, c *Connection, _ *protocol.ModelProviderListParams) (reply, error) {
	r, err := c.manager.Providers(ctx)
	if err != nil {
		return reply{}, err
	}
	return reply{result: r}, nil
}

// modelProviderCapabilitiesRead says what a provider may be asked for beside text.
func modelProviderCapabilitiesRead(context.Context, *Connection, *protocol.ModelProviderCapabilitiesReadParams) (reply, error) {
	return reply{result: &protocol.ModelProviderCapabilitiesReadResponse{ImageGeneration: true, WebSearch: true}}, nil
}
