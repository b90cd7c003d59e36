package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadArchive moves a thread and its agents to the archive.
func threadArchive(ctx context.Context, c *Connection, p *protocol.ThreadArchiveParams) (reply, error) {
	moved, err := c.manager.Archive(ctx, p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadArchiveResponse{}, after: func() { c.manager.Archived(ctx, moved...) }}, nil
}
