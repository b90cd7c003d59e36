package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsWriteFile makes a file hold what the client sends.
func fsWriteFile(_ context.Context, _ *Connection, p *protocol.FsWriteFileParams) (reply, error) {
	data, err := decodeBase64(p.DataBase64)
	if err != nil {
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "fs/writeFile requires valid base64 dataBase64: " + err.Error(),
			Remedy: "send standard base64 with padding and without line breaks"}
	}
	return done(&protocol.FsWriteFileResponse{}, workspace.WriteFile(string(p.Path), data))
}
