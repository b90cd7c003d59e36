package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadStart makes a thread. Its MCP servers start once the answer is out.
func threadStart(ctx context.Context, c *Connection, p *protocol.ThreadStartParams) (reply, error) {
	config, err := overrides(p.Config)
	if err != nil {
		return reply{}, err
	}
	params := manager.StartParams{
		Wanted: manager.Wanted{
			Cwd: value(p.Cwd), Model: p.Model, Provider: p.ModelProvider, ServiceTier: p.ServiceTier.Value, Personality: text(p.Personality),
			BaseInstructions: p.BaseInstructions, DeveloperInstructions: p.DeveloperInstructions,
			Approval: p.ApprovalPolicy, Sandbox: value(p.Sandbox), WorkspaceRoots: p.RuntimeWorkspaceRoots, Config: config,
		},
		DynamicTools: p.DynamicTools,
		Ephemeral:    value(p.Ephemeral),
		HistoryMode:  string(value(p.HistoryMode)),
		ThreadSource: string(value(p.ThreadSource)),
	}
	opened, err := c.manager.Start(ctx, params)
	if err != nil {
		return reply{}, err
	}
	c.client.Subscribe(opened.View.ID)
	s := opened.Settings
	return reply{
		result: &protocol.ThreadStartResponse{
			Thread: opened.View, Model: s.Model, ModelProvider: s.Provider, ServiceTier: nonEmpty(s.ServiceTier),
			Cwd: s.Cwd, RuntimeWorkspaceRoots: s.WorkspaceRoots,
			InstructionSources: opened.Instructions.Sources, ApprovalPolicy: s.Approval,
			ApprovalsReviewer: protocol.ApprovalsReviewerUser, Sandbox: s.Sandbox,
			ReasoningEffort: opened.View.ReasoningEffort, MultiAgentMode: protocol.MultiAgentModeExplicitRequestOnly,
		},
		after: func() { c.manager.Begun(ctx, opened) },
		opens: true,
	}, nil
}
