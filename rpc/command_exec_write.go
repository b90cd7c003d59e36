package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// commandExecWrite writes to the input of a command, or ends it.
func commandExecWrite(_ context.Context, c *Connection, p *protocol.CommandExecWriteParams) (reply, error) {
	return execFamily.writeTo(c.client.Command(p.ProcessID), p.ProcessID, p.DeltaBase64, p.CloseStdin, &protocol.CommandExecWriteResponse{})
}
