package jsonrpc

import (
	"context"
	"encoding/json"
)

type echo struct{ c *Conn }

func (e *echo) Request(_ context.Context, id ID, method string, params json.RawMessage) {
	e.c.Reply(id, params)
}
func (e *echo) Notification(_ context.Context, method string, params json.RawMessage) {
	e.c.Notify(context.Background(), method, params)
}
