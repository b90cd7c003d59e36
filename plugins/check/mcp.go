package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codexhost/codexhost/plugins/mcp"
	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// mcpContract tries a provider of MCP servers.
type mcpContract struct{ *suite }

func (c *mcpContract) kind() string { return mcp.Kind }

const noTool = "codexhost-check-no-such-tool"

// channel is one stream to a provider.
type channel struct {
	stream mcpv1.Provider_SessionClient
	cancel context.CancelFunc
	limits Limits
	next   uint64

	mu     sync.Mutex // guards what follows
	wake   chan struct{}
	got    map[uint64][]*mcpv1.ProviderMessage // answers to starts and calls, by id
	ended  map[uint64]*mcpv1.Ended
	broken error
}

func (c *mcpContract) open(ctx context.Context, p *process) (*channel, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := mcpv1.NewProviderClient(p.conn).Session(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("opening the stream: %w", err)
	}
	ch := &channel{stream: stream, cancel: cancel, limits: c.limits, wake: make(chan struct{}, 1), got: map[uint64][]*mcpv1.ProviderMessage{}, ended: map[uint64]*mcpv1.Ended{}}
	go ch.read() // ends with the stream, which close or the end of the process ends
	return ch, nil
}

func (ch *channel) close() { ch.cancel() }

func (ch *channel) read() {
	for {
		m, err := ch.stream.Recv()
		ch.mu.Lock()
		if err != nil {
			ch.broken = err
		}
		switch k := m.GetKind().(type) {
		case *mcpv1.ProviderMessage_Ready:
			ch.got[k.Ready.Id] = append(ch.got[k.Ready.Id], m)
		case *mcpv1.ProviderMessage_Failed:
			ch.got[k.Failed.Id] = append(ch.got[k.Failed.Id], m)
		case *mcpv1.ProviderMessage_Result:
			ch.got[k.Result.Id] = append(ch.got[k.Result.Id], m)
		case *mcpv1.ProviderMessage_Error:
			ch.got[k.Error.Id] = append(ch.got[k.Error.Id], m)
		case *mcpv1.ProviderMessage_Ended:
			ch.ended[k.Ended.Session] = k.Ended
		}
		ch.mu.Unlock()
		select {
		case ch.wake <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// await waits until done, which is called with the lock held.
func (ch *channel) await(within time.Duration, what string, done func() bool) error {
	t := time.NewTimer(within)
	defer t.Stop()
	for {
		ch.mu.Lock()
		ok, broken := done(), ch.broken
		ch.mu.Unlock()
		switch {
		case ok:
			return nil
		case broken != nil:
			return fmt.Errorf("the stream ended before %s: %w", what, broken)
		}
		select {
		case <-ch.wake:
		case <-t.C:
			return fmt.Errorf("%s does not come within %v", what, within)
		}
	}
}

// answer waits for the answer to a start or a call.
func (ch *channel) answer(id uint64, within time.Duration, to string) (*mcpv1.ProviderMessage, error) {
	err := ch.await(within, "the answer to "+to, func() bool { return len(ch.got[id]) > 0 })
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.got[id][0], nil
}

// once makes sure that nothing was answered twice.
func (ch *channel) once() error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for id, answers := range ch.got {
		if len(answers) > 1 {
			return fmt.Errorf("the request %d was answered %d times", id, len(answers))
		}
	}
	return nil
}

func (ch *channel) send(m *mcpv1.HostMessage) error {
	if err := ch.stream.Send(m); err != nil {
		return fmt.Errorf("sending: the stream has ended (%w)", err)
	}
	return nil
}

func (ch *channel) start(server *mcpv1.Server, timeout time.Duration) (uint64, error) {
	ch.next++
	return ch.next, ch.send(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Start{Start: &mcpv1.Start{Id: ch.next, Server: server, TimeoutMs: timeout.Milliseconds()}}})
}

// call numbers and sends a call; what it asks for is set by the caller.
func (ch *channel) call(m *mcpv1.Call) (uint64, error) {
	ch.next++
	m.Id = ch.next
	return ch.next, ch.send(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Call{Call: m}})
}

func (ch *channel) withdraw(id uint64) error {
	return ch.send(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Cancel{Cancel: &mcpv1.Cancel{Id: id, Reason: "the check withdraws it"}}})
}

func listTools(session uint64) *mcpv1.Call {
	return &mcpv1.Call{Session: session, What: &mcpv1.Call_List{List: &mcpv1.List{}}}
}

func callTool(session uint64, name string, arguments []byte) *mcpv1.Call {
	return &mcpv1.Call{Session: session, What: &mcpv1.Call_Tool{Tool: &mcpv1.CallTool{Name: name, ArgumentsJson: arguments}}}
}

// servers asks what the provider brings along.
func (c *mcpContract) servers(ctx context.Context, p *process) ([]*mcpv1.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Answer)
	defer cancel()
	reply, err := mcpv1.NewProviderClient(p.conn).Servers(ctx, &mcpv1.ServersRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking for its servers: %w", err)
	}
	return reply.Servers, nil
}

