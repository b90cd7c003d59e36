package rpc

import (
	"context"
	"encoding/json"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// mcpServerStatusList lists the configured MCP servers, their tools and resources.
func mcpServerStatusList(ctx context.Context, c *Connection, p *protocol.ListMcpServerStatusParams) (reply, error) {
	full := p.Detail == nil || *p.Detail == protocol.McpServerStatusDetailFull
	all, err := c.manager.McpStatus(ctx, value(p.ThreadID), value(p.ServerName), full)
	if err != nil {
		return reply{}, err
	}
	page, next, err := pageOf(all, p.Cursor, p.Limit)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &statusPage{page, next}}, nil
}

// statusPage is a ListMcpServerStatusResponse whose rows hold the servers' own
// words, which the protocol's types would only take apart and put together.
type statusPage struct {
	Data       []json.RawMessage `wire:"data"`
	NextCursor *string           `wire:"nextCursor,optional,nullable"`
}
