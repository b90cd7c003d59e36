package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadResume loads a stored thread, or joins one that is loaded.
func threadResume(ctx context.Context, c *Connection, p *protocol.ThreadResumeParams) (reply, error) {
	config, err := overrides(p.Config)
	if err != nil {
		return reply{}, err
	}
	resumed, err := c.manager.Resume(ctx, manager.ResumeParams{
		Wanted: manager.Wanted{
			Cwd: value(p.Cwd), Model: p.Model, Provider: p.ModelProvider, ServiceTier: p.ServiceTier.Value, Personality: text(p.Personality),
			BaseInstructions: p.BaseInstructions, DeveloperInstructions: p.DeveloperInstructions,
			Approval: p.ApprovalPolicy, Sandbox: value(p.Sandbox), WorkspaceRoots: p.RuntimeWorkspaceRoots, Config: config,
		},
		ThreadID:     p.ThreadID,
		Path:         value(p.Path),
		History:      p.History,
		ExcludeTurns: p.ExcludeTurns,
		InitialPage:  p.InitialTurnsPage,
	})
	if err != nil {
		return reply{}, err
	}
	c.client.Subscribe(resumed.View.ID)
	s := resumed.Settings
	mode := s.CollaborationMode()
	return reply{
		result: &protocol.ThreadResumeResponse{
			Thread: resumed.View, Model: s.Model, ModelProvider: s.Provider, ServiceTier: nonEmpty(s.ServiceTier), Cwd: s.Cwd,
			RuntimeWorkspaceRoots: s.WorkspaceRoots, InstructionSources: resumed.Instructions.Sources, ApprovalPolicy: s.Approval,
			ApprovalsReviewer: protocol.ApprovalsReviewerUser, Sandbox: s.Sandbox, ReasoningEffort: resumed.View.ReasoningEffort,
			MultiAgentMode: protocol.MultiAgentModeExplicitRequestOnly, CollaborationMode: &mode, TurnsBackwardsCursor: resumed.TurnsCursor, ItemsBackwardsCursor: resumed.ItemsCursor,
			InitialTurnsPage: resumed.InitialPage,
		},
		after: func() {
			c.manager.Resumed(ctx, resumed)
			c.client.CatchUp(resumed.View.ID)
		},
		size: sizeOf(resumed.View.Turns),
	}, nil
}
