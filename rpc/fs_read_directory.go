package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsReadDirectory lists a folder.
func fsReadDirectory(_ context.Context, _ *Connection, p *protocol.FsReadDirectoryParams) (reply, error) {
	entries, err := workspace.ReadDirectory(string(p.Path))
	return done(&protocol.FsReadDirectoryResponse{Entries: entries}, err)
}
