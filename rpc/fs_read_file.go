package rpc

import (
	"context"
	"slices"
	"sync"

	"github.com/segmentio/asm/base64"

	"github.com/codexhost/codexhost/manager/workspace"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// fsReadFile answers with what a file holds.
func fsReadFile(_ context.Context, _ *Connection, p *protocol.FsReadFileParams) (reply, error) {
	buffer := readBuffers.Get().(*[]byte)
	data, err := workspace.AppendFile((*buffer)[:0], string(p.Path))
	r, err := done(fileContents(data), err)
	r.after = func() { // the answer has been put together by now
		if cap(data) <= mostKept {
			*buffer = data
			readBuffers.Put(buffer)
		}
	}
	return r, err
}

// readBuffers holds what files are read into: a client that reads one reads more.
var readBuffers = sync.Pool{New: func() any { return new([]byte) }}

// mostKept is how large a buffer is kept, in bytes.
const mostKept = 4 << 20

// fileContents is a [protocol.FsReadFileResponse] that becomes base64 where it is
// sent from: files may be large, and so there is no copy, nor a look at every
// byte for what JSON must escape.
type fileContents []byte

// appendTo appends the response.
func (f fileContents) appendTo(b []byte) []byte {
	b = append(b, `{"dataBase64":"`...)
	n := base64.StdEncoding.EncodedLen(len(f))
	b = slices.Grow(b, n+2)
	base64.StdEncoding.Encode(b[len(b):len(b)+n], f)
	return append(b[:len(b)+n], `"}`...)
}

// appendMessage appends what is sent: values of the protocol, and contents.
func appendMessage(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case fileContents:
		return v.appendTo(b), nil
	case skillEntries:
		return v.appendTo(b)
	}
	return protocol.Append(b, v)
}
