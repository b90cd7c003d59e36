package skill

import (
	"context"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// Host is what a provider may tell and ask its host: Settings, Log, Changed,
// Elicit. See [serve.Host] for what each does, and [Attacher] for how to get it.
type Host = serve.Host

// Attacher is implemented by providers that want to talk to their host: to read
// their settings, to log, to ask the user, to say that their skills changed.
type Attacher interface {
	// Attach is called once, before the first List. It must not wait.
	Attach(host Host)
}

// Serve is what a plugin's main calls, first thing and with nothing after it:
// it speaks to the host until the host says stop or dies, and ends the process.
// Nothing that the provider prints reaches the conversation with the host.
// [serve.About] says what the plugin is.
func Serve(p Provider, opts ...serve.Option) {
	if a, ok := p.(Attacher); ok {
		opts = append(opts, serve.Attach(a.Attach))
	}
	serve.Run(Contract(p), opts...)
}

// Contract is the skill kind with all versions of its contract that this
// package speaks. The host passes nil and gets a Provider from the other side.
func Contract(p Provider) serve.Kind {
	return serve.Kind{Name: Kind, Versions: map[int]goplugin.Plugin{1: adapter{provider: p}}}
}

// adapter makes either end of the contract out of a gRPC connection.
type adapter struct {
	goplugin.NetRPCUnsupportedPlugin
	provider Provider
}

func (a adapter) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	skillv1.RegisterSkillProviderServer(s, &server{provider: a.provider})
	return nil
}

func (a adapter) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return Provider(&client{rpc: skillv1.NewSkillProviderClient(c)}), nil
}
