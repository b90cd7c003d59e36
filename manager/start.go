package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp/oauth"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// StartParams say what a new thread shall be like. Nil and empty take what the
// configuration says.
type StartParams struct {
	Wanted
	DynamicTools []protocol.DynamicToolSpec
	Ephemeral    bool
	HistoryMode  string // rollout.ModePaginated or rollout.ModeLegacy
	ThreadSource string
	ServiceName  string // labels what is measured of the thread
	ParentTrace  string // W3C traceparent of what asked for the thread; ignored if it is none
}

// Wanted are the settings that a client may name when it starts, resumes or
// forks a thread.
type Wanted struct {
	Cwd                   string
	Model                 *string
	Provider              *string
	ServiceTier           *string
	Personality           *string
	BaseInstructions      *string
	DeveloperInstructions *string
	Approval              protocol.AskForApproval
	Sandbox               protocol.SandboxMode
	WorkspaceRoots        []string
	Config                map[string]any // overrides of config.toml; keys may be dotted
}

// Start makes a thread. Nothing is written before its first turn.
func (m *Manager) Start(ctx context.Context, p StartParams) (*Opened, error) {
	cwd := m.absolute(p.Cwd)
	cfg, err := m.load(ctx, config.Query{Cwd: cwd, Overrides: p.Config})
	if err != nil {
		return nil, err
	}
	settings, err := m.settings(cfg, cwd, p.Wanted)
	if err != nil {
		return nil, err
	}
	if _, err := tool.NewDynamic(p.DynamicTools); err != nil {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: err.Error(), Remedy: "correct the tool and start the thread again"}
	}
	id := uuid.Must(uuid.NewV7()).String()
	if p.ParentTrace != "" && !isTraceparent(p.ParentTrace) {
		m.log.Warn("ignoring a parent trace that is none", "thread", id)
		p.ParentTrace = ""
	}
	m.log.Debug("starting a thread", "thread", id, "service", p.ServiceName, "trace", p.ParentTrace)
	meta := m.newMeta(id, settings, cfg, p)
	spec := thread.Spec{ID: id, SessionID: id, Settings: settings, Client: m.introduced()}
	if !p.Ephemeral {
		if spec.Recorder, err = m.store.Create(meta); err != nil {
			return nil, fmt.Errorf("creating thread %s: %w", id, err)
		}
		meta = spec.Recorder.Meta()
	} else {
		meta.Timestamp, meta.HistoryMode = m.now(), rollout.ModePaginated
	}
	return m.open(ctx, spec, meta, cfg)
}

// newMeta is what the thread's file will say of it first.
func (m *Manager) newMeta(id string, s thread.Settings, cfg *config.Config, p StartParams) rollout.Meta {
	meta := rollout.Meta{
		ID: id, SessionID: id, Cwd: s.Cwd, WorkspaceRoots: s.WorkspaceRoots, Originator: m.introduced().Originator,
		CLIVersion: m.opts.Version, Source: json.RawMessage(`"` + m.opts.Source + `"`), ThreadSource: p.ThreadSource,
		ModelProvider: s.Provider, HistoryMode: p.HistoryMode, ContextWindowID: uuid.Must(uuid.NewV7()).String(),
	}
	base := s.BaseInstructions
	if base == "" {
		info, _ := m.models.catalog(cfg).Lookup(s.Model)
		base = info.BaseInstructions
	}
	if len(p.DynamicTools) > 0 {
		meta.DynamicTools, _ = protocol.Append(nil, p.DynamicTools) // they were read from the wire
	}
	meta.Instructions, _ = json.Marshal(map[string]string{"text": base}) // a string always has a JSON form
	return meta
}

// An Opened thread is live and registered.
type Opened struct {
	Thread       *thread.Thread
	View         protocol.Thread
	Settings     thread.Settings
	Instructions thread.Instructions

	live *live
}

// open brings a thread to life and registers it. Its first event must say that
// it is configured; otherwise nothing is registered. It owns spec.Recorder.
func (m *Manager) open(ctx context.Context, spec thread.Spec, meta rollout.Meta, cfg *config.Config) (*Opened, error) {
	return m.openAs(ctx, spec, meta, cfg, nil)
}

// openAs opens a thread in its place among the agents of another; a nil seat is a
// thread of its own.
func (m *Manager) openAs(ctx context.Context, spec thread.Spec, meta rollout.Meta, cfg *config.Config, seat *agent) (*Opened, error) {
	m.configurePlugins(ctx, cfg)
	m.store.SetFsync(cfg.Host.Fsync)
	l := &live{id: spec.ID, meta: meta, config: cfg, path: pathOf(spec.Recorder)}
	l.terminals, l.approvals = tool.NewTerminals(), m.newApprovals(ctx, cfg)
	l.patches = tool.NewApplyPatch(l.approvals)
	l.dynamic = dynamicTools(meta.DynamicTools)
	services, err := m.servicesFor(l, cfg, spec.Settings.Provider)
	if err != nil {
		return nil, errors.Join(err, closeRecorder(spec.Recorder))
	}
	first := &firstEvent{next: &m.hub}
	if seat != nil {
		l.tree, first.next = seat.tree, seat
	} else {
		l.tree = newAgentTree()
	}
	l.thread = thread.Start(context.WithoutCancel(ctx), spec, services, first)
	if err := m.register(ctx, l, first, spec.Settings.Cwd); err != nil {
		return nil, errors.Join(err, m.stop(context.WithoutCancel(ctx), l.thread))
	}
	return &Opened{Thread: l.thread, View: m.liveView(l), Settings: spec.Settings, Instructions: services.Instructions(spec.Settings.Cwd), live: l}, nil
}

