package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
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
	// MaxOutput is how many bytes of text the model is to read; 0 means DefaultOutput.
	MaxOutput int
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
		return failure(t.Server, t.Name, &UnknownServer{t.Server}, 0, 0)
	}
	if m.instance.dropped(t.Name) {
		return failure(t.Server, t.Name, fmt.Errorf("the server no longer has the tool '%s'", t.Name), 0, 0)
	}
	limit := m.server.toolTimeout()
	f := &flight{set: t.set, server: t.Server, call: c, harmless: t.Hints.harmless()}
	raw, err := m.instance.perform(ctx, limit, f, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.CallTool(ctx, provider.ToolCall{Name: t.Name, Arguments: c.Arguments, Meta: withToken(c.Meta, f.token)})
	})
	took := time.Since(begun)
	if err == nil {
		var o Outcome
		if o, err = outcomeOf(raw, took, c.Images, cmp.Or(c.MaxOutput, DefaultOutput)); err == nil {
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
	f := &flight{set: t, server: server, harmless: m.instance.harmless(tool)}
	return m.instance.perform(ctx, m.server.toolTimeout(), f, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.CallTool(ctx, provider.ToolCall{Name: tool, Arguments: arguments, Meta: meta})
	})
}

// find returns a server that can be called.
func (t *Set) find(server string) (*member, error) {
	m := t.member(server)
	switch {
	case m == nil, !m.server.Enabled:
		return nil, &UnknownServer{server}
	case m.instance == nil:
		return nil, errors.New(startupText(server, m.err, m.server.startupTimeout()))
	}
	return m, nil
}

// flight is a call in flight: where a server's questions and progress go.
type flight struct {
	set    *Set // nil outside of any thread: then there is nobody to ask
	server string
	call   Call
	// harmless: the call may be repeated.
	harmless bool
	token    int64
	session  provider.Session
	ctx      context.Context // the call's
	stop     context.CancelCauseFunc
	limit    time.Duration
	deadline time.Time // moved by progress, up to last; guarded by the instance's lock
	last     time.Time
}

// alive gives the flight its limit anew: the server is at work on it.
func (f *flight) alive() {
	f.deadline = time.Now().Add(f.limit)
	if f.last.Before(f.deadline) {
		f.deadline = f.last
	}
}

// A call is made again only when that does no harm: its server certainly did not
// read it, or its server ended of its own accord, not by a crash, and what is
// called says that it only reads or may be repeated.
const maxResend = 2

// A call that reports progress has its limit anew with each report, up to this
// many limits in all.
const maxExtension = 10

// partingWait is how long it is waited to hear how a server ended.
const partingWait = time.Second

// leftQuietly says whether the session, whose connection is lost, ended with
// exit code 0.
func leftQuietly(ctx context.Context, session provider.Session) bool {
	ctx, cancel := context.WithTimeout(ctx, partingWait)
	defer cancel()
	select {
	case <-session.Done():
		code := session.End().Remains.ExitCode
		return code != nil && *code == 0
	case <-ctx.Done():
		return false
	}
}

// perform runs op on the server, within limit from the moment the server is up.
func (i *instance) perform(ctx context.Context, limit time.Duration, f *flight, op func(context.Context, provider.Session) (json.RawMessage, error)) (json.RawMessage, error) {
	for sent := 0; ; sent++ {
		session, err := i.serving(ctx)
		if err != nil {
			return nil, err
		}
		raw, err := i.try(ctx, limit, f, session, op)
		if err == errReplaced {
			sent--
			continue
		}
		if err == nil {
			if !rawjson.Valid(raw) {
				return nil, &provider.CallError{Cause: provider.CauseBadAnswer, Message: "the server's answer is not valid JSON"}
			}
			return raw, nil
		}
		e, ok := errors.AsType[*provider.CallError](err)
		switch {
		case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return nil, &provider.CallError{Cause: provider.CauseTimeout, Message: "timed out after " + seconds(limit)}
		case !ok || e.Cause != provider.CauseClosed && e.Cause != provider.CauseUnsent:
			return nil, err
		}
		again := e.Cause == provider.CauseUnsent || f.harmless && leftQuietly(ctx, session)
		i.lose(session, !again)
		if !again || sent == maxResend {
			return nil, err
		}
	}
}

// errReplaced says that a session gets no more calls; there is another.
var errReplaced = errors.New("the session was replaced")

// try makes the call once.
func (i *instance) try(ctx context.Context, limit time.Duration, f *flight, session provider.Session, op func(context.Context, provider.Session) (json.RawMessage, error)) (json.RawMessage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	now := time.Now()
	i.mu.Lock()
	if i.session != nil && i.session != session {
		i.mu.Unlock()
		return nil, errReplaced
	}
	i.token++
	f.token, f.session, f.ctx, f.stop = i.token, session, ctx, cancel
	f.limit, f.deadline, f.last = limit, now.Add(limit), now.Add(maxExtension*limit)
	i.flights = append(i.flights, f)
	i.clock.by(f.deadline)
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if at := slices.Index(i.flights, f); at >= 0 {
			i.flights = slices.Delete(i.flights, at, at+1)
		}
		if len(i.draining) > 0 {
			i.drain()
		}
	}()
	raw, err := op(ctx, session)
	if err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return nil, context.DeadlineExceeded
	}
	return raw, err
}

// lose notes that a session is ending, which it may not have been said to yet.
// hurt: a call was lost with it, so that it counts as a crash.
func (i *instance) lose(session provider.Session, hurt bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.session == session {
		i.lost = session
	}
	if hurt && !session.End().Lost {
		i.crashed(session)
	}
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
	if f == nil || f.set == nil {
		return json.RawMessage(`{"action":"decline"}`), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	e := Elicitation{ThreadID: f.set.thread, TurnID: f.call.TurnID, CallID: f.call.ID, Server: f.server}
	answer, err := Put(ctx, params, f.call.Policy, e, f.set.listener.Elicit)
	if errors.Is(err, ErrUnanswered) {
		return json.RawMessage(`{"action":"cancel"}`), nil // the server is to know that
	}
	return answer, err
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
		if f.token == p.Token && f.ctx.Err() == nil {
			f.alive()
			report = f.call.Progress
		}
	}
	h.mu.Unlock()
	if report != nil {
		report(params)
	}
}

// Log implements provider.Host.
func (h host) Log(level, text string) {
	h.svc.opts.Log.Debug("MCP server", "server", h.launch.server.Name, "level", level, "text", text)
}
