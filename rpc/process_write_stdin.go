package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// processWriteStdin writes to the input of a process, or ends it.
func processWriteStdin(_ context.Context, c *Connection, p *protocol.ProcessWriteStdinParams) (reply, error) {
	return spawnFamily.writeTo(c.client.Process(p.ProcessHandle), p.ProcessHandle, p.DeltaBase64, p.CloseStdin, &protocol.ProcessWriteStdinResponse{})
}