func (m *Manager) register(ctx context.Context, l *live, first *firstEvent, cwd string) error {
	if !first.configured {
		return errors.New("session configured event was not the first event in the stream")
	}
	if err := m.startServers(ctx, l, cwd); err != nil {
		l.close()
		return err
	}
	l.skills = m.skills.Hold(m.skillSettings(l.config))
	l.unwatch = m.configs.hold(append(slices.Clone(l.config.Files()), oauth.NewStore(l.config.Home).Path()))
	if !m.enlist(l) {
		l.close()
		return errClosed
	}
	m.restless(l) // nobody is subscribed yet
	return nil
}

// enlist puts a thread among the loaded ones, unless the manager is closed.
func (m *Manager) enlist(l *live) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.threads[l.id] = l
	return true
}

// close lets go of what the manager holds for a thread that has ended.
func (l *live) close() {
	l.stopClock()
	if set := l.set(); set != nil {
		set.Close()
	}
	if l.skills != nil {
		l.skills()
	}
	if l.unwatch != nil {
		l.unwatch()
	}
}

// Begun tells of a thread whose start has been answered.
func (m *Manager) Begun(ctx context.Context, o *Opened) {
	m.hub.Event(ctx, thread.Event{Thread: o.View.ID, Kind: thread.Told, Method: "thread/started", Params: &protocol.ThreadStartedNotification{Thread: o.View}})
	o.live.begin()
}

// begin lets the news of a thread's servers out.
func (l *live) begin() {
	l.mu.Lock()
	listener := l.listener
	l.begun = true
	l.mu.Unlock()
	if listener != nil {
		listener.begin()
	}
}

var errClosed = errors.New("the host is shutting down")

func closeRecorder(r *rollout.Recorder) error {
	if r == nil {
		return nil
	}
	return r.Close()
}

func pathOf(r *rollout.Recorder) string {
	if r == nil {
		return ""
	}
	return r.Path()
}

// firstEvent looks at a thread's first event and passes the others on.
type firstEvent struct {
	next       thread.Observer
	seen       bool
	configured bool
}

func (f *firstEvent) Event(ctx context.Context, e thread.Event) {
	if !f.seen { // the loop has not started: nothing tells concurrently yet
		f.seen = true
		f.configured = e.Kind == thread.Configured && e.Submission == ""
		return
	}
	f.next.Event(ctx, e)
}

// absolute is a folder named by a client: relative to the process's, and that
// one where none is named. It need not exist.
func (m *Manager) absolute(cwd string) string {
	if !filepath.IsAbs(cwd) {
		cwd = filepath.Join(m.opts.Cwd, cwd)
	}
	return filepath.Clean(cwd)
}

// load reads the configuration for a folder as it is on disk now.
func (m *Manager) load(ctx context.Context, q config.Query) (*config.Config, error) {
	cfg, err := m.config.Load(ctx, q)
	if err != nil {
		return nil, &thread.Refusal{Kind: thread.KindConfigInvalid, Message: err.Error(), Remedy: "mend the named file or override and try again"}
	}
	return cfg, nil
}

// reload reads the configuration of a thread anew, for the folder that it works in now.
func (m *Manager) reload(ctx context.Context, l *live, cwd string) (*config.Config, error) {
	return m.load(ctx, config.Query{Cwd: cwd, Overrides: l.config.Overrides, Role: l.config.Role})
}

func (m *Manager) introduced() thread.ClientInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client
}

// checkID refuses what is no thread id, in the reference's words.
func checkID(id, what string) error {
	if _, err := uuid.Parse(id); err == nil {
		return nil
	}
	msg := "invalid " + what + " id: " + whyNoUUID(id)
	return &thread.Refusal{Kind: thread.KindInvalidInput, Message: msg, Remedy: "thread ids are UUIDs, as thread/start and thread/list give them"}
}

// whyNoUUID says what keeps a text from being a UUID.
func whyNoUUID(s string) string {
	for i, r := range strings.TrimPrefix(s, "urn:uuid:") {
		if !strings.ContainsRune("0123456789abcdefABCDEF-", r) {
			return fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d", r, i+1)
		}
	}
	return fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(s))
}

// CwdOverride is a folder that a turn names, made absolute; nil if it names none.
func (m *Manager) CwdOverride(cwd *string) *string {
	if cwd == nil {
		return nil
	}
	return ptr(m.absolute(*cwd))
}

// dynamicTools are the client's tools that a thread's file remembers; none where
// they cannot be read any more.
func dynamicTools(raw json.RawMessage) *tool.Dynamic {
	var specs []protocol.DynamicToolSpec
	if len(raw) == 0 || protocol.Decode(raw, &specs) != nil {
		return nil
	}
	d, err := tool.NewDynamic(specs)
	if err != nil {
		return nil
	}
	return d
}

// isTraceparent reports whether a text is a W3C traceparent: version, trace, parent
// and flags in lower-case hexadecimal, neither id all zeros.
func isTraceparent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 || parts[0] == "ff" {
		return false
	}
	for _, p := range parts[:4] {
		if strings.Trim(p, "0123456789abcdef") != "" {
			return false
		}
	}
	return strings.Trim(parts[1], "0") != "" && strings.Trim(parts[2], "0") != ""
}
