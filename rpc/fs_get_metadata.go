package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsGetMetadata describes what a path leads to.
func fsGetMetadata(_ context.Context, _ *Connection, p *protocol.FsGetMetadataParams) (reply, error) {
	return done(workspace.Metadata(string(p.Path)))
}
