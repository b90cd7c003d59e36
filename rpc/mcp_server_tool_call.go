package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// mcpServerToolCall calls a tool for the client, outside of any turn.
func mcpServerToolCall(ctx context.Context, c *Connection, p *protocol.McpServerToolCallParams) (reply, error) {
	result, err := c.manager.CallMcpTool(ctx, p.ThreadID, p.Server, p.Tool, p.Arguments, p.Meta)
	if err != nil {
		return reply{}, err
	}
	return reply{result: result}, nil
}
