package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// configMcpServerReload gives every loaded thread the MCP servers that the
// configuration names now.
func configMcpServerReload(ctx context.Context, c *Connection) (reply, error) {
	begin, err := c.manager.ReloadServers(ctx)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.McpServerRefreshResponse{}, after: begin}, nil
}
