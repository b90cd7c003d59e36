package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// collaborationModeList lists the ways of working a turn may name.
func collaborationModeList(context.Context, *Connection, *protocol.CollaborationModeListParams) (reply, error) {
	plan, plain, effort := protocol.ModeKindPlan, protocol.ModeKindDefault, protocol.ReasoningEffort("medium")
	return reply{result: &protocol.CollaborationModeListResponse{Data: []protocol.CollaborationModeMask{{Name: "Plan", Mode: &plan, ReasoningEffort: &effort}, {Name: "Default", Mode: &plain}}}}, nil
}
