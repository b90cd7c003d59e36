package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/proto/grease"
	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a provider whose sessions obey the names of tools.
type fake struct {
	start func(ctx context.Context, s mcp.Server, h mcp.Host) (mcp.Session, error)
}

func (f *fake) Start(ctx context.Context, s mcp.Server, h mcp.Host) (mcp.Session, error) {
	if f.start != nil {
		return f.start(ctx, s, h)
	}
	return newSession(h), nil
}

func (f *fake) Servers(context.Context) ([]mcp.Server, error) {
	return []mcp.Server{{Key: "k", Name: "own", Config: json.RawMessage(`{"a":1}`)}}, nil
}

type session struct {
	host      mcp.Host
	done      chan struct{}
	once      sync.Once
	end       mcp.End
	cancelled chan error
}

func newSession(h mcp.Host) *session {
	return &session{host: h, done: make(chan struct{}), cancelled: make(chan error, 1)}
}

func (s *session) Info() mcp.Info {
	return mcp.Info{ProtocolVersion: "v", Instructions: "bad \xff byte", ServerInfo: json.RawMessage(`{"name":"n"}`), Tools: []json.RawMessage{[]byte(`{"name":"a"}`), []byte(`{"name":"b"}`)}}
}

func (s *session) finish(e mcp.End) {
	s.once.Do(func() {
		s.end = e
		close(s.done)
	})
}

func (s *session) Done() <-chan struct{} { return s.done }
func (s *session) End() mcp.End          { return s.end }

func (s *session) Close(context.Context) error {
	s.finish(mcp.End{Asked: true, Reason: "closed"})
	return nil
}

func (s *session) List(_ context.Context, what mcp.Listing, cursor string) (json.RawMessage, error) {
	return json.Marshal([]any{what, cursor})
}

func (s *session) ReadResource(_ context.Context, uri string) (json.RawMessage, error) {
	return json.Marshal(uri)
}

func (s *session) CallTool(ctx context.Context, c mcp.ToolCall) (json.RawMessage, error) {
	switch c.Name {
	case "echo":
		return json.RawMessage(string(c.Arguments) + string(c.Meta)), nil
	case "error":
		return nil, &mcp.CallError{Cause: mcp.CauseServer, Code: -5, Message: "no \xff", Data: json.RawMessage(`{"x":1}`)}
	case "other":
		return nil, errors.New("plain")
	case "hang":
		<-ctx.Done()
		s.cancelled <- ctx.Err()
		return nil, ctx.Err()
	case "die":
		code := 3
		s.finish(mcp.End{Reason: "died", Remains: mcp.Remains{ExitCode: &code, Stderr: []string{"last \xff words"}}})
		<-ctx.Done()
		return nil, &mcp.CallError{Cause: mcp.CauseClosed, Message: "gone"}
	case "ask":
		return s.host.Elicit(ctx, json.RawMessage(`{"message":"?"}`))
	case "events":
		s.host.Progress(json.RawMessage(`1`))
		s.host.ToolsChanged()
		mcp.TellResourcesChanged(s.host)
		s.host.Log("info", "said \xff")
		return json.RawMessage(`null`), nil
	case "huge":
		return make(json.RawMessage, mcp.MaxPayload+1), nil
	}
	return nil, errors.New("unknown")
}

// connect runs p behind the adapter, over pipes in memory. Both ends speak as if
// they were of a later version, which neither may mind.
func connect(t *testing.T, p mcp.Provider) *mcp.Client {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	s := grpc.NewServer(append(grease.Server(), grpc.MaxRecvMsgSize(serve.MaxMessage))...)
	mcp.Register(s, p)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	cc, err := grpc.NewClient("passthrough:x", append(grease.Dial(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return l.Dial() }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(serve.MaxMessage)))...)
	if err != nil {
		t.Fatal(err)
	}
	c := mcp.NewClient(cc)
	t.Cleanup(func() {
		_ = c.Close()
		_ = cc.Close()
		s.Stop()
		wg.Wait()
	})
	return c
}

