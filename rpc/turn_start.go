package rpc

import (
	"context"
	"unicode/utf8"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// mostInput is how many characters of text one turn may bring.
const mostInput = 1 << 20

// turnStart starts a turn, or adds to the one that runs.
func turnStart(ctx context.Context, c *Connection, p *protocol.TurnStartParams) (reply, error) {
	if err := checkInput(p.Input); err != nil {
		return reply{}, err
	}
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.UserTurn{
		Input: p.Input, ClientMessageID: value(p.ClientUserMessageID), OutputSchema: p.OutputSchema,
		Overrides: thread.Overrides{
			Model: p.Model, Effort: text(p.Effort), Summary: text(p.Summary), Cwd: c.manager.CwdOverride(p.Cwd),
			ServiceTier: p.ServiceTier.Value, Personality: text(p.Personality),
			Approval: p.ApprovalPolicy, Sandbox: p.SandboxPolicy, WorkspaceRoots: p.RuntimeWorkspaceRoots,
			Collaboration: p.CollaborationMode,
		},
	})
	if err != nil {
		return reply{}, err
	}
	return reply{
		result: &protocol.TurnStartResponse{Turn: protocol.Turn{
			ID: receipt.TurnID, RootTurnID: &receipt.TurnID, Status: protocol.TurnStatusInProgress, ItemsView: protocol.TurnItemsViewNotLoaded,
		}},
		after: receipt.Release,
	}, nil
}

// checkInput refuses more text than a turn may bring.
func checkInput(input []protocol.UserInput) error {
	n := 0
	for _, in := range input {
		if t, ok := in.(*protocol.UserInputText); ok {
			n += utf8.RuneCountInString(t.Text)
		}
	}
	if n <= mostInput {
		return nil
	}
	return invalidParams(map[string]any{"input_error_code": "input_too_large", "max_chars": mostInput, "actual_chars": n},
		"send a shorter text, or put it in a file and name the file", "Input exceeds the maximum length of %d characters.", mostInput)
}
