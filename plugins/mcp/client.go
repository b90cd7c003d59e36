package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// Client is the host's end of one provider. It is a Provider and a Catalog. Its
// stream opens with the first Start. When the connection breaks, every call in
// flight fails with CauseClosed, every session ends, and the Client stays useless:
// the owner makes a new one on a new connection.
type Client struct {
	rpc    mcpv1.ProviderClient
	ctx    context.Context // the stream's life; ended by Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	out    *outbox
	done   chan struct{}

	mu       sync.Mutex // guards what follows
	opened   bool
	err      error // why the stream ended; set once
	next     uint64
	calls    map[uint64]*waiting
	sessions map[uint64]*clientSession
	asked    map[uint64]context.CancelFunc
}

// outcome settles a start or a call.
type outcome struct {
	json  []byte
	ready *mcpv1.Ready
	err   error
}

// NewClient returns the host's end over an established connection, which stays
// the caller's. Close it.
func NewClient(cc grpc.ClientConnInterface) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{
		rpc:      mcpv1.NewProviderClient(cc),
		ctx:      ctx,
		cancel:   cancel,
		out:      newOutbox(),
		done:     make(chan struct{}),
		calls:    make(map[uint64]*waiting),
		sessions: make(map[uint64]*clientSession),
		asked:    make(map[uint64]context.CancelFunc),
	}
}

// Done is closed when the provider is gone or Close was called.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the stream, upon which the provider stops its servers, and waits
// for the goroutines of this end. It does not wait for the provider.
func (c *Client) Close() error {
	c.cancel()
	c.end(errors.New("the host closed the connection to the MCP provider"))
	c.wg.Wait()
	return nil
}

// Servers lists what the provider brings along.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	reply, err := c.rpc.Servers(ctx, &mcpv1.ServersRequest{})
	if err != nil {
		return nil, fmt.Errorf("listing the servers of the MCP provider: %w", err)
	}
	servers := make([]Server, 0, len(reply.Servers))
	for _, s := range reply.Servers {
		servers = append(servers, Server{Key: s.Key, Name: s.Name, Config: s.ConfigJson})
	}
	return servers, nil
}

// Start implements Provider.
func (c *Client) Start(ctx context.Context, server Server, host Host) (Session, error) {
	if err := c.open(); err != nil {
		return nil, &StartError{Stage: StageSpawn, Reason: err.Error()}
	}
	s := &clientSession{client: c, host: host, done: make(chan struct{})}
	id, w, err := c.register(s)
	if err != nil {
		return nil, &StartError{Stage: StageSpawn, Reason: err.Error()}
	}
	s.id = id
	patience := timeoutOf(ctx)
	if patience > 0 {
		patience += lastWords // it is this end that gives up first, and says so
	}
	sent := c.out.offer(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Start{Start: &mcpv1.Start{
		Id:        id,
		Server:    &mcpv1.Server{Key: utf8(server.Key), Name: utf8(server.Name), ConfigJson: server.Config},
		TimeoutMs: patience.Milliseconds(),
	}}}, w)
	if !sent {
		c.take(id)
		c.forget(id)
		return nil, &StartError{Stage: StageSpawn, Reason: "the MCP provider does not read"}
	}
	select {
	case o := <-w.settled:
		if o.err != nil {
			return nil, o.err
		}
		return s, nil
	case <-ctx.Done():
	}
	return nil, c.giveUp(ctx, id, w.settled)
}

// lastWords is how long a start that is given up waits for the provider's
// account of it: it alone knows what the server's process had to say.
const lastWords = 300 * time.Millisecond

func (c *Client) giveUp(ctx context.Context, id uint64, settled <-chan outcome) error {
	c.withdraw(id, ctx.Err())
	wait := time.NewTimer(lastWords)
	defer wait.Stop()
	select {
	case o := <-settled:
		return c.refuse(ctx, id, o)
	case <-wait.C:
	}
	c.forget(id)
	select {
	case o := <-settled: // it came just before it was forgotten
		return c.refuse(ctx, id, o)
	default:
		return startErrorOf(ctx.Err())
	}
}

// refuse makes an error of the outcome of a start that was given up. A session
// is stopped.
func (c *Client) refuse(ctx context.Context, id uint64, o outcome) error {
	e := *startErrorOf(ctx.Err())
	if failed, ok := errors.AsType[*StartError](o.err); ok {
		e.Reason, e.Remains = failed.Reason, failed.Remains
	} else if s := c.session(id); s != nil {
		s.stop()
	}
	return &e
}

// open starts the stream once.
func (c *Client) open() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.opened {
		return c.err
	}
	stream, err := c.rpc.Session(c.ctx)
	if err != nil {
		return fmt.Errorf("opening the stream to the MCP provider: %w", err)
	}
	c.opened = true
	c.out.send = stream.Send
	c.wg.Go(func() { c.out.drain(c.done) })
	c.wg.Go(func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				c.end(fmt.Errorf("the MCP provider has gone: %w", err))
				return
			}
			c.dispatch(m)
		}
	})
	return nil
}

