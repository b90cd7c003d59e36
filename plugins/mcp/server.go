package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// stopWait bounds how long a stream that has ended waits for its servers.
const stopWait = 5 * time.Second

// providerServer is the provider's end of the adapter.
type providerServer struct {
	mcpv1.UnimplementedProviderServer
	impl Provider
}

// Servers implements mcpv1.ProviderServer.
func (p *providerServer) Servers(ctx context.Context, _ *mcpv1.ServersRequest) (*mcpv1.ServersReply, error) {
	reply := &mcpv1.ServersReply{}
	catalog, ok := p.impl.(Catalog)
	if !ok {
		return reply, nil
	}
	servers, err := catalog.Servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range servers {
		reply.Servers = append(reply.Servers, &mcpv1.Server{Key: utf8(s.Key), Name: utf8(s.Name), ConfigJson: s.Config})
	}
	return reply, nil
}

// Session implements mcpv1.ProviderServer: it reads until the host is gone, then
// stops every server that this host had started.
func (p *providerServer) Session(stream mcpv1.Provider_SessionServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	c := &hostConn{
		impl: p.impl, ctx: ctx, stream: stream,
		cancels: map[uint64]context.CancelFunc{}, sessions: map[uint64]*served{}, asked: map[uint64]chan *mcpv1.Answer{},
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			break
		}
		c.dispatch(m)
	}
	cancel()
	c.stopAll()
	return nil
}

// hostConn is one stream.
type hostConn struct {
	impl   Provider
	ctx    context.Context // the stream's
	stream mcpv1.Provider_SessionServer
	sendMu sync.Mutex
	wg     sync.WaitGroup
	serial atomic.Uint64 // of questions

	mu       sync.Mutex // guards what follows
	cancels  map[uint64]context.CancelFunc
	sessions map[uint64]*served
	asked    map[uint64]chan *mcpv1.Answer
}

// served is a running session and its calls in flight.
type served struct {
	Session
	ctx    context.Context // ends with the session: cancels its calls
	cancel context.CancelFunc
	calls  sync.WaitGroup
}

// send may be called concurrently. Its error is dropped: a stream that cannot
// send is about to end its Recv too.
func (c *hostConn) send(m *mcpv1.ProviderMessage) {
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	_ = c.stream.Send(m)
}

func (c *hostConn) dispatch(m *mcpv1.HostMessage) {
	switch k := m.Kind.(type) {
	case *mcpv1.HostMessage_Call:
		c.call(k.Call)
	case *mcpv1.HostMessage_Cancel:
		c.mu.Lock()
		cancel := c.cancels[k.Cancel.Id]
		c.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	case *mcpv1.HostMessage_Start:
		ctx, done := c.track(c.ctx, k.Start.Id, k.Start.TimeoutMs)
		c.wg.Go(func() {
			defer done()
			c.start(ctx, k.Start)
		})
	case *mcpv1.HostMessage_Stop:
		if s := c.session(k.Stop.Session); s != nil {
			c.wg.Go(func() { _ = s.Close(c.ctx) })
		}
	case *mcpv1.HostMessage_Answer:
		c.mu.Lock()
		answer := c.asked[k.Answer.Id]
		delete(c.asked, k.Answer.Id)
		c.mu.Unlock()
		if answer != nil {
			answer <- k.Answer
		}
	}
}

// track makes the context of a start or a call, which a Cancel finds by id.
func (c *hostConn) track(parent context.Context, id uint64, timeoutMs int64) (context.Context, func()) {
	var (
		ctx    context.Context
		cancel context.CancelFunc
	)
	if timeoutMs > 0 {
		ctx, cancel = context.WithTimeout(parent, time.Duration(timeoutMs)*time.Millisecond)
	} else {
		ctx, cancel = context.WithCancel(parent)
	}
	c.mu.Lock()
	c.cancels[id] = cancel
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		delete(c.cancels, id)
		c.mu.Unlock()
		cancel()
	}
}

func (c *hostConn) session(id uint64) *served {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[id]
}

func (c *hostConn) start(ctx context.Context, m *mcpv1.Start) {
	server := Server{Key: m.Server.GetKey(), Name: m.Server.GetName(), Config: m.Server.GetConfigJson()}
	session, err := c.impl.Start(ctx, server, &remoteHost{conn: c, session: m.Id})
	if err == nil {
		if n := size(session.Info()); n > MaxPayload {
			_ = session.Close(c.ctx)
			err = &StartError{Stage: StageTools, Reason: errTooLarge("the list of tools", n).Message}
		}
	}
	if err != nil {
		e := startErrorOf(err)
		c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Failed{Failed: &mcpv1.Failed{
			Id: m.Id, Stage: mcpv1.Stage(e.Stage), Reason: utf8(e.Reason), Remains: remainsTo(e.Remains),
		}}})
		return
	}
	s := &served{Session: session}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	c.sessions[m.Id] = s
	c.mu.Unlock()
	c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Ready{Ready: readyFrom(m.Id, session.Info())}})
	c.wg.Go(func() { c.watch(m.Id, s) })
}

