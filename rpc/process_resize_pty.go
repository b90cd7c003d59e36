package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// processResizePty changes the size of a process's terminal.
func processResizePty(_ context.Context, c *Connection, p *protocol.ProcessResizePtyParams) (reply, error) {
	if err := spawnFamily.resize(c.client.Process(p.ProcessHandle), p.ProcessHandle, *spawnSize(&p.Size)); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ProcessResizePtyResponse{}}, nil
}
