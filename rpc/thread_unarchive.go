package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadUnarchive moves a thread and its agents back from the archive.
func threadUnarchive(ctx context.Context, c *Connection, p *protocol.ThreadUnarchiveParams) (reply, error) {
	v, moved, err := c.manager.Unarchive(ctx, p.ThreadID)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadUnarchiveResponse{Thread: v}, after: func() { c.manager.Unarchived(ctx, moved...) }}, nil
}
