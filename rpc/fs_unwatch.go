package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsUnwatch ends a watch. Nothing is told of it once this is answered.
func fsUnwatch(_ context.Context, c *Connection, p *protocol.FsUnwatchParams) (reply, error) {
	c.files().Unwatch(p.WatchID)
	return reply{result: &protocol.FsUnwatchResponse{}}, nil
}
