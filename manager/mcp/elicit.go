package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Elicitation is a server's question to the user.
type Elicitation struct {
	ThreadID, TurnID, CallID string
	Server                   string
	// Params are those of the mcpServer/elicitation/request to send.
	Params json.RawMessage
}

// ErrUnanswered says that a question reached nobody, or was withdrawn before
// anybody answered.
var ErrUnanswered = errors.New("nobody has answered")

// Put puts a question to the user by way of ask, unless the policy settles it.
// params are the asker's ElicitRequestParams, which become those of e; the
// answer is an ElicitResult. It blocks as long as ask does, whose failure is an
// ErrUnanswered.
func Put(ctx context.Context, params json.RawMessage, p Policy, e Elicitation, ask func(context.Context, Elicitation) ([]byte, error)) (json.RawMessage, error) {
	q, err := question(params)
	if err != nil {
		return nil, fmt.Errorf("reading the question: %w", err)
	}
	if answer, ok := q.settledBy(p); ok {
		return answer, nil
	}
	q.ThreadID, q.TurnID, q.Server = e.ThreadID, optional(e.TurnID), e.Server
	e.Params = q.encode()
	response, err := ask(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return reply(response), nil
}

// elicitation is the params of a mcpServer/elicitation/request.
type elicitation struct {
	ThreadID string          `json:"threadId"`
	TurnID   *string         `json:"turnId"`
	Server   string          `json:"serverName"`
	Mode     string          `json:"mode"`
	Meta     json.RawMessage `json:"_meta"`
	Message  string          `json:"message"`
	Schema   json.RawMessage `json:"requestedSchema,omitempty"`
	URL      string          `json:"url,omitempty"`
	ID       string          `json:"elicitationId,omitempty"` // of a url
}

func (e elicitation) encode() json.RawMessage {
	if len(e.Meta) == 0 {
		e.Meta = json.RawMessage("null")
	}
	raw, err := json.Marshal(e)
	if err != nil { // only a raw part can fail, and each was checked
		return nil
	}
	return raw
}

// question reads a server's ElicitRequestParams.
func question(params json.RawMessage) (elicitation, error) {
	var e elicitation
	if err := json.Unmarshal(params, &e); err != nil {
		return e, err
	}
	e.ThreadID, e.TurnID, e.Server = "", nil, ""
	if e.Mode == "" {
		e.Mode = "form"
	}
	switch e.Mode {
	case "form":
		e.URL, e.ID = "", ""
		if isNull(e.Schema) {
			e.Schema = json.RawMessage("{}")
		}
		var err error
		e.Schema, err = form(e.Schema)
		return e, err
	case "url":
		e.Schema = nil
		return e, nil
	}
	return e, fmt.Errorf("the mode %q is not known", e.Mode)
}

// settledBy answers a server's question without asking, where the policy says
// so. A form without fields is no more than a confirmation, which full access
// under "never" gives.
func (e *elicitation) settledBy(p Policy) (json.RawMessage, bool) {
	switch {
	case p.Never && p.FullAccess && e.Mode == "form" && !e.hasFields():
		return json.RawMessage(`{"action":"accept","content":{}}`), true
	case p.Never, p.NoElicitations:
		return json.RawMessage(`{"action":"decline"}`), true
	}
	return nil, false
}

func (e *elicitation) hasFields() bool {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	return json.Unmarshal(e.Schema, &s) != nil || len(s.Properties) > 0
}

// reply turns the client's response into the server's ElicitResult.
func reply(response json.RawMessage) json.RawMessage {
	var r struct {
		Action  string          `json:"action"`
		Content json.RawMessage `json:"content,omitempty"`
		Meta    json.RawMessage `json:"_meta,omitempty"`
	}
	if json.Unmarshal(response, &r) != nil {
		return json.RawMessage(`{"action":"cancel"}`)
	}
	if isNull(r.Content) {
		r.Content = nil
		if r.Action == "accept" {
			r.Content = json.RawMessage("{}")
		}
	}
	if isNull(r.Meta) {
		r.Meta = nil
	}
	switch r.Action {
	case "accept", "decline", "cancel":
	default:
		r.Action, r.Content = "cancel", nil
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return json.RawMessage(`{"action":"cancel"}`)
	}
	return raw
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func compare(a, b string) int { return cmp.Compare(a, b) }
