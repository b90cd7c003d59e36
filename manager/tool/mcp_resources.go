package tool

import (
	"context"
	"encoding/json"

	"github.com/codexhost/codexhost/manager/mcp"
)

// MCPResources offers the tools by which the model looks into the resources of
// a thread's MCP servers. They are offered once a server has any, and found as
// long as the thread has servers: a model may remember them.
type MCPResources struct{ Servers *mcp.Set }

func (m MCPResources) Specs() []json.RawMessage {
	if !m.Servers.HasResources() {
		return nil
	}
	return mcp.ResourceSpecs()
}

func (m MCPResources) Find(namespace, name string) (Tool, bool) {
	if namespace != "" || !mcp.IsResourceTool(name) {
		return nil, false
	}
	return resourceTool{m.Servers}, true
}

type resourceTool struct{ servers *mcp.Set }

// Run asks nobody: resources are what a server offers for reading.
func (r resourceTool) Run(ctx context.Context, t Turn, c Call) Output {
	call, _ := r.servers.ResourceCall(c.Name, c.Arguments)
	item := call.Item(c.ID)
	started := t.Now().UnixMilli()
	item.StartedAtMs = &started
	begun := *item
	t.Start(ctx, &begun)
	outcome := call.Run(ctx, 0)
	if ctx.Err() != nil {
		return Text("aborted")
	}
	outcome.Finish(item)
	completed := t.Now().UnixMilli()
	item.CompletedAtMs = &completed
	t.Complete(ctx, item)
	return Output{outcome.Output}
}