// register numbers a start (s is set) or a call and returns where its outcome
// will be put.
func (c *Client) register(s *clientSession) (uint64, *waiting, error) {
	w := &waiting{settled: make(chan outcome, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	c.next++
	c.calls[c.next] = w
	if s != nil {
		c.sessions[c.next] = s
	}
	return c.next, w, nil
}

// forget drops what waits under id. A start that succeeds nevertheless is
// stopped when its Ready comes.
func (c *Client) forget(id uint64) {
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
}

// withdraw tells the provider that nobody wants the outcome any more.
func (c *Client) withdraw(id uint64, why error) {
	c.out.put(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Cancel{Cancel: &mcpv1.Cancel{Id: id, Reason: utf8(why.Error())}}})
}

// settle hands an outcome over and reports whether somebody waited for it.
func (c *Client) settle(id uint64, o outcome) bool {
	c.mu.Lock()
	w, ok := c.calls[id]
	delete(c.calls, id)
	c.mu.Unlock()
	if ok {
		c.out.answered(w)
		w.settled <- o
	}
	return ok
}

// end fails whatever waits and ends every session. The first reason counts.
func (c *Client) end(why error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = why
	calls, sessions := c.calls, c.sessions
	c.calls, c.sessions = map[uint64]*waiting{}, map[uint64]*clientSession{}
	close(c.done)
	c.mu.Unlock()
	c.cancel()
	for id, w := range calls {
		if _, starting := sessions[id]; starting {
			w.settled <- outcome{err: &StartError{Stage: StageSpawn, Reason: why.Error()}}
		} else {
			w.settled <- outcome{err: &CallError{Cause: CauseClosed, Message: why.Error()}}
		}
	}
	for _, s := range sessions {
		s.finish(End{Lost: true, Reason: why.Error()})
	}
}

// dispatch handles one message. It never blocks: questions get goroutines.
func (c *Client) dispatch(m *mcpv1.ProviderMessage) {
	switch k := m.Kind.(type) {
	case *mcpv1.ProviderMessage_Result:
		c.settle(k.Result.Id, outcome{json: k.Result.ResultJson})
	case *mcpv1.ProviderMessage_Error:
		c.settle(k.Error.Id, outcome{err: callErrorFrom(k.Error)})
	case *mcpv1.ProviderMessage_Ready:
		c.ready(k.Ready)
	case *mcpv1.ProviderMessage_Failed:
		c.take(k.Failed.Id)
		c.settle(k.Failed.Id, outcome{err: startErrorFrom(k.Failed)})
	case *mcpv1.ProviderMessage_Ended:
		if s := c.take(k.Ended.Session); s != nil {
			s.finish(End{Asked: k.Ended.Asked, Reason: k.Ended.Reason, Remains: remainsFrom(k.Ended.Remains)})
		}
	case *mcpv1.ProviderMessage_Elicit:
		c.elicit(k.Elicit)
	case *mcpv1.ProviderMessage_ElicitGone:
		c.mu.Lock()
		cancel := c.asked[k.ElicitGone.Id]
		c.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	case *mcpv1.ProviderMessage_Progress:
		if s := c.session(k.Progress.Session); s != nil {
			s.host.Progress(k.Progress.ParamsJson)
		}
	case *mcpv1.ProviderMessage_ToolsChanged:
		if s := c.session(k.ToolsChanged.Session); s != nil {
			s.host.ToolsChanged()
		}
	case *mcpv1.ProviderMessage_ResourcesChanged:
		if s := c.session(k.ResourcesChanged.Session); s != nil {
			TellResourcesChanged(s.host)
		}
	case *mcpv1.ProviderMessage_Log:
		if s := c.session(k.Log.Session); s != nil {
			s.host.Log(k.Log.Level, k.Log.Text)
		}
	}
}

func (c *Client) ready(r *mcpv1.Ready) {
	s := c.session(r.Id)
	if s == nil {
		return
	}
	s.info = infoFrom(r)
	if !c.settle(r.Id, outcome{ready: r}) {
		s.stop()
	}
}

func (c *Client) session(id uint64) *clientSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[id]
}

// take removes a session.
func (c *Client) take(id uint64) *clientSession {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[id]
	delete(c.sessions, id)
	return s
}

// elicit asks the host in a goroutine of its own and sends the answer back.
func (c *Client) elicit(q *mcpv1.Elicit) {
	s := c.session(q.Session)
	if s == nil {
		c.answer(q.Id, nil, errors.New("the session has ended"))
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.mu.Lock()
	c.asked[q.Id] = cancel
	c.mu.Unlock()
	asked := s.ask(func() {
		defer cancel()
		stop := context.AfterFunc(s.life(), cancel)
		defer stop()
		result, err := s.host.Elicit(ctx, q.ParamsJson)
		c.mu.Lock()
		delete(c.asked, q.Id)
		c.mu.Unlock()
		c.answer(q.Id, result, err)
	})
	if !asked {
		cancel()
	}
}

func (c *Client) answer(id uint64, result []byte, err error) {
	a := &mcpv1.Answer{Id: id, ResultJson: result}
	if err != nil {
		a.Error, a.ResultJson = utf8(err.Error()), nil
	}
	c.out.put(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Answer{Answer: a}})
}
