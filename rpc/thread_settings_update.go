package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadSettingsUpdate changes what the next turns run with.
func threadSettingsUpdate(ctx context.Context, c *Connection, p *protocol.ThreadSettingsUpdateParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.Configure{Overrides: thread.Overrides{
		Model: p.Model, Effort: text(p.Effort), Summary: text(p.Summary), Cwd: c.manager.CwdOverride(p.Cwd),
		ServiceTier: p.ServiceTier.Value, Personality: text(p.Personality), Approval: p.ApprovalPolicy, Sandbox: p.SandboxPolicy, Collaboration: p.CollaborationMode,
	}})
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadSettingsUpdateResponse{}, after: receipt.Release}, nil
}
