package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadMetadataUpdate changes what is known of a thread's repository.
func threadMetadataUpdate(ctx context.Context, c *Connection, p *protocol.ThreadMetadataUpdateParams) (reply, error) {
	v, err := c.manager.UpdateMetadata(ctx, p)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.ThreadMetadataUpdateResponse{Thread: v}}, nil
}
