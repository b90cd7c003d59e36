package tool

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// MCP offers the tools of a thread's MCP servers.
type MCP struct {
	Offer  *mcp.Offer
	Images bool // the model takes images
	// Always keeps the user's word that a tool may run unasked from now on, in
	// every thread.
	Always func(ctx context.Context, server, tool string) error
}

func (m MCP) Specs() []json.RawMessage { return m.Offer.Specs() }

func (m MCP) Find(namespace, name string) (Tool, bool) {
	t, ok := m.Offer.Find(namespace, name)
	if !ok {
		return nil, false
	}
	return &mcpTool{t, m}, true
}

// mcpTool is one tool of an MCP server.
type mcpTool struct {
	tool  *mcp.Tool
	offer MCP
}

// Run asks the user where the policy says so, calls the server, and shows both
// as one item. A call that the turn's end cuts off leaves its item unfinished,
// as the client is told of the turn instead.
func (m *mcpTool) Run(ctx context.Context, t Turn, c Call) Output {
	arguments, err := mcp.ParseArguments(c.Arguments)
	if err != nil {
		return Text(err.Error())
	}
	item := m.tool.Item(c.ID, arguments)
	started := t.Now().UnixMilli()
	item.StartedAtMs = &started
	begun := *item
	t.Start(ctx, &begun)
	outcome := m.outcome(ctx, t, c, arguments)
	if ctx.Err() != nil {
		return Text("aborted")
	}
	outcome.Finish(item)
	completed := t.Now().UnixMilli()
	item.CompletedAtMs = &completed
	t.Complete(ctx, item)
	return Output{outcome.Output}
}

func (m *mcpTool) outcome(ctx context.Context, t Turn, c Call, arguments json.RawMessage) mcp.Outcome {
	policy := MCPPolicy(t.Approval(), t.Sandbox())
	switch d := m.tool.Decide(policy); d.Verdict {
	case mcp.Refuse:
		return mcp.Rejected(d.Reason)
	case mcp.Ask:
		answer, err := t.Ask(ctx, WaitingOnApproval, "mcpServer/elicitation/request", m.tool.Question(t.ThreadID(), t.TurnID(), d, arguments))
		if err != nil {
			return mcp.Rejected("user cancelled MCP tool call")
		}
		a := mcp.ParseAnswer(answer)
		if !a.Accepted {
			return mcp.Rejected(a.Reason)
		}
		m.keep(ctx, t, d, a.Persist)
	}
	p := newProgress(ctx, t, c.ID)
	defer p.close()
	return m.tool.Call(ctx, mcp.Call{
		ID: c.ID, TurnID: t.TurnID(), Arguments: arguments, Meta: m.meta(t, c), Policy: policy, Images: m.offer.Images, Progress: p.report,
	})
}

// keep remembers an approval for as long as the user said, if that was offered.
// What cannot be written holds for the session.
func (m *mcpTool) keep(ctx context.Context, t Turn, d mcp.Decision, persist string) {
	if !slices.Contains(d.Offer, persist) {
		return
	}
	m.tool.Remember()
	if persist != "always" {
		return
	}
	if err := m.offer.Always(ctx, m.tool.Server, m.tool.Name); err != nil {
		t.Warn(ctx, "The approval of "+m.tool.Server+"/"+m.tool.Name+" holds for this session only: "+err.Error())
	}
}

// meta is what a server is told of the call it serves.
func (m *mcpTool) meta(t Turn, c Call) json.RawMessage {
	raw, _ := json.Marshal(map[string]string{"callId": c.ID, "itemId": c.ID, "threadId": t.ThreadID(), "sessionId": t.ThreadID(), "turnId": t.TurnID()})
	return raw
}

// MCPPolicy is what a turn's settings say about asking for MCP calls.
func MCPPolicy(a protocol.AskForApproval, s protocol.SandboxPolicy) mcp.Policy {
	var p mcp.Policy
	switch a := a.(type) {
	case protocol.AskForApprovalName:
		p.Never = a == protocol.AskForApprovalNever
	case *protocol.AskForApprovalGranular:
		p.NoElicitations = !a.McpElicitations
	}
	switch s.(type) {
	case *protocol.SandboxPolicyDangerFullAccess, *protocol.SandboxPolicyExternalSandbox:
		p.FullAccess = true
	}
	return p
}
