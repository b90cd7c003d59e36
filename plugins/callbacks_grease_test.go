package plugins

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// future puts a field into m that no version has.
func future[M proto.Message](m M) M {
	b := protowire.AppendTag(nil, 1999, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(b, []byte("from the future")))
	return m
}

// script is a plugin that says what it is told to.
type script struct {
	pluginv1.UnimplementedPluginServer
	say   []*pluginv1.PluginMessage
	heard chan *pluginv1.HostMessage
}

func (s *script) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.Manifest, error) {
	return future(&pluginv1.Manifest{Name: "from the future"}), nil
}

func (s *script) Host(stream pluginv1.Plugin_HostServer) error {
	for _, m := range s.say {
		if err := stream.Send(m); err != nil {
			return err
		}
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return nil
		}
		s.heard <- m
	}
}

// calling begins callbacks with a plugin that serves what register does.
func calling(t *testing.T, changed func(), register func(*grpc.Server)) *callbacks {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	register(server)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := new(callbacks)
	c.init("p", hclog.NewNullLogger(), func(string) {}, changed, func() {})
	c.begin(pluginv1.NewPluginClient(conn), future(&pluginv1.Welcome{Name: "p"}), time.Minute)
	t.Cleanup(c.close)
	return c
}

// What a plugin says that we do not know, or that makes no sense, is passed
// over, and what comes after it is not.
func TestOddCallbacks(t *testing.T) {
	elicit := func(id uint64, call, params string) *pluginv1.PluginMessage {
		return &pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_Elicit{Elicit: &pluginv1.Elicit{Id: id, Call: call, ParamsJson: []byte(params)}}}
	}
	s := &script{heard: make(chan *pluginv1.HostMessage, 10), say: []*pluginv1.PluginMessage{
		{},
		future(&pluginv1.PluginMessage{}),
		{Kind: &pluginv1.PluginMessage_ElicitGone{ElicitGone: &pluginv1.ElicitGone{Id: 1 << 60}}},
		{Kind: &pluginv1.PluginMessage_Log{Log: future(&pluginv1.Log{Level: "shout", Text: strings.Repeat("x", 1<<20)})}},
		elicit(1, "nobody", `{}`),
		elicit(2, "", `{}`),
		{Kind: &pluginv1.PluginMessage_Changed{Changed: &pluginv1.Changed{}}},
	}}
	changed := make(chan struct{}, 10)
	calling(t, func() { changed <- struct{}{} }, func(server *grpc.Server) { pluginv1.RegisterPluginServer(server, s) })
	<-changed
	if m := <-s.heard; m.GetWelcome().GetName() != "p" {
		t.Errorf("heard %v first", m)
	}
	for range 2 {
		if a := (<-s.heard).GetAnswer(); a.GetError() == "" {
			t.Errorf("a question of nobody's has the answer %v", a)
		}
	}
}

// A manifest of a later version is one, too.
func TestOddManifest(t *testing.T) {
	c := new(callbacks)
	c.init("p", hclog.NewNullLogger(), func(string) {}, func() {}, func() {})
	c.describe(t.Context(), scriptClient{}, time.Minute)
	if m := c.described(); m == nil || m.Name != "from the future" {
		t.Errorf("manifest %+v", m)
	}
}

// scriptClient calls a script without anything in between.
type scriptClient struct{ pluginv1.PluginClient }

func (scriptClient) Describe(ctx context.Context, r *pluginv1.DescribeRequest, _ ...grpc.CallOption) (*pluginv1.Manifest, error) {
	return new(script).Describe(ctx, r)
}

// A plugin that serves its contract and nothing else is left alone.
func TestCallbacksOfAnOldPlugin(t *testing.T) {
	c := calling(t, func() {}, func(*grpc.Server) {})
	c.close()
	if m := c.described(); m != nil {
		t.Errorf("manifest %+v", m)
	}
}

// A call that is over is nobody to ask for, and withdraws what it asked.
func TestLentCall(t *testing.T) {
	var c callbacks
	c.init("p", hclog.NewNullLogger(), func(string) {}, func() {}, func() {})
	if ctx, over := c.lend(t.Context()); ctx != t.Context() {
		t.Error("a call that cannot ask has a name")
	} else {
		over()
	}
	asks := WithAsker(t.Context(), func(context.Context, string, json.RawMessage) (json.RawMessage, error) { return nil, nil })
	ctx, over := c.lend(asks)
	md, _ := metadata.FromOutgoingContext(ctx)
	name := md.Get(serve.CallKey)
	if len(name) != 1 || c.askers[name[0]].ask == nil {
		t.Fatalf("the call is named %q", name)
	}
	over()
	if len(c.askers) != 0 || ctx.Err() == nil {
		t.Error("the call is over and can be asked for")
	}
}
