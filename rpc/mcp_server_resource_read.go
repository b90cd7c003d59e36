package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// mcpServerResourceRead reads a resource for the client, outside of any turn.
func mcpServerResourceRead(ctx context.Context, c *Connection, p *protocol.McpResourceReadParams) (reply, error) {
	if p.ConnectorID != nil || p.Target != nil {
		return reply{}, &thread.Refusal{Kind: thread.KindNotSupported, Message: "this host has no connectors", Remedy: "name the server only"}
	}
	result, err := c.manager.ReadMcpResource(ctx, value(p.ThreadID), p.Server, p.Uri)
	if err != nil {
		return reply{}, err
	}
	return reply{result: result}, nil
}
