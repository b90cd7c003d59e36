package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// codexhostPluginList says what the host's plugin processes are doing.
func codexhostPluginList(_ context.Context, c *Connection, _ *protocol.ProviderPluginListParams) (reply, error) {
	return reply{result: &protocol.ProviderPluginListResponse{Data: c.manager.Plugins()}}, nil
}
