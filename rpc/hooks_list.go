package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// hooksList lists the hooks of folders, or of the folder that a thread works in.
func hooksList(ctx context.Context, c *Connection, p *protocol.HooksListParams) (reply, error) {
	cwds := p.Cwds
	if len(cwds) == 0 && p.ThreadID != nil {
		t, err := c.manager.Get(*p.ThreadID)
		if err != nil {
			return reply{}, err
		}
		cwds = []string{t.Snapshot().Settings.Cwd}
	}
	return reply{result: &protocol.HooksListResponse{Data: c.manager.Hooks(ctx, cwds)}}, nil
}
