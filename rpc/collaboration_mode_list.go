package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// collaborationModeList lists the ways of working a turn may name.
func collaborationModeList(context.Context, *Connection, *protocol.CollaborationModeListParams) (reply, error) {
	plan, plain := protocol.ModeKindPlan, protocol.ModeKindDefault
	return reply{result: &protocol.CollaborationModeListResponse{Data: []protocol.CollaborationModeMask{{Name: "Plan", Mode: &plan}, {Name: "Default", Mode: &plain}}}}, nil
}
