package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// commandExecResize changes the size of a command's terminal.
func commandExecResize(_ context.Context, c *Connection, p *protocol.CommandExecResizeParams) (reply, error) {
	if err := execFamily.resize(c.client.Command(p.ProcessID), p.ProcessID, *execSize(&p.Size)); err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.CommandExecResizeResponse{}}, nil
}
