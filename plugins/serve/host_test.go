package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/codexhost/codexhost/plugins/proto/grease"
	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
)

// connect returns a host's client of the link.
func connect(t *testing.T, link *hostLink) pluginv1.PluginClient {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	s := grpc.NewServer(grease.Server()...)
	pluginv1.RegisterPluginServer(s, link)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:x", append(grease.Dial(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pluginv1.NewPluginClient(conn)
}

func open(t *testing.T, c pluginv1.PluginClient, settings string) pluginv1.Plugin_HostClient {
	t.Helper()
	s, err := c.Host(t.Context())
	if err == nil {
		err = s.Send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Welcome{Welcome: &pluginv1.Welcome{SettingsJson: []byte(settings)}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func receive(t *testing.T, s pluginv1.Plugin_HostClient) *pluginv1.PluginMessage {
	t.Helper()
	for {
		m, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if m.GetKind() != nil { // else it is grease
			return m
		}
	}
}

// A host that comes back is a host like the first: what was to be told while
// there was none is told to it, and the settings stay.
func TestStreams(t *testing.T) {
	link := newHostLink(Manifest{})
	link.Changed()
	link.Changed()
	c := connect(t, link)
	first := open(t, c, `{"a":1}`)
	if m := receive(t, first); m.GetChanged() == nil {
		t.Errorf("got %v first", m)
	}
	if s, err := link.Settings(t.Context()); err != nil || string(s) != `{"a":1}` {
		t.Errorf("settings %s, %v", s, err)
	}
	link.Log("warning", "bad \xff byte")
	if m := receive(t, first); m.GetLog().GetText() != "bad \uFFFD byte" || m.GetLog().GetLevel() != "warning" {
		t.Errorf("got %v, and not the line alone: two changes are one", m)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := link.Elicit(t.Context(), json.RawMessage(`{}`))
		asked <- err
	}()
	receive(t, first)
	if err := first.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if m, err := first.Recv(); err == nil {
		t.Errorf("after the end: %v", m)
	}
	if err := <-asked; !errors.Is(err, ErrNoHost) {
		t.Errorf("a question whose host is gone: %v", err)
	}
	if _, err := link.Elicit(t.Context(), nil); !errors.Is(err, ErrNoHost) {
		t.Errorf("asked nobody: %v", err)
	}
	link.Log("info", "while there is nobody")
	second := open(t, c, `{"a":2}`)
	if m := receive(t, second); m.GetLog() == nil {
		t.Errorf("got %v", m)
	}
	link.Changed()
	if m := receive(t, second); m.GetChanged() == nil {
		t.Errorf("got %v", m)
	}
	if s, err := link.Settings(t.Context()); err != nil || string(s) != `{"a":1}` {
		t.Errorf("settings %s, %v", s, err)
	}
}

func TestElicit(t *testing.T) {
	link := newHostLink(Manifest{})
	host := open(t, connect(t, link), "")
	if s, err := link.Settings(t.Context()); err != nil || string(s) != `{}` {
		t.Errorf("no settings are %s, %v", s, err)
	}
	type outcome struct {
		answer json.RawMessage
		err    error
	}
	ask := func(ctx context.Context) <-chan outcome {
		c := make(chan outcome, 1)
		go func() {
			a, err := link.Elicit(ctx, json.RawMessage(`{"message":"?"}`))
			c <- outcome{a, err}
		}()
		return c
	}
	answer := func(a *pluginv1.Answer) {
		t.Helper()
		if err := host.Send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Answer{Answer: a}}); err != nil {
			t.Fatal(err)
		}
	}
	call := metadata.NewIncomingContext(t.Context(), metadata.Pairs(CallKey, "c7"))

	got := ask(call)
	q := receive(t, host).GetElicit()
	if q.GetId() == 0 || q.GetCall() != "c7" || string(q.GetParamsJson()) != `{"message":"?"}` {
		t.Errorf("asked %v", q)
	}
	answer(&pluginv1.Answer{Id: q.GetId() + 100, ResultJson: []byte(`1`)}) // to nobody
	answer(&pluginv1.Answer{Id: q.GetId(), ResultJson: []byte(`2`)})
	if o := <-got; o.err != nil || string(o.answer) != "2" {
		t.Errorf("%s, %v", o.answer, o.err)
	}

	got = ask(call)
	answer(&pluginv1.Answer{Id: receive(t, host).GetElicit().GetId(), Error: "no"})
	if o := <-got; o.err == nil || o.err.Error() != "no" {
		t.Errorf("%s, %v", o.answer, o.err)
	}

	ctx, cancel := context.WithCancel(call)
	got = ask(ctx)
	q = receive(t, host).GetElicit()
	cancel()
	if o := <-got; !errors.Is(o.err, context.Canceled) {
		t.Errorf("%s, %v", o.answer, o.err)
	}
	if gone := receive(t, host).GetElicitGone(); gone.GetId() != q.GetId() {
		t.Errorf("withdrew %v", gone)
	}
}

// A plugin goes on without the settings of a host that sends none.
func TestSettingsOfAnOldHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		link := newHostLink(Manifest{})
		for range 10_000 {
			link.Log("info", "nobody reads this")
		}
		if _, err := link.Settings(t.Context()); !errors.Is(err, ErrNoHost) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestManifestDefaults(t *testing.T) {
	m := Manifest{}.orDefault(Kind{Name: "skill", Versions: map[int]goplugin.Plugin{2: nil, 1: nil}})
	if m.Name == "" || m.Version == "" || len(m.Contracts["skill"]) != 2 || m.Contracts["skill"][1] != 2 {
		t.Errorf("got %+v", m)
	}
	if got := ManifestFrom(m.toProto()); got.Name != m.Name || got.Contracts["skill"][0] != 1 {
		t.Errorf("over the wire: %+v", got)
	}
}
