package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// envelope is a JSON-RPC message taken apart. Its parts point into the line.
type envelope struct {
	id, method, params, result, failure []byte
}

// open takes a line apart; ok is false for what is no message. A missing
// "jsonrpc" member is forgiven.
func open(text []byte) (e envelope, ok bool) {
	err := rawjson.Object(text, func(name, value []byte) bool {
		switch string(name) {
		case "id":
			e.id = value
		case "method":
			e.method = value
		case "params":
			e.params = value
		case "result":
			e.result = value
		case "error":
			e.failure = value
		}
		return true
	})
	if string(e.id) == "null" {
		e.id = nil
	}
	if string(e.failure) == "null" {
		e.failure = nil
	}
	if err != nil || e.method != nil && (len(e.method) < 2 || e.method[0] != '"') {
		return envelope{}, false
	}
	return e, e.method != nil || e.id != nil && (e.result != nil || e.failure != nil)
}

// name is the method, or empty for an answer.
func (e *envelope) name() string {
	if len(e.method) < 2 {
		return ""
	}
	return string(e.method[1 : len(e.method)-1])
}

// number is the id of an answer to one of our calls.
func (e *envelope) number() (int64, bool) {
	n, err := strconv.ParseInt(string(e.id), 10, 64)
	return n, err == nil
}

// message is the envelope as the SDK takes it.
func (e *envelope) message() (jsonrpc.Message, error) {
	id, err := e.sdkID()
	if err != nil {
		return nil, err
	}
	if e.method != nil {
		return &jsonrpc.Request{ID: id, Method: e.name(), Params: e.params}, nil
	}
	r := &jsonrpc.Response{ID: id, Result: e.result}
	if e.failure != nil {
		r.Error = wireError(e.failure)
	}
	return r, nil
}

func (e *envelope) sdkID() (jsonrpc.ID, error) {
	if e.id == nil {
		return jsonrpc.ID{}, nil
	}
	var v any
	if err := json.Unmarshal(e.id, &v); err != nil {
		return jsonrpc.ID{}, err
	}
	return jsonrpc.MakeID(v)
}

// wireError reads an error object; what is none still says what it is.
func wireError(raw []byte) *jsonrpc.Error {
	var e jsonrpc.Error
	if json.Unmarshal(raw, &e) != nil {
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: string(raw)}
	}
	return &e
}

var errNoID = errors.New("no id")

// idOfCut finds the id of an answer of which only the edges are left. Servers
// write it before the result or after it.
func idOfCut(edges []byte) (int64, error) {
	for rest := edges; ; {
		_, after, ok := bytes.Cut(rest, []byte(`"id"`))
		if !ok {
			return 0, errNoID
		}
		rest = after
		digits := bytes.TrimLeft(after, " \t:")
		n := 0
		for n < len(digits) && digits[n] >= '0' && digits[n] <= '9' {
			n++
		}
		if id, err := strconv.ParseInt(string(digits[:n]), 10, 64); err == nil && id >= firstCall {
			return id, nil
		}
	}
}

// oneLine replaces the line ends in a JSON value; they can only be blanks
// between its tokens.
func oneLine(b []byte) []byte {
	if bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	return bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, b)
}
