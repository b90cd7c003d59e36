package manager

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/plugins"
	mcpprovider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Names of the providers that ship inside the binary; their roles on its
// command line are the same.
const (
	SkillsPlugin = "skills"
	MCPPlugin    = "mcp"
)

// newPlugins makes the plugin host with the two built-in providers. No process
// starts before it is needed.
func (m *Manager) newPlugins() (*plugins.Host, error) {
	return plugins.New(plugins.Options{
		Kinds:      []plugins.Kind{skill.Contract(nil), mcpprovider.Contract(nil)},
		Specs:      builtinPlugins(),
		Executable: m.opts.Executable,
		Logger:     m.log.Named("plugin"),
		OnState:    m.pluginChanged,
		Watcher:    m.watcher,
		Owner:      m.opts.Home,
		LogDir:     PluginLogs(m.opts.Home),
		CacheDir:   PluginAnswers(m.opts.Home),
		OnChanged: func(plugin string) {
			if slices.Contains(m.plugins.Names(skill.Kind), plugin) { // servers say it in their contract
				m.skills.Changed()
			}
		},
	})
}

// PluginAnswers is where answers of plugins are remembered, a folder for each.
func PluginAnswers(home string) string { return filepath.Join(home, "codexhost-cache", "plugins") }

// PluginLogs is where what plugins say is kept; see plugins.LogFile.
func PluginLogs(home string) string { return filepath.Join(home, "codexhost-logs") }

func builtinPlugins() []plugins.Spec {
	servers := plugins.Builtin(MCPPlugin, mcpprovider.Kind, MCPPlugin)
	servers.OwnsProcesses = true
	return []plugins.Spec{plugins.Builtin(SkillsPlugin, skill.Kind, SkillsPlugin), servers}
}

// configurePlugins has the plugin host run what [codexhost.plugins] names now.
// Project files cannot set that table, so everything in it is the user's word.
func (m *Manager) configurePlugins(ctx context.Context, cfg *config.Config) {
	specs := builtinPlugins()
	for _, name := range slices.Sorted(maps.Keys(cfg.Host.Plugins)) {
		p := cfg.Host.Plugins[name]
		if p.Enabled {
			specs = append(specs, plugins.Spec{Name: name, Kind: p.Kind, Path: p.Path, Args: p.Args, Env: p.Env, SHA256: p.Checksum, Settings: p.Settings})
		}
	}
	m.mu.Lock()
	same := reflect.DeepEqual(specs, m.specs)
	m.specs = specs
	m.mu.Unlock()
	if same {
		return
	}
	if err := m.plugins.Configure(ctx, specs); err != nil {
		m.log.Error("configuring plugins", "error", err)
	}
	m.skills.Invalidate()
}

// newMCP makes the service that runs MCP servers through the built-in provider.
func newMCP(o Options, host *plugins.Host) *mcp.Service {
	return mcp.New(mcp.Options{
		Provider: func(ctx context.Context) (mcpprovider.Provider, error) {
			return plugins.Get[mcpprovider.Provider](ctx, host, MCPPlugin)
		},
		Plugin: func(ctx context.Context, name string) (mcpprovider.Provider, error) {
			return plugins.Get[mcpprovider.Provider](ctx, host, name)
		},
		Env:    os.LookupEnv,
		Home:   o.Home,
		Client: mcpprovider.ClientInfo{Name: "codexhost", Title: "codexhost", Version: o.Version},
		Log:    slog.New(logHandler{o.Log.Named("mcp")}),
	})
}

// servicesFor are the services of one thread.
func (m *Manager) servicesFor(l *live, cfg *config.Config, provider string) (thread.Services, error) {
	p, err := m.providerFor(cfg, provider)
	if err != nil {
		return thread.Services{}, err
	}
	client, err := m.models.client(p)
	if err != nil {
		return thread.Services{}, err
	}
	catalog := m.models.catalog(cfg)
	services := thread.Services{
		Model:        client,
		ModelInfo:    catalog.Lookup,
		Instructions: m.instructions(cfg),
		Skills:       &threadSkills{manager: m, live: l, config: cfg},
		Tools: func(ctx context.Context, s thread.Settings) tool.Offer {
			return m.tools(ctx, l, catalog, s)
		},
		Shell: func(ctx context.Context, t tool.Turn, command string, timeout time.Duration) string {
			info, _ := catalog.Lookup("")
			return l.exec(m, info).UserShell(ctx, t, command, timeout)
		},
		Stop: func() {
			m.endAgents(l)
			l.terminals.Close()
		},
		Asker: patientAsker{&m.hub, cfg.Host.AnswerLimit},
		Log:   m.log.Named("thread"),
		Now:   m.now,
	}
	m.hookServices(&services, cfg)
	return services, nil
}

// tools is what a request may offer. A server that is about to be ready gets a
// moment; one that is late joins the next request.
func (m *Manager) tools(ctx context.Context, l *live, catalog *model.Catalog, s thread.Settings) tool.Offer {
	info, _ := catalog.Lookup(s.Model)
	planning := s.Mode == protocol.ModeKindPlan
	offers := tool.Offers{tool.Plan{PlanMode: planning}, l.commands(m, info), tool.UserInput{Plan: planning}, tool.NewViewImage(info.AcceptsImages())}
	if l.config.Feature("request_permissions_tool") {
		offers = append(offers, tool.Permissions{Approvals: l.approvals})
	}
	if l.dynamic != nil {
		offers = append(offers, l.dynamic)
	}
	if agents, ok := m.agentTools(l, s); ok {
		offers = append(offers, agents)
	}
	if set := l.set(); set != nil {
		m.awaitServers(ctx, l, set)
		offers = append(offers, tool.MCP{Offer: set.Offer(), Images: info.AcceptsImages(), Always: l.alwaysApprove(m)}, tool.MCPResources{Servers: set})
	}
	return offers
}

// instructions reads the AGENTS.md files by a configuration's rules.
func (m *Manager) instructions(cfg *config.Config) func(cwd string) thread.Instructions {
	return func(cwd string) thread.Instructions {
		root := cfg.ProjectRoot
		if cwd != cfg.Cwd {
			if moved, err := m.config.Load(context.Background(), config.Query{Cwd: cwd}); err == nil {
				root = moved.ProjectRoot
			}
		}
		return thread.ReadInstructions(cwd, thread.InstructionRules{Home: m.opts.Home, Root: root,
			Fallbacks: cfg.Docs.Fallbacks, MaxBytes: int(cfg.Docs.MaxBytes)})
	}
}

// closeServices ends what the manager started, in the order of dependence.
func (m *Manager) closeServices(ctx context.Context) error {
	m.skills.Close()
	m.recalled.Close()
	m.configs.close()
	m.watcher.Close()
	m.files.close()
	err := m.mcp.Close(ctx)
	err = errors.Join(err, m.plugins.Close(ctx))
	m.models.close()
	m.programs.behind.Close(ctx, programGrace)
	return err
}
