package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsWatch tells the client of changes of a path from now on, by fs/changed.
func fsWatch(_ context.Context, c *Connection, p *protocol.FsWatchParams) (reply, error) {
	path, err := c.files().Watch(p.WatchID, string(p.Path))
	return done(&protocol.FsWatchResponse{Path: protocol.AbsolutePathBuf(path)}, err)
}
