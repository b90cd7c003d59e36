package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fuzzyFileSearchSessionUpdate makes a session look for something else.
func fuzzyFileSearchSessionUpdate(_ context.Context, c *Connection, p *protocol.FuzzyFileSearchSessionUpdateParams) (reply, error) {
	release, err := c.files().Query(p.SessionID, p.Query)
	if err != nil {
		return reply{}, fileError(err)
	}
	return reply{result: &protocol.FuzzyFileSearchSessionUpdateResponse{}, after: release}, nil
}
