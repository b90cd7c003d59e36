package manager

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/skills"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/skillswatch"
)

// Options are what a manager is made of. Home is required.
type Options struct {
	Home    string // CODEX_HOME, absolute
	Cwd     string // of the process: where threads start that name no folder
	Version string // of this program
	Source  string // session source of new threads; "vscode" if empty, as clients expect of an app server

	Config     *config.Loader
	Executable string // run in the roles of the built-in plugins; empty means the running one
	Log        hclog.Logger
	Now        func() time.Time
	TrustHooks bool // hooks run whether their user trusts them or not
	CaptureOps bool // keep what goes through SendOp, for tests
}

// A Manager holds the live threads. See the package comment.
type Manager struct {
	opts     Options
	config   *config.Loader
	store    *rollout.Store
	models   *models
	plugins  *plugins.Host
	mcp      *mcp.Service
	logins   atomic.Int64 // to MCP servers, under way
	watcher  *skillswatch.Watcher
	configs  configWatch
	skills   *skills.Catalogue
	recalled *skills.Recalling // what m.skills asks
	programs *programs
	files    workspaceFiles
	hub      hub
	log      hclog.Logger
	now      func() time.Time

	loading      keyLock  // by thread id: held while a stored thread is loaded or its file moved
	pluginStates sync.Map // the last plugins.Status, by name

	creations creations

	work    sync.WaitGroup // clocks that have run out
	reports sync.WaitGroup // of agents to those they work for
	removed sync.WaitGroup // threads that were taken out, until their holders have ended them
	closing chan struct{}  // closed when Close has ended the threads

	mu          sync.Mutex // guards the fields below
	threads     map[string]*live
	client      thread.ClientInfo
	extraSkills []string       // folders, set by a client
	specs       []plugins.Spec // of the plugin host
	closed      bool
	captured    []CapturedOp // sent, if they are captured
}

// live is a loaded thread and what the manager holds for it.
type live struct {
	id        string
	thread    *thread.Thread
	meta      rollout.Meta
	config    *config.Config
	path      string        // of its rollout; empty for an ephemeral thread
	dynamic   *tool.Dynamic // the client's own tools; nil without any
	terminals *tool.Terminals
	approvals *tool.Approvals
	patches   *tool.ApplyPatch
	tree      *agentTree // of the session
	skills    func()     // lets go of the watching of the thread's skill folders
	unwatch   func()     // lets go of the watching of its configuration

	mu       sync.Mutex // guards the fields below
	servers  *mcp.Set   // nil without MCP servers
	listener *serverListener
	begun    bool        // its start was answered: news of servers may be told
	told     bool        // somebody was told of records that could not be read
	clock    *time.Timer // runs while nobody needs the thread
	closed   bool
}

// New makes a manager. It opens no file and starts nothing.
func New(o Options) (*Manager, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Source == "" {
		o.Source = "vscode"
	}
	m := &Manager{
		opts: o, config: o.Config, log: o.Log, now: o.Now,
		threads: make(map[string]*live), closing: make(chan struct{}),
	}
	m.hub.onMove, m.hub.onEvent = m.moved, m.settled
	m.store = rollout.NewStore(o.Home, rollout.Options{Now: o.Now, Client: m.ownerName})
	m.models = newModels(o.Home)
	m.hub.subscribers, m.hub.open = make(map[string][]*Client), make(map[string][]*question)
	m.specs = builtinPlugins()
	m.watcher = skillswatch.New(skillswatch.Options{
		Own:       []string{filepath.Join(o.Home, "sessions"), filepath.Join(o.Home, "archived_sessions"), filepath.Join(o.Home, "thread-writer-locks")},
		Logger:    slog.New(logHandler{o.Log.Named("watch")}),
		OnWarning: func(text string) { warn(context.Background(), &m.hub, watchWarning(text)) },
	})
	host, err := m.newPlugins()
	if err != nil {
		return nil, fmt.Errorf("setting up the plugin host: %w", err)
	}
	m.plugins = host
	m.mcp = newMCP(o, host)
	m.skills = m.newSkills()
	m.configs.watcher, m.configs.changed = m.watcher, m.configChanged
	m.programs = m.newPrograms(o)
	return m, nil
}

// Home is the folder of configuration and threads.
func (m *Manager) Home() string { return m.opts.Home }

// Cwd is the folder that stands for one that a client does not name.
func (m *Manager) Cwd() string { return m.opts.Cwd }

// Introduce names the client that new threads are made for.
func (m *Manager) Introduce(c thread.ClientInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.client = c
}

// ThreadIDs is every loaded thread, oldest first.
func (m *Manager) ThreadIDs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.threads))
	for id := range m.threads {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// Get is a loaded thread, or a refusal that names the id.
func (m *Manager) Get(id string) (*thread.Thread, error) {
	l, err := m.get(id)
	if err != nil {
		return nil, err
	}
	return l.thread, nil
}

func (m *Manager) get(id string) (*live, error) {
	if err := checkID(id, "thread"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.threads[id]
	if l == nil {
		return nil, &thread.Refusal{Kind: thread.KindThreadNotFound, Message: "thread not found: " + id,
			Remedy: "start it with thread/start or load it with thread/resume"}
	}
	return l, nil
}

// OnEOF is what the configuration wants at the end of input: "drain" or another word.
func (m *Manager) OnEOF() string {
	cfg, err := m.config.Load(context.Background(), config.Query{Cwd: m.opts.Cwd})
	if err != nil {
		return "drain"
	}
	return cfg.Host.OnEOF
}
