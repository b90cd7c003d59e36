package tool_test

import (
	"context"
	"fmt"
	"time"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// turn is a turn that notes what a tool does to it, and answers what it asks.
type turn struct {
	tool.Turn // what no tool of these tests uses

	log    []string
	answer string
	refuse error
	cancel context.CancelFunc // called when something is asked, if set
}

func (*turn) ThreadID() string                  { return "thread" }
func (*turn) TurnID() string                    { return "turn" }
func (*turn) Cwd() string                       { return "/" }
func (*turn) Approval() protocol.AskForApproval { return protocol.AskForApprovalOnRequest }
func (*turn) Sandbox() protocol.SandboxPolicy   { return &protocol.SandboxPolicyReadOnly{} }
func (*turn) Now() time.Time                    { return time.UnixMilli(1000) }

func (t *turn) Start(_ context.Context, item protocol.ThreadItem)    { t.note("started", item) }
func (t *turn) Complete(_ context.Context, item protocol.ThreadItem) { t.note("completed", item) }
func (t *turn) Tell(_ context.Context, method string, params any)    { t.note(method, params) }

func (t *turn) Ask(ctx context.Context, w tool.Waiting, method string, params any) ([]byte, error) {
	t.note(fmt.Sprintf("asked %d %s", w, method), params)
	if t.cancel != nil {
		t.cancel()
		return nil, ctx.Err()
	}
	return []byte(t.answer), t.refuse
}

// note keeps what happened as the wire would have it.
func (t *turn) note(what string, v any) {
	b, err := protocol.Append(nil, v)
	if err != nil {
		b = []byte(err.Error())
	}
	t.log = append(t.log, what+" "+string(b))
}
