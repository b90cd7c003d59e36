package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	builtinmcp "github.com/codexhost/codexhost/plugins/builtin/mcp"
	"github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// The test binary is every plugin of these tests. Its first argument is
// "plugin", its second the kind, its third the rule that it breaks.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == mcptest.Arg {
		mcptest.Main(os.Args[1:])
		return
	}
	if len(os.Args) > 3 && os.Args[1] == "plugin" {
		plugin(os.Args[2], os.Args[3])
		return
	}
	os.Exit(m.Run())
}

func plugin(kind, breaks string) {
	switch kind {
	case "builtin-skills":
		skill.Serve(skills.New())
	case "builtin-mcp":
		mcp.Serve(builtinmcp.New())
	case "sdk-skill":
		skill.Serve(notes{})
	case "sdk-mcp":
		mcp.Serve(toolServer())
	}
	bad{kind, breaks}.serve()
}

// notes is a good provider of one skill.
type notes struct{}

func (notes) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 7, Skills: []skill.Skill{{Path: "notes:/a", Name: "a", Description: "A note."}}}, nil
}

func (notes) Read(_ context.Context, r skill.ReadRequest) (skill.Content, error) {
	if r.Path != "notes:/a" {
		return skill.Content{}, skill.ErrNotFound
	}
	return skill.Content{Text: []byte("a note")}, nil
}

func toolServer() *mcp.ToolServer {
	return &mcp.ToolServer{Name: "tools", Version: "1", Tools: []mcp.Tool{{
		Name: "hello", Run: func(context.Context, json.RawMessage, mcp.Host) (string, error) { return "hello", nil },
	}}}
}

// poolSize is more than the check calls side by side.
const poolSize = 40

// bad is a plugin that is good but for one rule.
type bad struct{ kind, breaks string }

var errBad = errors.New("bad on purpose")

func (b bad) serve() {
	if b.breaks == "by-hand" && os.Getenv("CODEXHOST_PLUGIN") == "" {
		os.Exit(0)
	}
	if b.breaks == "stdout" {
		fmt.Println("welcome to my plugin")
	}
	if b.breaks == "handshake" {
		if os.Getenv("CODEXHOST_PLUGIN") != "" {
			fmt.Println("hello? is there anybody?")
			select {}
		}
	}
	if b.breaks == "version" && strings.Contains(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), "9999") {
		fmt.Println("1|9999|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/nobody|grpc|")
		select {}
	}
	if b.breaks != "host-death" {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	kind := skill.Contract(notes{})
	if b.kind == "mcp" {
		kind = mcp.Contract(toolServer())
	}
	if b.breaks == "kind" {
		kind = serve.Kind{Name: "neither", Versions: map[int]goplugin.Plugin{1: neither{}}}
	}
	pool := make(chan struct{}, poolSize)
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: serve.Handshake(), VersionedPlugins: kind.Sets(), Logger: hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			limit := serve.MaxMessage
			if b.breaks == "big" {
				limit = 4 << 20
			}
			beside := badHost{breaks: b.breaks}
			opts = append(opts, grpc.MaxRecvMsgSize(limit), grpc.MaxSendMsgSize(serve.MaxMessage),
				grpc.UnaryInterceptor(b.unary), grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
					return b.stream(pool, srv, s, info, next)
				}))
			s := grpc.NewServer(opts...)
			if b.breaks != "plain" {
				pluginv1.RegisterPluginServer(s, beside)
			}
			return s
		},
	})
	if b.breaks == "shutdown" {
		select {}
	}
}

// badHost is what a plugin serves beside its contract.
type badHost struct {
	pluginv1.UnimplementedPluginServer
	breaks string
}

func (b badHost) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.Manifest, error) {
	m := &pluginv1.Manifest{Name: "bad", Version: "1", Contracts: []*pluginv1.Contract{{Kind: "skill", Versions: []uint32{1}}, {Kind: "mcp", Versions: []uint32{1}}}}
	if b.breaks == "manifest" {
		m.Contracts = nil
	}
	return m, nil
}

