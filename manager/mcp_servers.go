package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	mcpprovider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// serverGrace is how long a request to the model waits for MCP servers that are
// still starting. Most start faster; a slow one must not hold up a turn.
const serverGrace = time.Second

// mcpServers is the configured table as the service takes it, with the servers
// that plugins bring, sorted by name. An entry of the table wins over a plugin.
func mcpServers(cfg *config.Config) []mcp.Server {
	servers := make([]mcp.Server, 0, len(cfg.McpServers))
	for _, s := range cfg.McpServers {
		out := mcp.Server{
			Name: s.Name, Err: s.Err, Command: s.Command, Args: s.Args, Env: s.Env, Cwd: s.Cwd,
			URL: s.URL, BearerTokenEnvVar: s.BearerTokenEnvVar, HTTPHeaders: s.HTTPHeaders, EnvHTTPHeaders: s.EnvHTTPHeaders,
			StartupTimeout: s.StartupTimeout, ToolTimeout: s.ToolTimeout, Enabled: s.Enabled, Required: s.Required,
			ParallelCalls: s.ParallelCalls, PerThread: s.PerThread, EnabledTools: s.EnabledTools, DisabledTools: s.DisabledTools,
			ApprovalMode: mcp.ApprovalMode(s.ApprovalMode), Login: loginOf(cfg, s),
		}
		for _, v := range s.EnvVars {
			out.EnvVars = append(out.EnvVars, v.Name)
		}
		for name, mode := range s.ToolApproval {
			if out.ToolApproval == nil {
				out.ToolApproval = make(map[string]mcp.ApprovalMode)
			}
			out.ToolApproval[name] = mcp.ApprovalMode(mode)
		}
		servers = append(servers, out)
	}
	for name, p := range cfg.Host.Plugins {
		if _, taken := cfg.McpServers[name]; p.Enabled && p.Kind == mcpprovider.Kind && !taken {
			servers = append(servers, mcp.Server{Name: name, Plugin: name, Enabled: true})
		}
	}
	sort.Slice(servers, func(i, j int) bool { return servers[i].Name < servers[j].Name })
	return servers
}

// startServers lets a thread's servers start in the background. Only those that
// are required are waited for.
func (m *Manager) startServers(ctx context.Context, l *live, cwd string) error {
	servers := mcpServers(l.config)
	if len(servers) == 0 {
		return nil
	}
	listener := &serverListener{manager: m, live: l}
	set := m.mcp.Join(l.id, cwd, servers, listener)
	l.mu.Lock()
	l.servers, l.listener = set, listener
	l.mu.Unlock()
	if err := set.WaitRequired(ctx); err != nil {
		return &thread.Failure{Kind: thread.KindServerFailed, Remedy: "mend the server or drop `required = true`",
			Err: errors.New("error creating thread: Fatal error: Failed to initialize session: " + err.Error())}
	}
	return nil
}

// ReloadServers gives every loaded thread the servers that the configuration
// names now. Those whose settings did not change keep running. What the others
// tell waits for begin, which is called once the caller was answered.
func (m *Manager) ReloadServers(ctx context.Context) (begin func(), err error) {
	var held []*serverListener
	begin = func() {
		for _, s := range held {
			s.begin()
		}
	}
	for _, l := range m.snapshot() {
		cwd := l.thread.Snapshot().Settings.Cwd
		cfg, err := m.reload(ctx, l, cwd)
		if err != nil {
			begin()
			return nil, err
		}
		if s := l.reload(m, cwd, mcpServers(cfg)); s != nil {
			held = append(held, s)
		}
	}
	return begin, nil
}

// reload replaces a thread's servers. The listener, if there is one, is held.
func (l *live) reload(m *Manager, cwd string, servers []mcp.Server) *serverListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.servers != nil:
		l.listener.hold()
		l.servers.Update(cwd, servers)
	case len(servers) > 0:
		l.listener = &serverListener{manager: m, live: l}
		l.servers = m.mcp.Join(l.id, cwd, servers, l.listener)
	}
	return l.listener
}

// set is the thread's servers; nil if it has none.
func (l *live) set() *mcp.Set {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.servers
}

// A serverListener tells a thread's subscribers of its servers, from the moment
// on that they know of the thread.
type serverListener struct {
	manager *Manager
	live    *live

	mu      sync.Mutex // guards the fields below; held while telling, for the order
	open    bool
	pending []mcp.Startup
}

