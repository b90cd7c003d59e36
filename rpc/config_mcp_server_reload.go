package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// configMcpServerReload gives every loaded thread the MCP servers that the
// configuration names now.
func configMcpServerReload(ctx context.Context, c *Connection) (reply, error) {
	if err := c.manager.ReloadServers(ctx); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.McpServerRefreshResponse{}}, nil
}