func (b badHost) Host(stream pluginv1.Plugin_HostServer) error {
	switch b.breaks {
	case "host-stream": // it has said all it has to say
		return nil
	case "callbacks":
		_ = stream.Send(&pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_Log{Log: &pluginv1.Log{Level: "shout"}}})
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return nil
		}
		if m.Kind == nil && b.breaks == "host-unknown" {
			return errBad
		}
	}
}

type neither struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (neither) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }
func (neither) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (b bad) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	switch r := req.(type) {
	case *grpc_health_v1.HealthCheckRequest:
		if b.breaks == "health" && r.Service == goplugin.GRPCServiceName {
			return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}, nil
		}
	case *skillv1.ReadRequest:
		switch {
		case b.breaks == "answers" && strings.Contains(r.Path, "nobody"):
			return &skillv1.ReadResponse{}, nil
		case b.breaks == "panic" && r.Path == "../..":
			panic("bad on purpose")
		}
	}
	return next(ctx, req)
}

// stream breaks List of the skill contract, and what the host says on the one
// stream of the MCP contract.
func (b bad) stream(pool chan struct{}, srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	switch {
	case info.FullMethod == mcpv1.Provider_Session_FullMethodName:
		return next(srv, &badSession{ServerStream: s, breaks: b.breaks})
	case info.FullMethod != skillv1.SkillProvider_List_FullMethodName:
		return next(srv, s)
	}
	switch b.breaks {
	case "listing":
		return s.SendMsg(&skillv1.ListResponse{Skills: []*skillv1.Skill{{Path: "x"}}, Generation: 1})
	case "deadline": // no matter who waits, its work goes on, and there are only so many workers
		pool <- struct{}{}
		if d, ok := s.Context().Deadline(); ok && time.Until(d) < time.Second {
			select {}
		}
		defer func() { <-pool }()
	case "cancel": // a worker that is interrupted is lost
		pool <- struct{}{}
		select {
		case <-s.Context().Done():
			return errBad
		case <-time.After(time.Minute):
		}
		defer func() { <-pool }()
	case "concurrent":
		if pool <- struct{}{}; len(pool) > 1 {
			return status.Error(codes.Unavailable, "one at a time, please")
		}
		<-time.After(10 * time.Millisecond)
		defer func() { <-pool }()
	case "unknown-fields":
		m := &skillv1.ListRequest{}
		if err := s.RecvMsg(m); err != nil {
			return err
		}
		for _, r := range m.Roots {
			if r.Scope > skillv1.Scope_SCOPE_ADMIN {
				return status.Errorf(codes.InvalidArgument, "no such scope: %d", r.Scope)
			}
		}
		return s.SendMsg(&skillv1.ListResponse{Generation: 1})
	}
	return next(srv, s)
}

// badSession is a stream of the MCP contract that is treated badly.
type badSession struct {
	grpc.ServerStream
	breaks         string
	calls, cancels int
}

func (s *badSession) RecvMsg(m any) error {
	for {
		if err := s.ServerStream.RecvMsg(m); err != nil {
			return err
		}
		if !s.swallows(m.(*mcpv1.HostMessage)) {
			return nil
		}
		*m.(*mcpv1.HostMessage) = mcpv1.HostMessage{}
	}
}

// swallows tells whether a message is one that this plugin does not get right.
func (s *badSession) swallows(m *mcpv1.HostMessage) bool {
	call := m.GetCall()
	if call != nil {
		s.calls++
	}
	if m.GetCancel() != nil {
		s.cancels++
	}
	switch s.breaks {
	case "answers":
		return call.GetSession() == 1<<40
	case "deadline":
		return m.GetStart().GetTimeoutMs() == 300
	case "cancel":
		return call != nil && s.cancels > 16
	case "concurrent":
		return call != nil && s.calls > 8
	case "unknown-fields":
		return call != nil && call.What == nil
	case "panic":
		if call.GetTool() != nil && call.GetTool().Name == "" {
			panic("bad on purpose")
		}
	}
	return false
}

func (s *badSession) SendMsg(m any) error {
	p := m.(*mcpv1.ProviderMessage)
	if s.breaks == "listing" && p.GetReady() != nil {
		p.GetReady().ToolsJson = [][]byte{[]byte(`"a tool"`)}
	}
	return s.ServerStream.SendMsg(m)
}

func executable(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
