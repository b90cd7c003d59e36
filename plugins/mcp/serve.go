package mcp

import (
	"context"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// Kind is the name of this kind of provider.
const Kind = "mcp"

// Serve runs p as a plugin and does not return. If p has a method Serving() it
// is called first: the process is p's alone from then on. If it has a method
// Shutdown(context.Context) that is called before the process ends, whatever the
// reason, and has about a second. If it has a method Attach(serve.Host), that is
// called before the first call comes, and must not wait: by it a provider reads
// its settings and writes to the host's log. Its servers ask the user through
// [Host], not through that one. [serve.About] says what the plugin is.
func Serve(p Provider, opts ...serve.Option) {
	if s, ok := p.(interface{ Serving() }); ok {
		s.Serving()
	}
	if s, ok := p.(interface{ Shutdown(context.Context) }); ok {
		opts = append(opts, serve.Cleanup(s.Shutdown))
	}
	if a, ok := p.(interface{ Attach(serve.Host) }); ok {
		opts = append(opts, serve.Attach(a.Attach))
	}
	if t, ok := p.(*ToolServer); ok {
		opts = append([]serve.Option{serve.About(serve.Manifest{Name: t.Name, Version: t.Version})}, opts...)
	}
	serve.Run(Contract(p), opts...)
}

// Contract is this kind for a plugin, or with a nil p for the host, where
// dispensing it gives a *Client.
func Contract(p Provider) serve.Kind {
	return serve.Kind{Name: Kind, Versions: map[int]goplugin.Plugin{1: &adapter{provider: p}}}
}

// Register serves p on s, for providers that do not run under go-plugin.
func Register(s grpc.ServiceRegistrar, p Provider) {
	mcpv1.RegisterProviderServer(s, &providerServer{impl: p})
}

type adapter struct {
	goplugin.NetRPCUnsupportedPlugin
	provider Provider
}

// GRPCServer implements goplugin.GRPCPlugin.
func (a *adapter) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	if a.provider == nil {
		return errors.New("serving the MCP contract: there is no provider")
	}
	Register(s, a.provider)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin.
func (a *adapter) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, cc *grpc.ClientConn) (any, error) {
	return NewClient(cc), nil
}
