package mcp

import (
	"context"
	"encoding/json"
	"sync"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// clientSession is the host's end of a session.
type clientSession struct {
	client    *Client
	id        uint64
	host      Host
	info      Info // set before Start returns
	questions sync.WaitGroup

	mu     sync.Mutex // guards what follows
	end    End
	ended  bool
	ctx    context.Context // made on first use by life, ended by finish
	cancel context.CancelFunc

	done chan struct{}
}

func (s *clientSession) Info() Info            { return s.info }
func (s *clientSession) Done() <-chan struct{} { return s.done }

// End implements Session.
func (s *clientSession) End() End {
	select {
	case <-s.done:
		return s.end
	default:
		return End{}
	}
}

// life is a context that ends with the session. Most sessions never ask
// anything, so it is made on demand.
func (s *clientSession) life() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancel(s.client.ctx)
		if s.ended {
			s.cancel()
		}
	}
	return s.ctx
}

// ask runs f in a goroutine that Done waits for, unless the session has ended.
func (s *clientSession) ask(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.questions.Go(f)
	return true
}

// finish ends the session once; Done follows when its questions are withdrawn.
func (s *clientSession) finish(e End) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended, s.end = true, e
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	// Not in the client's WaitGroup: finish may run while Close waits for it. It
	// ends with the questions, whose context has just been cancelled.
	go func() {
		s.questions.Wait()
		close(s.done)
	}()
}

func (s *clientSession) stop() {
	s.client.out.put(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Stop{Stop: &mcpv1.Stop{Session: s.id}}})
}

// Close implements Session.
func (s *clientSession) Close(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	default:
	}
	s.stop()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// List implements Session.
func (s *clientSession) List(ctx context.Context, what Listing, cursor string) (json.RawMessage, error) {
	return s.call(ctx, &mcpv1.Call{What: &mcpv1.Call_List{List: &mcpv1.List{Of: mcpv1.List_Of(what), Cursor: utf8(cursor)}}})
}

// ReadResource implements Session.
func (s *clientSession) ReadResource(ctx context.Context, uri string) (json.RawMessage, error) {
	return s.call(ctx, &mcpv1.Call{What: &mcpv1.Call_Read{Read: &mcpv1.ReadResource{Uri: utf8(uri)}}})
}

// CallTool implements Session.
func (s *clientSession) CallTool(ctx context.Context, call ToolCall) (json.RawMessage, error) {
	if n := len(call.Arguments) + len(call.Meta); n > MaxPayload {
		return nil, errTooLarge("the call", n)
	}
	return s.call(ctx, &mcpv1.Call{What: &mcpv1.Call_Tool{Tool: &mcpv1.CallTool{
		Name: utf8(call.Name), ArgumentsJson: call.Arguments, MetaJson: call.Meta,
	}}})
}

func (s *clientSession) call(ctx context.Context, m *mcpv1.Call) (json.RawMessage, error) {
	select {
	case <-s.done:
		return nil, &CallError{Cause: CauseUnsent, Message: s.end.Reason}
	default:
	}
	id, w, err := s.client.register(nil)
	if err != nil {
		return nil, &CallError{Cause: CauseUnsent, Message: err.Error()}
	}
	m.Id, m.Session, m.TimeoutMs = id, s.id, timeoutOf(ctx).Milliseconds()
	if !s.client.out.offer(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Call{Call: m}}, w) {
		s.client.forget(id)
		return nil, &CallError{Cause: CauseClosed, Message: "the MCP provider does not read"}
	}
	select {
	case o := <-w.settled:
		return o.json, ownError(ctx, o.err)
	case <-ctx.Done():
		s.client.forget(id)
		s.client.withdraw(id, ctx.Err())
		return nil, ctx.Err()
	}
}

// ownError prefers the context's error to the provider's account of the same
// end: both have clocks, and the provider's may be ahead.
func ownError(ctx context.Context, err error) error {
	e, ok := err.(*CallError)
	if !ok || e.Cause != CauseTimeout && e.Cause != CauseCancelled {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, bounded := ctx.Deadline(); bounded && e.Cause == CauseTimeout {
		return context.DeadlineExceeded
	}
	return err
}
