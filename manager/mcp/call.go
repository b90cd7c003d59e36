package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Call is one call of a tool by the model.
type Call struct {
	ID     string
	TurnID string
	// Arguments is a JSON object, or nil for none. See ParseArguments.
	Arguments json.RawMessage
	// Meta is the _meta to send, a JSON object or nil; a progressToken is added.
	Meta   json.RawMessage
	Policy Policy
	// Images: the model takes images.
	Images bool
	// Progress, unless nil, gets the params of the server's progress. It must not block.
	Progress func(params json.RawMessage)
}

// ParseArguments reads the arguments of a model's function call. No text means
// no arguments; the error is what the model is to read.
func ParseArguments(text string) (json.RawMessage, error) {
	if len(bytes.TrimSpace([]byte(text))) == 0 {
		return nil, nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("err: %w", err)
	}
	return json.RawMessage(text), nil
}

// Decide says whether a call of the tool runs, is asked about or is refused.
func (t *Tool) Decide(p Policy) Decision {
	m := t.set.member(t.Server)
	if m == nil {
		return Decision{Verdict: Run} // Call will say that it is gone
	}
	t.set.mu.Lock()
	remembered := t.set.remembered[rawName{t.Server, t.Name}]
	t.set.mu.Unlock()
	return Decide(m.server.approvalMode(t.Name), &t.Hints, p, remembered)
}

// Remember approves the tool for the rest of the thread's life.
func (t *Tool) Remember() { t.set.Remember(t.Server, t.Name) }

// Parallel says whether calls of the tool may run beside others.
func (t *Tool) Parallel() bool {
	m := t.set.member(t.Server)
	return m != nil && m.server.ParallelCalls
}

// Call carries a call out. It asks nobody: Decide first. It blocks until the
// server answers, the server's tool timeout passes or ctx ends.
func (t *Tool) Call(ctx context.Context, c Call) Outcome {
	begun := time.Now()
	m := t.set.member(t.Server)
	if m == nil || m.instance == nil {
		return failure(t.Server, t.Name, fmt.Errorf("unknown MCP server '%s'", t.Server), 0, 0)
	}
	limit := m.server.toolTimeout()
	f := &flight{set: t.set, server: t.Server, call: c}
	raw, err := m.instance.perform(ctx, limit, f, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.CallTool(ctx, provider.ToolCall{Name: t.Name, Arguments: c.Arguments, Meta: withToken(c.Meta, f.token)})
	})
	took := time.Since(begun)
	if err == nil {
		var o Outcome
		if o, err = outcomeOf(raw, took, c.Images); err == nil {
			return o
		}
	}
	return failure(t.Server, t.Name, err, limit, took)
}

// CallTool is a call that a client makes itself: no approval, no item; the
// result is the server's, verbatim.
func (t *Set) CallTool(ctx context.Context, server, tool string, arguments, meta json.RawMessage) (json.RawMessage, error) {
	m, err := t.find(server)
	if err != nil {
		return nil, err
	}
	if !m.server.allows(tool) {
		return nil, fmt.Errorf("tool '%s' is disabled for MCP server '%s'", tool, server)
	}
	f := &flight{set: t, server: server}
	return m.instance.perform(ctx, m.server.toolTimeout(), f, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.CallTool(ctx, provider.ToolCall{Name: tool, Arguments: arguments, Meta: meta})
	})
}

// find returns a server that can be called.
func (t *Set) find(server string) (*member, error) {
	m := t.member(server)
	switch {
	case m == nil, !m.server.Enabled:
		return nil, fmt.Errorf("unknown MCP server '%s'", server)
	case m.instance == nil:
		return nil, errors.New(startupText(server, m.err, m.server.startupTimeout()))
	}
	return m, nil
}

// flight is a call in flight: where a server's questions and progress go.
type flight struct {
	set    *Set
	server string
	call   Call
	token  int64
	ctx    context.Context // the call's
}

// perform runs op on the server, within limit from the moment the server is up.
func (i *instance) perform(ctx context.Context, limit time.Duration, f *flight, op func(context.Context, provider.Session) (json.RawMessage, error)) (json.RawMessage, error) {
	session, err := i.serving(ctx)
	if err != nil {
		return nil, err
	}
	callCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f.ctx = callCtx
	i.mu.Lock()
	i.token++
	f.token = i.token
	i.flights = append(i.flights, f)
	i.mu.Unlock()
	raw, err := op(callCtx, session)
	i.mu.Lock()
	defer i.mu.Unlock()
	if at := slices.Index(i.flights, f); at >= 0 {
		i.flights = slices.Delete(i.flights, at, at+1)
	}
	if err == nil {
		return raw, nil
	}
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, &provider.CallError{Cause: provider.CauseTimeout, Message: "timed out after " + seconds(limit)}
	}
	if e, ok := errors.AsType[*provider.CallError](err); ok && e.Cause == provider.CauseClosed && !session.End().Lost {
		i.crashed(session)
	}
	return nil, err
}

// withToken adds a progressToken to a _meta, unless it has one.
func withToken(meta json.RawMessage, token int64) json.RawMessage {
	member := `"progressToken":` + strconv.FormatInt(token, 10) + "}"
	inner := bytes.TrimSpace(meta)
	if len(inner) < 2 || inner[0] != '{' || inner[len(inner)-1] != '}' {
		return json.RawMessage("{" + member)
	}
	if bytes.Contains(inner, []byte(`"progressToken"`)) {
		return meta
	}
	inner = bytes.TrimSpace(inner[:len(inner)-1])
	out := append(make(json.RawMessage, 0, len(inner)+len(member)+1), inner...)
	if len(inner) > 1 {
		out = append(out, ',')
	}
	return append(out, member...)
}

// host is what a session may ask of an instance.
type host struct{ *instance }

// Elicit implements provider.Host. A server does not say which call its question
// belongs to; it is taken to be the one that began last.
func (h host) Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	h.mu.Lock()
	var f *flight
	if n := len(h.flights); n > 0 {
		f = h.flights[n-1]
	}
	h.mu.Unlock()
	if f == nil {
		return json.RawMessage(`{"action":"decline"}`), nil
	}
	q, err := question(params)
	if err != nil {
		return nil, fmt.Errorf("reading the question: %w", err)
	}
	if answer, ok := q.settledBy(f.call.Policy); ok {
		return answer, nil
	}
	q.ThreadID, q.TurnID, q.Server = f.set.thread, optional(f.call.TurnID), f.server
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	response, err := f.set.listener.Elicit(ctx, Elicitation{
		ThreadID: f.set.thread, TurnID: f.call.TurnID, CallID: f.call.ID, Server: f.server, Params: q.encode(),
	})
	if err != nil {
		return json.RawMessage(`{"action":"cancel"}`), nil //nolint:nilerr // nobody answered: the server is to know that
	}
	return reply(response), nil
}

// Progress implements provider.Host.
func (h host) Progress(params json.RawMessage) {
	var p struct {
		Token int64 `json:"progressToken"`
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	h.mu.Lock()
	var report func(json.RawMessage)
	for _, f := range h.flights {
		if f.token == p.Token {
			report = f.call.Progress
		}
	}
	h.mu.Unlock()
	if report != nil {
		report(params)
	}
}

// ToolsChanged implements provider.Host.
func (h host) ToolsChanged() {
	h.svc.opts.Log.Debug("MCP server changed its tools", "server", h.launch.server.Name)
}

// Log implements provider.Host.
func (h host) Log(level, text string) {
	h.svc.opts.Log.Debug("MCP server", "server", h.launch.server.Name, "level", level, "text", text)
}
