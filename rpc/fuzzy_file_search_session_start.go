package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fuzzyFileSearchSessionStart begins a search that goes on with what the client types.
func fuzzyFileSearchSessionStart(_ context.Context, c *Connection, p *protocol.FuzzyFileSearchSessionStartParams) (reply, error) {
	release, err := c.files().StartSession(p.SessionID, p.Roots)
	if err != nil {
		return reply{}, fileError(err)
	}
	return reply{result: &protocol.FuzzyFileSearchSessionStartResponse{}, after: release}, nil
}
