package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// reviewStart has changes reviewed within a thread.
func reviewStart(ctx context.Context, c *Connection, p *protocol.ReviewStartParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	task, err := thread.NewReviewTask(p.Target)
	if err != nil {
		return reply{}, err
	}
	receipt, err := t.Submit(ctx, &thread.Review{Task: task})
	if err != nil {
		return reply{}, err
	}
	asked := &protocol.ThreadItemUserMessage{ID: receipt.TurnID, Content: []protocol.UserInput{&protocol.UserInputText{Text: task.Hint}}}
	return reply{
		result: &protocol.ReviewStartResponse{ReviewThreadID: p.ThreadID, Turn: protocol.Turn{
			ID: receipt.TurnID, Status: protocol.TurnStatusInProgress, Items: []protocol.ThreadItem{asked}, ItemsView: protocol.TurnItemsViewNotLoaded,
		}},
		after: receipt.Release,
	}, nil
}