func size(info Info) int {
	n := len(info.Instructions) + len(info.ServerInfo) + len(info.Capabilities) + len(info.ToolsMeta)
	for _, t := range info.Tools {
		n += len(t)
	}
	return n
}

// watch reports the end of a session, after the outcomes of its calls.
func (c *hostConn) watch(id uint64, s *served) {
	<-s.Done()
	c.mu.Lock()
	delete(c.sessions, id)
	c.mu.Unlock()
	s.cancel()
	s.calls.Wait()
	end := s.End()
	c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Ended{Ended: &mcpv1.Ended{
		Session: id, Asked: end.Asked, Reason: utf8(end.Reason), Remains: remainsTo(end.Remains),
	}}})
}

func (c *hostConn) call(m *mcpv1.Call) {
	c.mu.Lock()
	s := c.sessions[m.Session]
	if s != nil {
		s.calls.Add(1) // under the lock: watch removes the session before it waits
	}
	c.mu.Unlock()
	if s == nil {
		c.fail(m.Id, &CallError{Cause: CauseUnsent, Message: "the session has ended"})
		return
	}
	ctx, done := c.track(s.ctx, m.Id, m.TimeoutMs)
	c.wg.Go(func() {
		defer s.calls.Done()
		defer done()
		result, err := perform(ctx, s, m)
		if err == nil && len(result) > MaxPayload {
			err = errTooLarge("the result", len(result))
		}
		if err != nil {
			c.fail(m.Id, callErrorOf(err))
			return
		}
		c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Result{Result: &mcpv1.Result{Id: m.Id, ResultJson: result}}})
	})
}

func perform(ctx context.Context, s Session, m *mcpv1.Call) (json.RawMessage, error) {
	switch w := m.What.(type) {
	case *mcpv1.Call_Tool:
		return s.CallTool(ctx, ToolCall{Name: w.Tool.Name, Arguments: w.Tool.ArgumentsJson, Meta: w.Tool.MetaJson})
	case *mcpv1.Call_List:
		return s.List(ctx, Listing(w.List.Of), w.List.Cursor)
	case *mcpv1.Call_Read:
		return s.ReadResource(ctx, w.Read.Uri)
	}
	return nil, fmt.Errorf("this provider does not know the call %T", m.What)
}

func (c *hostConn) fail(id uint64, e *CallError) {
	c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Error{Error: &mcpv1.CallError{
		Id: id, Kind: mcpv1.ErrorKind(e.Cause), Code: e.Code, Message: utf8(e.Message), DataJson: e.Data,
	}}})
}

// stopAll closes what still runs and waits for it, bounded.
func (c *hostConn) stopAll() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), stopWait)
	defer cancel()
	c.mu.Lock()
	for _, s := range c.sessions {
		c.wg.Go(func() { _ = s.Close(ctx) })
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		c.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// remoteHost is the Host that a session of this stream sees.
type remoteHost struct {
	conn    *hostConn
	session uint64
}

// Elicit implements Host.
func (h *remoteHost) Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	c := h.conn
	id := c.serial.Add(1)
	answer := make(chan *mcpv1.Answer, 1)
	c.mu.Lock()
	c.asked[id] = answer
	c.mu.Unlock()
	c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Elicit{Elicit: &mcpv1.Elicit{Id: id, Session: h.session, ParamsJson: params}}})
	var err error
	select {
	case a := <-answer:
		if a.Error != "" {
			return nil, errors.New(a.Error)
		}
		return a.ResultJson, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.ctx.Done():
		err = c.ctx.Err()
	}
	c.mu.Lock()
	delete(c.asked, id)
	c.mu.Unlock()
	c.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_ElicitGone{ElicitGone: &mcpv1.ElicitGone{Id: id}}})
	return nil, err
}

// Progress implements Host.
func (h *remoteHost) Progress(params json.RawMessage) {
	h.conn.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Progress{Progress: &mcpv1.Progress{Session: h.session, ParamsJson: params}}})
}

// ToolsChanged implements Host.
func (h *remoteHost) ToolsChanged() {
	h.conn.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_ToolsChanged{ToolsChanged: &mcpv1.ToolsChanged{Session: h.session}}})
}

// ResourcesChanged implements ResourceWatcher.
func (h *remoteHost) ResourcesChanged() {
	h.conn.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_ResourcesChanged{ResourcesChanged: &mcpv1.ResourcesChanged{Session: h.session}}})
}

// Log implements Host.
func (h *remoteHost) Log(level, text string) {
	h.conn.send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Log{Log: &mcpv1.Log{Session: h.session, Level: utf8(level), Text: utf8(text)}}})
}
