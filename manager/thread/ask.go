package thread

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Ask puts a question to the client on the thread's behalf; while it waits, the
// thread shows so.
func (t *Thread) Ask(ctx context.Context, w tool.Waiting, method string, params any) ([]byte, error) {
	t.wait(ctx, w, +1)
	defer t.wait(context.WithoutCancel(ctx), w, -1)
	asked := t.now()
	answer, err := t.services.Asker.Ask(ctx, Question{ThreadID: t.id, Method: method, Params: params})
	if w != tool.WaitingOnNothing || strings.HasSuffix(method, "/requestApproval") {
		t.recordDecision(ctx, method, params, asked, answer, err)
	}
	return answer, err
}

// recordDecision keeps in the thread's file what was asked and what was decided.
func (t *Thread) recordDecision(ctx context.Context, method string, params any, asked time.Time, answer []byte, failed error) {
	question, _ := protocol.Append(nil, params) // a value of the protocol always has a wire form
	decision := struct {
		Method    string          `json:"method"`
		Question  json.RawMessage `json:"question"`
		Client    string          `json:"client"`
		AskedAt   int64           `json:"asked_at_ms"`
		DecidedAt int64           `json:"decided_at_ms"`
		Answer    json.RawMessage `json:"answer,omitempty"`
		Error     string          `json:"error,omitempty"`
	}{Method: method, Question: question, Client: t.spec.Client.Originator, AskedAt: asked.UnixMilli(), DecidedAt: t.now().UnixMilli()}
	if failed != nil {
		decision.Error = failed.Error()
	} else {
		decision.Answer = answer
	}
	body, err := json.Marshal(decision)
	if err != nil { // the client's answer was no JSON
		decision.Answer, decision.Error = nil, "unreadable answer"
		body, _ = json.Marshal(decision)
	}
	t.tell(context.WithoutCancel(ctx), []rollout.Record{rollout.HostEvent("decision", body)})
}

// wait changes what the thread is shown to wait for.
func (t *Thread) wait(ctx context.Context, w tool.Waiting, by int) {
	if w == tool.WaitingOnNothing {
		return
	}
	t.telling.Lock()
	defer t.telling.Unlock()
	t.mu.Lock()
	t.waiting[w] += by
	changed := t.waiting[w] == 0 && by < 0 || t.waiting[w] == 1 && by > 0
	changed = changed && t.active != nil
	t.mu.Unlock()
	if changed {
		t.observer.Event(ctx, t.statusEvent())
	}
}
