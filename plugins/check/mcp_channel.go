package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

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
