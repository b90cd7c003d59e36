package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsCreateDirectory makes a folder, and those above it unless told not to.
func fsCreateDirectory(_ context.Context, _ *Connection, p *protocol.FsCreateDirectoryParams) (reply, error) {
	parents := p.Recursive == nil || *p.Recursive
	return done(&protocol.FsCreateDirectoryResponse{}, workspace.CreateDirectory(string(p.Path), parents))
}
