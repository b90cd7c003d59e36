package rpc

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/jsonrpc"
)

// Codes of error answers. The reference uses invalidRequest for nearly all.
const (
	codeInvalidRequest = -32600
	codeMethodNotFound = -32601
	codeInvalidParams  = -32602
	codeInternal       = -32603
)

// A malformed request could not be read.
type malformed struct{ err error }

func (m *malformed) Error() string { return "Invalid request: " + m.err.Error() }
func (m *malformed) Unwrap() error { return m.err }

var errNotInitialized = &thread.Refusal{Kind: thread.KindNotInitialized, Message: "Not initialized", Remedy: "send initialize first"}

func experimentalOnly(what string) error {
	return &thread.Refusal{Kind: thread.KindNotSupported, Message: what + " requires experimentalApi capability",
		Remedy: "send initialize with capabilities.experimentalApi true"}
}

// A coded error has a code other than its kind's.
type coded struct {
	code int64
	data map[string]any // beside kind, retryable and remedy
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// invalidParams refuses params that can be read but make no sense.
func invalidParams(data map[string]any, remedy, format string, args ...any) error {
	return &coded{codeInvalidParams, data, &thread.Refusal{Kind: thread.KindInvalidInput, Message: fmt.Sprintf(format, args...), Remedy: remedy}}
}

// wireError is a failure as the client is told it: a code and a text, codex's
// where it has one, and in data what a program can act on: kind, of a closed
// set; retryable; remedy.
func wireError(err error) *jsonrpc.Error {
	e, _ := wireFailure(err)
	return e
}

// wireFailure is wireError, and whether the failure is one of the host's own: one
// that whoever runs it should hear of.
func wireFailure(err error) (e *jsonrpc.Error, own bool) {
	code := int64(codeInvalidRequest)
	data := map[string]any{}
	kind, remedy := thread.KindInternal, "see the log on stderr"
	var c *coded
	var r *thread.Refusal
	var m *malformed
	var f *thread.Failure
	var provider *manager.ProviderError
	var locked *manager.Locked
	var write *config.WriteError
	var steer *thread.NotSteerable
	switch {
	case errors.As(err, &f):
		code, kind, remedy = orInternal(f.Code), f.Kind, f.Remedy
		if len(f.Data) > 0 { // another server's own words go through as they are
			return &jsonrpc.Error{Code: code, Message: err.Error(), Data: f.Data}, false
		}
	case errors.As(err, &steer):
		kind, remedy = thread.KindThreadBusy, "wait for the turn's end, or interrupt it"
		data["message"], data["additionalDetails"], data["misalignment"] = err.Error(), nil, nil
		data["codexErrorInfo"] = map[string]any{"activeTurnNotSteerable": map[string]any{"turnKind": steer.TurnKind}}
	case errors.As(err, &write):
		kind, remedy = thread.KindConfigInvalid, "read the configuration again and send an edit that fits it"
		data["config_write_error_code"] = write.Code
	case errors.As(err, &provider):
		kind, remedy = thread.KindConfigInvalid, "define the provider in config.toml, or name another one"
		data["type"], data["modelProvider"] = "modelProviderNotConfigured", provider.ID
	case errors.Is(err, manager.ErrNoTurns), errors.Is(err, manager.ErrNoItems):
		code, kind, remedy = codeMethodNotFound, thread.KindInvalidRequest, "start a turn first"
	case errors.As(err, &locked):
		kind, remedy = locked.Kind, locked.Remedy
		if locked.Owner != nil {
			data["owner"] = locked.Owner
		}
	case errors.As(err, &r):
		kind, remedy = r.Kind, r.Remedy
	case errors.As(err, &m):
		kind, remedy = thread.KindInvalidRequest, "compare the request with the protocol's schema"
	default:
		code = codeInternal
	}
	if errors.As(err, &c) {
		code = c.code
		for k, v := range c.data {
			data[k] = v
		}
	}
	data["kind"] = kind
	data["retryable"] = kind == thread.KindThreadBusy || kind == thread.KindStorage || kind == thread.KindServerFailed
	if remedy != "" {
		data["remedy"] = remedy
	}
	raw, merr := json.Marshal(data)
	if merr != nil {
		raw = nil // the text says what is needed
	}
	return &jsonrpc.Error{Code: code, Message: err.Error(), Data: raw}, kind == thread.KindInternal || kind == thread.KindStorage
}

func orInternal(code int64) int64 {
	if code == 0 {
		return codeInternal
	}
	return code
}
