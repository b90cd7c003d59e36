package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadArchive moves a thread to the archive.
func threadArchive(ctx context.Context, c *Connection, p *protocol.ThreadArchiveParams) (reply, error) {
	if err := c.manager.Archive(ctx, p.ThreadID); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadArchiveResponse{}, after: func() { c.manager.Archived(ctx, p.ThreadID) }}, nil
}
