package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Codes of JSON-RPC 2.0 that the transport itself answers with.
const (
	CodeParseError     = -32700
	CodeInvalidRequest = -32600
	CodeInternalError  = -32603
)

var (
	// ErrClosed is returned by sends and waits on a connection that was closed.
	ErrClosed = errors.New("connection is closed")
	// ErrInputEnded is returned by calls when the client's input has ended, so that no answer can come any more.
	ErrInputEnded = errors.New("the client closed its input, no answer can come")
)

// Error is an error answer: ours to the client, or the client's to a request of ours.
type Error struct {
	Code    int64
	Message string
	Data    json.RawMessage // one JSON value, or nil
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// refusal is what the transport answers to a frame that never reaches the handler. The texts are constants, so the
// data member needs no encoder.
type refusal struct {
	code    int64
	kind    string // closed set: parseError, invalidRequest
	message string
	remedy  string
}

func (r refusal) wire() *Error {
	b := append([]byte(nil), `{"kind":`...)
	b = appendString(b, r.kind)
	b = append(b, `,"retryable":false,"remedy":`...)
	b = appendString(b, r.remedy)
	return &Error{Code: r.code, Message: r.message, Data: append(b, '}')}
}

func parseError(message, remedy string) refusal {
	return refusal{CodeParseError, "parseError", "Parse error: " + message, remedy}
}

func invalidRequest(message, remedy string) refusal {
	return refusal{CodeInvalidRequest, "invalidRequest", "Invalid request: " + message, remedy}
}
