package rpc

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// permissionProfileList lists the built-in permission profiles.
func permissionProfileList(_ context.Context, _ *Connection, p *protocol.PermissionProfileListParams) (reply, error) {
	all := []protocol.PermissionProfileSummary{{ID: ":read-only", Allowed: true}, {ID: ":workspace", Allowed: true}, {ID: ":danger-full-access", Allowed: true}}
	page, next, err := pageOf(all, p.Cursor, p.Limit)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.PermissionProfileListResponse{Data: page, NextCursor: next}}, nil
}
