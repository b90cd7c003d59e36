package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadFork makes a new thread of what another has seen.
func threadFork(ctx context.Context, c *Connection, p *protocol.ThreadForkParams) (reply, error) {
	config, err := overrides(p.Config)
	if err != nil {
		return reply{}, err
	}
	forked, err := c.manager.Fork(ctx, manager.ForkParams{
		Wanted: manager.Wanted{
			Cwd: value(p.Cwd), Model: p.Model, Provider: p.ModelProvider, ServiceTier: p.ServiceTier.Value,
			BaseInstructions: p.BaseInstructions, DeveloperInstructions: p.DeveloperInstructions,
			Approval: p.ApprovalPolicy, Sandbox: value(p.Sandbox), WorkspaceRoots: p.RuntimeWorkspaceRoots, Config: config,
		},
		ThreadID: p.ThreadID, Path: value(p.Path), LastTurnID: p.LastTurnID, BeforeTurnID: p.BeforeTurnID,
		Ephemeral: p.Ephemeral, ExcludeTurns: p.ExcludeTurns, ThreadSource: value(p.ThreadSource),
	})
	if err != nil {
		return reply{}, err
	}
	c.client.Subscribe(forked.View.ID)
	s := forked.Settings
	return reply{
		result: &protocol.ThreadForkResponse{
			Thread: forked.View, Model: s.Model, ModelProvider: s.Provider, ServiceTier: nonEmpty(s.ServiceTier), Cwd: s.Cwd,
			RuntimeWorkspaceRoots: s.WorkspaceRoots, InstructionSources: forked.Instructions.Sources, ApprovalPolicy: s.Approval,
			ApprovalsReviewer: protocol.ApprovalsReviewerUser, Sandbox: s.Sandbox, ReasoningEffort: forked.View.ReasoningEffort,
			MultiAgentMode: protocol.MultiAgentModeExplicitRequestOnly,
		},
		after: func() {
			started := forked.Opened
			started.View.Turns = nil // whoever wants them reads them
			c.manager.Begun(ctx, &started)
			c.manager.Forked(ctx, forked)
		},
		opens: true,
		size:  sizeOf(forked.View.Turns),
	}, nil
}
