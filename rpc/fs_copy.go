package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsCopy copies a file, a link or a folder.
func fsCopy(ctx context.Context, _ *Connection, p *protocol.FsCopyParams) (reply, error) {
	return done(&protocol.FsCopyResponse{}, workspace.Copy(ctx, string(p.SourcePath), string(p.DestinationPath), p.Recursive))
}