type host struct {
	mu     sync.Mutex
	events []string
	answer func(ctx context.Context) (json.RawMessage, error)
}

func (h *host) note(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, s)
}

func (h *host) Elicit(ctx context.Context, p json.RawMessage) (json.RawMessage, error) {
	h.note("ask " + string(p))
	return h.answer(ctx)
}
func (h *host) Progress(p json.RawMessage) { h.note("progress " + string(p)) }
func (h *host) ToolsChanged()              { h.note("changed") }
func (h *host) ResourcesChanged()          { h.note("resources") }
func (h *host) Log(level, text string)     { h.note(level + " " + text) }

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, p mcp.Provider, h *host) mcp.Session {
	t.Helper()
	s, err := connect(t, p).Start(within(t, 5*time.Second), mcp.Server{Key: "k", Name: "n", Config: json.RawMessage(`{}`)}, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func call(t *testing.T, s mcp.Session, name string) (json.RawMessage, error) {
	t.Helper()
	return s.CallTool(within(t, 10*time.Second), mcp.ToolCall{Name: name, Arguments: json.RawMessage(`{"a": 1}`), Meta: json.RawMessage(`{"m": 2}`)})
}

func TestRoundTrip(t *testing.T) {
	s := start(t, &fake{}, &host{})
	if i := s.Info(); i.ProtocolVersion != "v" || i.Instructions != "bad \uFFFD byte" || len(i.Tools) != 2 || string(i.Tools[1]) != `{"name":"b"}` {
		t.Errorf("info %+v", i)
	}
	if raw, err := call(t, s, "echo"); err != nil || string(raw) != `{"a": 1}{"m": 2}` {
		t.Errorf("echo %s, %v", raw, err)
	}
	ctx := within(t, 5*time.Second)
	if raw, err := s.List(ctx, mcp.ResourceTemplates, "c"); err != nil || string(raw) != `[2,"c"]` {
		t.Errorf("list %s, %v", raw, err)
	}
	if raw, err := s.ReadResource(ctx, "u://x"); err != nil || string(raw) != `"u://x"` {
		t.Errorf("read %s, %v", raw, err)
	}
	_, err := call(t, s, "error")
	if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseServer || e.Code != -5 || e.Message != "no \uFFFD" || string(e.Data) != `{"x":1}` {
		t.Errorf("error %#v", err)
	}
	if _, err := call(t, s, "other"); err == nil || err.Error() != "plain" {
		t.Errorf("other %v", err)
	}
}

func TestCatalog(t *testing.T) {
	servers, err := connect(t, &fake{}).Servers(within(t, 5*time.Second))
	if err != nil || len(servers) != 1 || servers[0].Name != "own" || string(servers[0].Config) != `{"a":1}` {
		t.Errorf("%+v, %v", servers, err)
	}
}

func TestStartErrors(t *testing.T) {
	code := 7
	for _, test := range []struct {
		name  string
		err   error
		stage mcp.Stage
	}{
		{"typed", &mcp.StartError{Stage: mcp.StageSpawn, Reason: "no \xff", Remains: mcp.Remains{ExitCode: &code, Noise: "\xff"}}, mcp.StageSpawn},
		{"plain", errors.New("plain"), mcp.StageUnknown},
		{"deadline", context.DeadlineExceeded, mcp.StageTimeout},
	} {
		c := connect(t, &fake{start: func(context.Context, mcp.Server, mcp.Host) (mcp.Session, error) { return nil, test.err }})
		_, err := c.Start(within(t, 5*time.Second), mcp.Server{}, &host{})
		e, ok := errors.AsType[*mcp.StartError](err)
		if !ok || e.Stage != test.stage {
			t.Errorf("%s: %#v", test.name, err)
		}
		if test.name == "typed" && (e.Reason != "no \uFFFD" || *e.Remains.ExitCode != 7) {
			t.Errorf("%+v", e)
		}
	}
}

// A start that is given up tells what the provider knew, and a session that came
// up all the same is closed.
func TestStartGivenUp(t *testing.T) {
	late := make(chan *session, 1)
	release := make(chan struct{})
	c := connect(t, &fake{start: func(ctx context.Context, s mcp.Server, h mcp.Host) (mcp.Session, error) {
		<-ctx.Done()
		if s.Name == "dies" {
			return nil, &mcp.StartError{Stage: mcp.StageHandshake, Reason: "why", Remains: mcp.Remains{Noise: "banner"}}
		}
		<-release
		x := newSession(h)
		late <- x
		return x, nil
	}})
	_, err := c.Start(within(t, 50*time.Millisecond), mcp.Server{Name: "dies"}, &host{})
	if e, ok := errors.AsType[*mcp.StartError](err); !ok || e.Stage != mcp.StageTimeout || e.Reason != "why" || e.Remains.Noise != "banner" {
		t.Errorf("%#v", err)
	}
	_, err = c.Start(within(t, 50*time.Millisecond), mcp.Server{Name: "late"}, &host{})
	if e, ok := errors.AsType[*mcp.StartError](err); !ok || e.Stage != mcp.StageTimeout {
		t.Errorf("%#v", err)
	}
	close(release)
	<-(<-late).done
}

func TestCancelledCall(t *testing.T) {
	var inner *session
	s := start(t, &fake{start: func(_ context.Context, _ mcp.Server, h mcp.Host) (mcp.Session, error) {
		inner = newSession(h)
		return inner, nil
	}}, &host{})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.CallTool(ctx, mcp.ToolCall{Name: "hang"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-inner.cancelled; err == nil {
		t.Error("the provider's context has not ended")
	}
}

func TestDeathFailsCallsFirst(t *testing.T) {
	s := start(t, &fake{}, &host{})
	_, err := call(t, s, "die")
	if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseClosed {
		t.Errorf("got %#v", err)
	}
	<-s.Done()
	if e := s.End(); e.Asked || e.Lost || e.Reason != "died" || *e.Remains.ExitCode != 3 || e.Remains.Stderr[0] != "last \uFFFD words" {
		t.Errorf("end %+v", e)
	}
	_, err = call(t, s, "echo")
	if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseUnsent {
		t.Errorf("a later call: %#v", err)
	}
}

func TestClose(t *testing.T) {
	s := start(t, &fake{}, &host{})
	for range 2 {
		if err := s.Close(within(t, 5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if e := s.End(); !e.Asked || e.Reason != "closed" {
		t.Errorf("end %+v", e)
	}
}

func TestEventsKeepTheirOrder(t *testing.T) {
	h := &host{}
	s := start(t, &fake{}, h)
	if _, err := call(t, s, "events"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.events, "|"); got != "progress 1|changed|resources|info said \uFFFD" {
		t.Errorf("before the result came: %s", got)
	}
}

func TestQuestions(t *testing.T) {
	h := &host{answer: func(context.Context) (json.RawMessage, error) { return json.RawMessage(`{"action":"accept"}`), nil }}
	s := start(t, &fake{}, h)
	if raw, err := call(t, s, "ask"); err != nil || string(raw) != `{"action":"accept"}` || h.events[0] != `ask {"message":"?"}` {
		t.Errorf("%s, %v, %v", raw, err, h.events)
	}
	h.answer = func(context.Context) (json.RawMessage, error) { return nil, errors.New("nobody there") }
	if _, err := call(t, s, "ask"); err == nil || err.Error() != "nobody there" {
		t.Errorf("got %v", err)
	}
	// A question ends with the call it belongs to.
	asked, ended := make(chan struct{}), make(chan struct{})
	h.answer = func(ctx context.Context) (json.RawMessage, error) {
		close(asked)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = s.CallTool(ctx, mcp.ToolCall{Name: "ask"}) })
	<-asked
	cancel()
	<-ended
	wg.Wait()
}

func TestTooLarge(t *testing.T) {
	s := start(t, &fake{}, &host{})
	_, err := call(t, s, "huge")
	if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseTooLarge {
		t.Errorf("result: %v", err)
	}
	_, err = s.CallTool(within(t, time.Second), mcp.ToolCall{Name: "echo", Arguments: make([]byte, mcp.MaxPayload+1)})
	if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseTooLarge {
		t.Errorf("call: %v", err)
	}
	big := json.RawMessage(`"` + strings.Repeat("x", mcp.MaxPayload-2) + `"`)
	if raw, err := s.CallTool(within(t, 20*time.Second), mcp.ToolCall{Name: "echo", Arguments: big}); err != nil || len(raw) != len(big) {
		t.Errorf("the largest: %d bytes, %v", len(raw), err)
	}
	if raw, err := call(t, s, "echo"); err != nil || len(raw) == 0 {
		t.Errorf("afterwards: %v", err)
	}
}

// When the stream ends, at whichever end, everything ends with it.
func TestLostProvider(t *testing.T) {
	var inner *session
	c := connect(t, &fake{start: func(_ context.Context, _ mcp.Server, h mcp.Host) (mcp.Session, error) {
		inner = newSession(h)
		return inner, nil
	}})
	s, err := c.Start(within(t, 5*time.Second), mcp.Server{}, &host{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := call(t, s, "hang")
		if e, ok := errors.AsType[*mcp.CallError](err); !ok || e.Cause != mcp.CauseClosed {
			t.Errorf("call in flight: %#v", err)
		}
	})
	if raw, err := call(t, s, "echo"); err != nil || raw == nil { // the other is under way by now
		t.Fatal(err)
	}
	_ = c.Close()
	wg.Wait()
	<-s.Done()
	if !s.End().Lost {
		t.Errorf("end %+v", s.End())
	}
	<-inner.done
	if _, err := c.Start(within(t, time.Second), mcp.Server{}, &host{}); err == nil {
		t.Error("a closed client starts servers")
	}
	_ = c.Close()
}

func TestManyCallsAtOnce(t *testing.T) {
	s := start(t, &fake{}, &host{})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for range 10 {
				if raw, err := call(t, s, "echo"); err != nil || string(raw) != `{"a": 1}{"m": 2}` {
					t.Errorf("%s, %v", raw, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A provider that does not read holds nobody up beyond the caller's own deadline.
func TestDeafProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mcp.NewClient(deaf{})
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := c.Start(ctx, mcp.Server{}, &host{})
		if e, ok := errors.AsType[*mcp.StartError](err); !ok || e.Stage != mcp.StageTimeout {
			t.Errorf("got %#v", err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// So it is with one that stops reading when the connection is up: what is sent
// from the caller's own goroutine never waits for it.
func TestProviderThatStopsReading(t *testing.T) {
	l := bufconn.Listen(4 << 10)
	s := grpc.NewServer()
	mcpv1.RegisterProviderServer(s, stopsReading{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	cc, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return l.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	c := mcp.NewClient(cc)
	defer wg.Wait()
	defer s.Stop()
	defer cc.Close()
	defer c.Close()
	session, err := c.Start(t.Context(), mcp.Server{}, &host{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 64 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			if _, err := session.CallTool(ctx, mcp.ToolCall{Name: "x", Arguments: make(json.RawMessage, 4<<10)}); err == nil {
				t.Error("a call was answered")
			}
			cancel()
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a caller waits beyond its context")
	}
}

// stopsReading answers the first message and reads no other.
type stopsReading struct {
	mcpv1.UnimplementedProviderServer
}

func (stopsReading) Session(stream mcpv1.Provider_SessionServer) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	if err := stream.Send(&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Ready{Ready: &mcpv1.Ready{Id: m.GetStart().GetId()}}}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// deaf is a connection on which nothing ever moves.
type deaf struct{ grpc.ClientConnInterface }

func (deaf) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return deafStream{ctx: ctx}, nil
}

type deafStream struct {
	grpc.ClientStream
	ctx context.Context
}

func (s deafStream) SendMsg(any) error {
	<-s.ctx.Done()
	return s.ctx.Err()
}

func (s deafStream) RecvMsg(any) error {
	<-s.ctx.Done()
	return s.ctx.Err()
}
