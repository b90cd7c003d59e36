package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fuzzyFileSearchSessionStop ends a session. Nothing is told of it once this is answered.
func fuzzyFileSearchSessionStop(_ context.Context, c *Connection, p *protocol.FuzzyFileSearchSessionStopParams) (reply, error) {
	c.files().EndSession(p.SessionID)
	return reply{result: &protocol.FuzzyFileSearchSessionStopResponse{}}, nil
}
