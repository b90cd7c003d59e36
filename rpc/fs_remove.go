package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsRemove removes a file or a folder with all it holds. What is missing is fine
// unless the client says that it is not.
func fsRemove(_ context.Context, _ *Connection, p *protocol.FsRemoveParams) (reply, error) {
	recursive, force := p.Recursive == nil || *p.Recursive, p.Force == nil || *p.Force
	return done(&protocol.FsRemoveResponse{}, workspace.Remove(string(p.Path), recursive, force))
}
