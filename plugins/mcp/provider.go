// Package mcp is the contract between the host and a provider of MCP servers:
// the Go interface a plugin author implements, its gRPC adapter for both ends,
// and Serve. It imports go-plugin, gRPC and the generated protocol, and nothing
// of the host.
//
// A plugin is a main function that calls [Serve] with a [Provider], and nothing
// else. For tools that are Go functions, [ToolServer] is one that only has to be
// filled in; plugins/examples/shout is such a plugin, complete.
//
// Payloads (tools, arguments, results, questions) are raw JSON, exactly as the
// MCP server wrote it. The contract carries them; naming, filtering, approvals
// and conversion are the host's business, so that every provider behaves alike.
//
// Ordering and blocking. All messages of one provider ride one stream. What a
// session reports (progress, tools changed, ended) arrives in the order in which
// it was reported, and Ended after the outcome of every call in flight. Calls do
// not wait for each other. A context that ends reaches the MCP server as
// notifications/cancelled, and the call returns at once.
package mcp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/codexhost/codexhost/plugins/serve"
)

// MaxPayload is the most bytes that one payload may have; what is larger is
// refused with CauseTooLarge. It is what one gRPC message takes, less room for
// the envelope.
const MaxPayload = serve.MaxMessage - 64<<10

// Provider runs or reaches MCP servers. Its methods may be called concurrently.
type Provider interface {
	// Start runs one server, shakes hands with it and lists its tools. It blocks
	// until the session is ready, the start has failed or ctx ends; the error is
	// a *StartError. The session outlives ctx. The caller closes it.
	Start(ctx context.Context, server Server, host Host) (Session, error)
}

// Catalog is implemented by providers that bring servers of their own.
type Catalog interface {
	// Servers lists what Start accepts without settings from the user. It may
	// block, within ctx.
	Servers(ctx context.Context) ([]Server, error)
}

// Server says which server to run.
type Server struct {
	// Key identifies the configuration: equal keys are the same server.
	Key string
	// Name is the user's name for it; used in messages only.
	Name string
	// Config is a Config as JSON, or what the provider's Catalog gave.
	Config json.RawMessage
}

// Config is the settings of a server, complete: nothing is looked up in the
// provider's own environment.
type Config struct {
	// Command selects stdio. It is looked up in the PATH of Env.
	Command string            `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Cwd     string            `json:"cwd,omitempty"`
	// URL selects streamable HTTP.
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Login, unless nil, is where to look for the user's login to URL.
	Login *Login `json:"login,omitempty"`
	// Client is the clientInfo of the handshake.
	Client ClientInfo `json:"client,omitzero"`
}

// Login is where the user's OAuth login to a server is kept. Whoever reaches the
// server reads the access token there, and renews it when it expires or is
// refused; without a login, the server is asked without a token.
type Login struct {
	// Home is the folder with the file, .credentials.json, and its locks.
	Home string `json:"home"`
	// Name is the server's, under which the login is kept with the URL.
	Name string `json:"name"`
	// Resource is what tokens are asked for; empty is what the server calls itself.
	Resource string `json:"resource,omitempty"`
	// ClientID and ClientSecret are those of a client registered by hand, if there is one.
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
}

// ClientInfo introduces the host to a server.
type ClientInfo struct {
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version"`
}

// Session is one running server. Its methods may be called concurrently; their
// errors are *CallError, or the context's when that ended first.
type Session interface {
	// Info is what the handshake and the first tool list told.
	Info() Info
	// List returns one page: the server's result object. cursor is empty for the first.
	List(ctx context.Context, what Listing, cursor string) (json.RawMessage, error)
	// CallTool returns the server's CallToolResult. A result with isError is no error.
	CallTool(ctx context.Context, call ToolCall) (json.RawMessage, error)
	// ReadResource returns the server's ReadResourceResult.
	ReadResource(ctx context.Context, uri string) (json.RawMessage, error)
	// Done is closed when the session has ended, after the last callback to its Host.
	Done() <-chan struct{}
	// End says how it ended; it is the zero End before Done.
	End() End
	// Close stops the server and waits for Done, within ctx. It is idempotent.
	Close(ctx context.Context) error
}

// Listing is what List lists.
type Listing int

// The listings.
const (
	Tools Listing = iota
	Resources
	ResourceTemplates
)

// ToolCall is one call of a tool.
type ToolCall struct {
	Name string
	// Arguments is a JSON object, or nil for none.
	Arguments json.RawMessage
	// Meta is the _meta to send, a JSON object, or nil.
	Meta json.RawMessage
}

// Info describes a session. Capabilities, ServerInfo and Tools are verbatim.
type Info struct {
	ProtocolVersion string
	ServerInfo      json.RawMessage
	Capabilities    json.RawMessage
	Instructions    string
	Tools           []json.RawMessage
	// ToolsMeta is the _meta of the tool list, or nil.
	ToolsMeta json.RawMessage
}

// End says how a session ended.
type End struct {
	// Asked is true after Close.
	Asked bool
	// Lost is true when the provider itself went away, so that nothing is known
	// about the server.
	Lost    bool
	Reason  string
	Remains Remains
}

// Remains is what is known about a server's process, for the people who have to
// find out why it does not work.
type Remains struct {
	// ExitCode is nil while it runs and when a signal ended it.
	ExitCode *int
	// Signal is the name of the signal that ended it, or empty.
	Signal string
	// Stderr holds its last lines, oldest first.
	Stderr []string
	// Noise is the first line of its stdout that was no message.
	Noise      string
	NoiseLines int64
}

// Host is what a session may ask of the host. Progress, ToolsChanged and Log
// must not block; Elicit may, until its context ends.
type Host interface {
	// Elicit puts a server's question to the user. params is the server's
	// ElicitRequestParams, the answer its ElicitResult.
	Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error)
	// Progress passes the params of a notifications/progress on.
	Progress(params json.RawMessage)
	// ToolsChanged says that the list of tools has changed.
	ToolsChanged()
	// Log passes a line on. level is debug, info, warning or error.
	Log(level, text string)
}

// ResourceWatcher is implemented by Hosts that want to hear of resources, too.
type ResourceWatcher interface {
	// ResourcesChanged says that the list of resources, or of their templates, has
	// changed. It must not block.
	ResourcesChanged()
}

// TellResourcesChanged is for sessions whose server says so.
func TellResourcesChanged(h Host) {
	if w, ok := h.(ResourceWatcher); ok {
		w.ResourcesChanged()
	}
}

// timeoutOf is what is left until ctx's deadline: 0 for none, at least 1 ms.
func timeoutOf(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(deadline), time.Millisecond)
}
