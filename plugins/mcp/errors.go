package mcp

import (
	"encoding/json"
	"fmt"
)

// Stage says how far a start came.
type Stage int

// The stages; their numbers are those of the protocol.
const (
	StageUnknown Stage = iota
	// StageConfig: the provider cannot use the settings.
	StageConfig
	// StageSpawn: the program cannot be run, the address not be reached.
	StageSpawn
	StageHandshake
	StageTools
	StageTimeout
	StageCancelled
	// StageAuth: the server wants a login first.
	StageAuth
)

// StartError says why a server did not start.
type StartError struct {
	Stage   Stage
	Reason  string
	Remains Remains
}

func (e *StartError) Error() string { return e.Reason }

// Cause says what became of a call.
type Cause int

// The causes; their numbers are those of the protocol.
const (
	CauseUnknown Cause = iota
	// CauseServer: the server answered with a JSON-RPC error.
	CauseServer
	CauseTimeout
	CauseCancelled
	// CauseClosed: the server, or its provider, went away before it answered.
	CauseClosed
	// CauseTooLarge: the payload is over MaxPayload.
	CauseTooLarge
	// CauseBadAnswer: the answer is no message of the protocol.
	CauseBadAnswer
	// CauseUnsent: the server went away and had certainly not read the call, which
	// may be made again.
	CauseUnsent
)

// CallError is a call that got no result. Code and Data are the server's and
// set for CauseServer only.
type CallError struct {
	Cause   Cause
	Code    int64
	Message string
	Data    json.RawMessage
}

func (e *CallError) Error() string {
	if e.Cause == CauseServer {
		return fmt.Sprintf("%d: %s", e.Code, e.Message)
	}
	return e.Message
}

// errTooLarge refuses a payload of n bytes; what names it.
func errTooLarge(what string, n int) *CallError {
	return &CallError{Cause: CauseTooLarge, Message: fmt.Sprintf("%s has %d bytes; the limit is %d", what, n, MaxPayload)}
}
