package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadUnsubscribe ends this client's subscription; the thread stays loaded.
func threadUnsubscribe(ctx context.Context, c *Connection, p *protocol.ThreadUnsubscribeParams) (reply, error) {
	status := protocol.ThreadUnsubscribeStatusNotLoaded
	if _, err := c.manager.Get(p.ThreadID); err == nil {
		status = protocol.ThreadUnsubscribeStatusNotSubscribed
		if c.client.Unsubscribe(p.ThreadID) {
			status = protocol.ThreadUnsubscribeStatusUnsubscribed
			c.heads.drop(p.ThreadID)
		}
	}
	return reply{result: &protocol.ThreadUnsubscribeResponse{Status: status}}, nil
}