// server is one that the provider can run, or nil.
func (c *mcpContract) server(ctx context.Context, p *process) (*mcpv1.Server, error) {
	list, err := c.servers(ctx, p)
	if err != nil || len(list) > 0 && c.target.Server == nil {
		return first(list), err
	}
	if c.target.Server == nil {
		return nil, nil
	}
	config, err := json.Marshal(c.target.Server)
	if err != nil {
		return nil, fmt.Errorf("writing the server's settings: %w", err)
	}
	return &mcpv1.Server{Key: "check", Name: "check", ConfigJson: config}, nil
}

func first(list []*mcpv1.Server) *mcpv1.Server {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// session opens a stream and, if the provider can run a server, starts one;
// its id is 0 otherwise, and the rule goes on with requests that need none.
func (c *mcpContract) session(ctx context.Context, p *process) (*channel, uint64, error) {
	server, err := c.server(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	ch, err := c.open(ctx, p)
	if err != nil || server == nil {
		return ch, 0, err
	}
	id, _, err := ch.ready(server)
	if err != nil {
		ch.close()
		return nil, 0, err
	}
	return ch, id, nil
}

// ready starts a server and waits for its session.
func (ch *channel) ready(server *mcpv1.Server) (uint64, *mcpv1.Ready, error) {
	id, err := ch.start(server, ch.limits.Start)
	if err != nil {
		return 0, nil, err
	}
	m, err := ch.answer(id, ch.limits.Start+ch.limits.Late, "the start of server "+server.GetName())
	if err != nil {
		return 0, nil, err
	}
	if f := m.GetFailed(); f != nil {
		return 0, nil, fmt.Errorf("its server %s does not start (%s): %s%s", server.GetName(), f.Stage, f.Reason, remains(f.Remains))
	}
	if m.GetReady() == nil {
		return 0, nil, fmt.Errorf("a start is answered with %T, neither ready nor failed", m.Kind)
	}
	return id, m.GetReady(), nil
}

func remains(r *mcpv1.Remains) string {
	if n := len(r.GetStderr()); n > 0 {
		return "; it last wrote: " + strings.Join(r.Stderr[max(0, n-3):], " | ")
	}
	return ""
}

func (c *mcpContract) listing(ctx context.Context, p *process) error {
	list, err := c.servers(ctx, p)
	if err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, s := range list {
		switch {
		case s.Key == "" || s.Name == "":
			return fmt.Errorf("one of its servers has no key or no name (%q, %q)", s.Key, s.Name)
		case keys[s.Key]:
			return fmt.Errorf("two of its servers have the key %q: equal keys are the same server", s.Key)
		}
		keys[s.Key] = true
	}
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	if server == nil {
		return nil // without settings it runs nothing, which is fine
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	id, ready, err := ch.ready(server)
	if err != nil {
		return err
	}
	for i, tool := range ready.ToolsJson {
		var t struct {
			Name        string          `json:"name"`
			InputSchema json.RawMessage `json:"inputSchema"`
		}
		if err := json.Unmarshal(tool, &t); err != nil || t.Name == "" || len(t.InputSchema) == 0 {
			return fmt.Errorf("tool %d of server %s is no object with a name and an inputSchema: %.200s", i+1, server.Name, tool)
		}
	}
	call, err := ch.call(listTools(id))
	if err != nil {
		return err
	}
	m, err := ch.answer(call, c.limits.Answer, "a listing of tools")
	if err != nil {
		return err
	}
	var page struct {
		Tools *[]json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(m.GetResult().GetResultJson(), &page); err != nil || page.Tools == nil {
		return fmt.Errorf("a listing of tools is no object with \"tools\": %v", m)
	}
	return ch.stop(id)
}

// stop ends a session and waits for its Ended.
func (ch *channel) stop(id uint64) error {
	if err := ch.send(&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Stop{Stop: &mcpv1.Stop{Session: id}}}); err != nil {
		return err
	}
	if err := ch.await(ch.limits.Answer, "the end of a session that was stopped", func() bool { return ch.ended[id] != nil }); err != nil {
		return err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.ended[id].Asked {
		return errors.New("a session that was stopped ended as if nobody had asked for it")
	}
	return nil
}

func (c *mcpContract) answers(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	if err := ch.refused(callTool(1<<40, noTool, nil), "a call on a session that never was"); err != nil {
		return err
	}
	if session == 0 {
		return ch.once()
	}
	if err := ch.refused(callTool(session, noTool, nil), "a call of a tool that does not exist"); err != nil {
		return err
	}
	if err := ch.stop(session); err != nil {
		return err
	}
	if err := ch.refused(listTools(session), "a call on a session that has ended"); err != nil {
		return err
	}
	return ch.once()
}

// refused makes a call that must not succeed.
func (ch *channel) refused(call *mcpv1.Call, what string) error {
	id, err := ch.call(call)
	if err != nil {
		return err
	}
	m, err := ch.answer(id, ch.limits.Answer, what)
	if err != nil {
		return err
	}
	if r := m.GetResult(); r != nil {
		var result struct {
			IsError bool `json:"isError"`
		}
		if err := json.Unmarshal(r.ResultJson, &result); err != nil || !result.IsError {
			return fmt.Errorf("%s has a result: %.200s", what, r.ResultJson)
		}
	}
	return nil
}

func (c *mcpContract) deadline(ctx context.Context, p *process) error {
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	id, err := ch.start(server, shortly)
	if err != nil {
		return err
	}
	m, err := ch.answer(id, shortly+c.limits.Late, fmt.Sprintf("a start with a deadline of %v", shortly))
	if err != nil || m.GetReady() == nil {
		return err
	}
	call := listTools(id)
	call.TimeoutMs = shortly.Milliseconds()
	if id, err = ch.call(call); err != nil {
		return err
	}
	_, err = ch.answer(id, shortly+c.limits.Late, fmt.Sprintf("a call with a deadline of %v", shortly))
	return err
}

func (c *mcpContract) cancel(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	var ids []uint64
	for range crowd {
		id, err := ch.call(listTools(session))
		if err == nil {
			err = ch.withdraw(id)
		}
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if _, err := ch.answer(id, c.limits.Late, "a call that was withdrawn"); err != nil {
			return err
		}
	}
	id, err := ch.call(listTools(session))
	if err != nil {
		return err
	}
	if _, err := ch.answer(id, c.limits.Answer, fmt.Sprintf("a call after %d that were withdrawn", crowd)); err != nil {
		return err
	}
	return ch.once()
}

func (c *mcpContract) concurrent(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	ids := make([]uint64, crowd)
	for i := range ids {
		if ids[i], err = ch.call(listTools(session)); err != nil {
			return err
		}
	}
	for _, id := range ids {
		m, err := ch.answer(id, c.limits.Answer, fmt.Sprintf("one of %d calls side by side", crowd))
		if err != nil {
			return err
		}
		if e := m.GetError(); e != nil && session != 0 {
			return fmt.Errorf("of %d calls side by side, one failed: %s", crowd, e.Message)
		}
	}
	return ch.once()
}

func (c *mcpContract) big(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	arguments := []byte(`{"text":"` + strings.Repeat("x", bigMessage) + `"}`)
	id, err := ch.call(callTool(session, noTool, arguments))
	if err != nil {
		return err
	}
	_, err = ch.answer(id, 2*c.limits.Answer, fmt.Sprintf("a call with %d bytes of arguments", len(arguments)))
	return err
}

func (c *mcpContract) grease(ctx context.Context, p *process) error {
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	future := &mcpv1.HostMessage{}
	addUnknown(future, 10)
	if err := ch.send(future); err != nil {
		return err
	}
	session := uint64(0)
	if server != nil {
		addUnknown(server, 10)
		if session, _, err = ch.ready(server); err != nil {
			return fmt.Errorf("with fields of a later version: %w", err)
		}
	}
	unheard := &mcpv1.Call{Session: session}
	addUnknown(unheard, 10)
	of := listTools(session)
	of.GetList().Of = futureEnum
	for what, call := range map[string]*mcpv1.Call{"a call of a later version": unheard, "a listing of a later version": of} {
		id, err := ch.call(call)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer, what); err != nil {
			return err
		}
	}
	if err := p.invoke(ctx, "/"+mcpv1.Provider_ServiceDesc.ServiceName+"/Future"); status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("a method of a later version is not answered with UNIMPLEMENTED, but with: %v", err)
	}
	return ch.once()
}

func (c *mcpContract) odd(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	for _, m := range []*mcpv1.HostMessage{
		{},
		{Kind: &mcpv1.HostMessage_Cancel{Cancel: &mcpv1.Cancel{Id: 1 << 50}}},
		{Kind: &mcpv1.HostMessage_Stop{Stop: &mcpv1.Stop{Session: 1 << 50}}},
		{Kind: &mcpv1.HostMessage_Answer{Answer: &mcpv1.Answer{Id: 1 << 50}}},
	} {
		if err := ch.send(m); err != nil {
			return err
		}
	}
	if err := c.alive(ctx, p, "a message about what never was"); err != nil {
		return err
	}
	for what, server := range map[string]*mcpv1.Server{
		"a start without a server": nil, "a start without settings": {Key: "odd", Name: "odd"}, "a start with settings that are no JSON": {Key: "odd", Name: "odd", ConfigJson: []byte("{")},
	} {
		id, err := ch.start(server, c.limits.Answer)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer+c.limits.Late, what); err != nil {
			return err
		}
		if err := c.alive(ctx, p, what); err != nil {
			return err
		}
	}
	for what, call := range map[string]*mcpv1.Call{
		"a call of a tool without a name":              callTool(session, "", nil),
		"a call with arguments that are no JSON":       callTool(session, noTool, []byte("{")),
		"a listing with a cursor that was never given": {Session: session, What: &mcpv1.Call_List{List: &mcpv1.List{Cursor: "nobody gave this"}}},
	} {
		id, err := ch.call(call)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer, what); err != nil {
			return err
		}
		if err := c.alive(ctx, p, what); err != nil {
			return err
		}
	}
	return ch.once()
}

func (c *mcpContract) occupy(ctx context.Context, p *process) error {
	_, _, err := c.session(ctx, p) // left open: the connection's end ends it
	return err
}
