package rpc

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsReadFile answers with what a file holds.
func fsReadFile(_ context.Context, _ *Connection, p *protocol.FsReadFileParams) (reply, error) {
	data, err := workspace.ReadFile(string(p.Path))
	if err != nil {
		return reply{}, fileError(err)
	}
	return reply{result: fileAnswer(data)}, nil
}

// fileAnswer is a FsReadFileResponse. It is put together here because base64
// needs no look at every byte for what JSON must escape.
func fileAnswer(data []byte) json.RawMessage {
	const head, tail = `{"dataBase64":"`, `"}`
	b := make([]byte, 0, len(head)+base64.StdEncoding.EncodedLen(len(data))+len(tail))
	b = append(b, head...)
	b = base64.StdEncoding.AppendEncode(b, data)
	return append(b, tail...)
}