// ServerStatus implements mcp.Listener.
func (s *serverListener) ServerStatus(e mcp.Startup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.pending = append(s.pending, e)
		return
	}
	s.tell(e)
}

// hold keeps what happens from now on until begin.
func (s *serverListener) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
}

// begin tells what has happened so far, and from now on at once.
func (s *serverListener) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.pending {
		s.tell(e)
	}
	s.pending, s.open = nil, true
}

func (s *serverListener) tell(e mcp.Startup) {
	n := &protocol.McpServerStatusUpdatedNotification{ThreadID: &e.ThreadID, Name: e.Name, Status: protocol.McpServerStartupState(e.State)}
	if e.State == mcp.Failed {
		n.Error = &e.Error
		if e.LoginAgain {
			n.FailureReason = ptr(protocol.McpServerStartupFailureReasonReauthenticationRequired)
		}
	}
	s.manager.hub.Event(context.Background(), thread.Event{Thread: e.ThreadID, Kind: thread.Told, Method: "mcpServer/startupStatus/updated", Params: n})
}

// ToolsChanged implements mcp.Listener. Who wants to hear it says so in
// initialize.
func (s *serverListener) ToolsChanged(c mcp.Change) {
	n := &protocol.McpToolsChangedNotification{ThreadID: c.ThreadID, Server: c.Server, Added: c.Added, Removed: c.Removed, Changed: c.Altered}
	s.manager.hub.Event(context.Background(), thread.Event{Thread: c.ThreadID, Kind: thread.Told, Method: "codexhost/mcp/toolsChanged", Params: n})
}

// ResourcesChanged implements mcp.Listener.
func (s *serverListener) ResourcesChanged(threadID, server string) {
	n := &protocol.McpResourcesChangedNotification{ThreadID: threadID, Server: server}
	s.manager.hub.Event(context.Background(), thread.Event{Thread: threadID, Kind: thread.Told, Method: "codexhost/mcp/resourcesChanged", Params: n})
}

// awaitServers gives the servers that are still starting a moment, and says so.
func (m *Manager) awaitServers(ctx context.Context, l *live, set *mcp.Set) {
	names := set.StillStarting()
	if len(names) == 0 {
		return
	}
	l.waitsFor(m, names)
	defer l.waitsFor(m, nil)
	ctx, cancel := context.WithTimeout(ctx, serverGrace)
	defer cancel()
	set.WaitReady(ctx, names...)
	if late := set.StillStarting(); len(late) > 0 {
		m.log.Debug("a request goes out without these MCP servers", "thread", l.id, "servers", late)
	}
}

// waitsFor tells that the next request to the model waits for servers that are
// still starting; no names, that it does so no longer.
func (l *live) waitsFor(m *Manager, servers []string) {
	n := &protocol.McpWaitingNotification{ThreadID: l.id, Servers: servers}
	m.hub.Event(context.Background(), thread.Event{Thread: l.id, Kind: thread.Told, Method: "codexhost/mcp/waiting", Params: n})
}

// Elicit implements mcp.Listener: a server's question goes to the user.
func (s *serverListener) Elicit(ctx context.Context, e mcp.Elicitation) ([]byte, error) {
	return s.live.thread.Ask(ctx, tool.WaitingOnApproval, "mcpServer/elicitation/request", e.Params)
}

// McpStatus tells of the configured servers: a thread's, or those that the
// configuration names now.
func (m *Manager) McpStatus(ctx context.Context, threadID, name string, full bool) ([]json.RawMessage, error) {
	var rows []mcp.Status
	if threadID != "" {
		l, err := m.get(threadID)
		if err != nil {
			return nil, err
		}
		if set := l.set(); set != nil {
			rows = set.Status(ctx, full)
		}
	} else {
		cfg, err := m.neededConfig(ctx, "failed to reload config")
		if err != nil {
			return nil, err
		}
		m.configurePlugins(ctx, cfg)
		if servers := mcpServers(cfg); len(servers) > 0 {
			rows = m.mcp.Status(ctx, servers, full)
		}
	}
	out := make([]json.RawMessage, 0, len(rows))
	for _, r := range rows {
		if name == "" || r.Name == name {
			out = append(out, r.Row)
		}
	}
	return out, nil
}

