package rpc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadInjectItems adds items to what the model sees, without a turn.
func threadInjectItems(ctx context.Context, c *Connection, p *protocol.ThreadInjectItemsParams) (reply, error) {
	t, err := c.manager.Get(p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	if len(p.Items) == 0 {
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "items must not be empty", Remedy: "send at least one item"}
	}
	for i, item := range p.Items {
		if err := checkItem(item); err != nil {
			return reply{}, &thread.Refusal{Kind: thread.KindInvalidInput, Message: fmt.Sprintf("items[%d] is not a valid response item: %v", i, err),
				Remedy: "send items of the Responses API"}
		}
	}
	receipt, err := t.Submit(ctx, &thread.InjectItems{Items: p.Items})
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadInjectItemsResponse{}, after: receipt.Release}, nil
}

// checkItem refuses what cannot be an item. One of a kind that is not known here
// may still be one.
func checkItem(raw json.RawMessage) error {
	if len(raw) > 0 && raw[0] == '{' {
		return nil
	}
	var item protocol.ResponseItem
	return protocol.DecodeParams(raw, &item)
}