// CallMcpTool calls a tool of one of a thread's servers on behalf of a client,
// and returns the server's result as it is.
func (m *Manager) CallMcpTool(ctx context.Context, threadID, server, name string, arguments, meta json.RawMessage) (json.RawMessage, error) {
	l, err := m.get(threadID)
	if err != nil {
		return nil, err
	}
	set := l.set()
	if set == nil {
		return nil, unknownServer(server)
	}
	result, err := set.CallTool(ctx, server, name, arguments, meta)
	return result, serverFailure(err)
}

// ReadMcpResource reads a resource of one of a thread's servers, or of one that
// the configuration names now, and returns the server's result as it is.
func (m *Manager) ReadMcpResource(ctx context.Context, threadID, server, uri string) (json.RawMessage, error) {
	result, err := m.readResource(ctx, threadID, server, uri)
	if err != nil {
		return nil, err
	}
	if err := protocol.Decode(result, new(protocol.McpResourceReadResponse)); err != nil {
		return nil, serverFailure(fmt.Errorf("the answer of MCP server '%s' is no resource: %w", server, err))
	}
	return result, nil
}

func (m *Manager) readResource(ctx context.Context, threadID, server, uri string) (json.RawMessage, error) {
	if threadID != "" {
		l, err := m.get(threadID)
		if err != nil {
			return nil, err
		}
		set := l.set()
		if set == nil {
			return nil, unknownServer(server)
		}
		result, err := set.ReadResource(ctx, server, uri)
		return result, serverFailure(err)
	}
	cfg, err := m.neededConfig(ctx, "failed to reload config")
	if err != nil {
		return nil, err
	}
	m.configurePlugins(ctx, cfg)
	for _, s := range mcpServers(cfg) {
		if s.Name == server {
			result, err := m.mcp.ReadResource(ctx, s, uri)
			return result, serverFailure(err)
		}
	}
	return nil, unknownServer(server)
}

// WaitForMcp waits, no longer than limit, for the start of MCP servers: a
// thread's, or those that the configuration names now. No names mean all that are
// enabled. Beside a *mcp.StillStarting the list is what is known by then.
func (m *Manager) WaitForMcp(ctx context.Context, threadID string, limit time.Duration, names []string) ([]mcp.Readiness, error) {
	if threadID == "" {
		cfg, err := m.neededConfig(ctx, "failed to reload config")
		if err != nil {
			return nil, err
		}
		return readiness(m.mcp.WaitFor(ctx, limit, mcpServers(cfg), names...))
	}
	l, err := m.get(threadID)
	if err != nil {
		return nil, err
	}
	set := l.set()
	switch {
	case set != nil:
		return readiness(set.WaitFor(ctx, limit, names...))
	case len(names) > 0:
		return nil, unknownServer(names[0])
	}
	return nil, nil
}

func readiness(list []mcp.Readiness, err error) ([]mcp.Readiness, error) {
	if unknown, ok := errors.AsType[*mcp.UnknownServer](err); ok {
		return nil, unknownServer(unknown.Name)
	}
	return list, err
}

// serverFailure is what a client is told of a call that a server did not carry
// out. What the server itself said goes through.
func serverFailure(err error) error {
	var refused *mcpprovider.CallError
	var unknown *mcp.UnknownServer
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return unknownServer(unknown.Name)
	case errors.As(err, &refused) && refused.Cause == mcpprovider.CauseServer:
		return &thread.Failure{Kind: thread.KindServerFailed, Code: refused.Code, Data: refused.Data, Err: errors.New(refused.Message)}
	default:
		return &thread.Failure{Kind: thread.KindServerFailed, Remedy: "see mcpServerStatus/list for the server's state", Err: err}
	}
}

// alwaysApprove writes into the user's config.toml that a tool runs unasked. A
// server that another file defines is not the user's to settle there.
func (l *live) alwaysApprove(m *Manager) func(ctx context.Context, server, tool string) error {
	return func(ctx context.Context, server, tool string) error {
		if l.config.McpServers[server].FromProject {
			return errors.New("the server is defined by the project, whose files are not written")
		}
		path := config.JoinKeyPath([]string{"mcp_servers", server, "tools", tool, "approval_mode"})
		_, err := m.config.Write(ctx, []config.Edit{{KeyPath: path, Value: json.RawMessage(`"approve"`)}}, "", "")
		return err
	}
}

func unknownServer(name string) error {
	return &thread.Failure{Kind: thread.KindServerNotFound, Remedy: "configure it in [mcp_servers." + name + "]", Err: errors.New("unknown MCP server '" + name + "'")}
}
