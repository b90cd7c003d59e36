package manager

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/skills"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// newSkills makes the catalogue of skills over the built-in provider and those
// that plugins add.
func (m *Manager) newSkills() *skills.Catalogue {
	m.recalled = skills.Recall(skills.FromHost(m.plugins, SkillsPlugin), m.plugins, m.log.Named("skills"))
	m.recalled.OnChange(func() { m.skills.Changed() })
	return skills.New(skills.Options{
		Providers: m.recalled,
		Builtin:   SkillsPlugin,
		Bundled:   filepath.Join(m.opts.Home, "codexhost-skills"),
		Watcher:   skills.FromWatcher(m.watcher),
		OnChange:  func() { m.SkillsChanged(context.Background()) },
		Logger:    m.log.Named("skills"),
	})
}

// skillSettings is what a configuration says about skills.
func (m *Manager) skillSettings(cfg *config.Config) skills.Settings {
	user, err := os.UserHomeDir()
	if err != nil {
		user = "" // then there is no folder of the user's to look into
	}
	m.mu.Lock()
	extra := m.extraSkills
	m.mu.Unlock()
	s := skills.Settings{
		Cwd: cfg.Cwd, ProjectRoot: cfg.ProjectRoot, CodexHome: m.opts.Home, UserHome: user,
		NoBundled: !cfg.Skills.Bundled, Extra: extra, Product: "codex",
	}
	for _, l := range cfg.Layers {
		switch l.Name.Type {
		case config.LayerProject:
			s.ProjectFolders = append(s.ProjectFolders, l.Name.Folder)
		case config.LayerSystem:
			s.SystemDir = filepath.Dir(l.Name.File)
		}
	}
	for _, r := range cfg.Skills.Rules {
		s.Rules = append(s.Rules, skills.Rule{Name: r.Name, Path: r.Path, Enabled: r.Enabled})
	}
	return s
}

// SkillListing is the skills of a folder, or why they cannot be told.
type SkillListing struct {
	Cwd      string // as the client spelled it
	Snapshot *skills.Snapshot
	Problem  string // nothing else then
}

// Skills lists the skills that hold for each folder, that of the process if none
// is named. A folder whose configuration cannot be loaded has one error instead.
func (m *Manager) Skills(ctx context.Context, cwds []string, force bool) ([]SkillListing, error) {
	if len(cwds) == 0 {
		cwds = []string{m.opts.Cwd}
	}
	listings := make([]SkillListing, len(cwds))
	for i, cwd := range cwds {
		listings[i].Cwd = cwd
		cfg, err := m.config.Load(ctx, config.Query{Cwd: m.absolute(cwd)})
		if err != nil {
			listings[i].Problem = "failed to reload config: " + details(err)
			continue
		}
		m.configurePlugins(ctx, cfg)
		if listings[i].Snapshot, err = m.skills.List(ctx, m.skillSettings(cfg), force); err != nil {
			return nil, err
		}
	}
	return listings, nil
}

// Watching says how changed skills are noticed: idle (nobody needs it), events,
// polling, mixed or inert.
func (m *Manager) Watching() string { return string(m.watcher.Mode()) }

// Entry is the listing as an entry of skills/list.
func (l *SkillListing) Entry() protocol.SkillsListEntry {
	if l.Snapshot == nil {
		return protocol.SkillsListEntry{Cwd: l.Cwd, Errors: []protocol.SkillErrorInfo{{Path: l.Cwd, Message: l.Problem}}}
	}
	return l.Snapshot.Entry(l.Cwd)
}

// SetExtraSkillRoots replaces the folders that a client adds to all others.
func (m *Manager) SetExtraSkillRoots(roots []string) {
	m.mu.Lock()
	m.extraSkills = roots
	m.mu.Unlock()
	m.skills.Invalidate()
}

// SkillsChanged tells all clients to list skills again.
func (m *Manager) SkillsChanged(ctx context.Context) {
	m.hub.announce(ctx, "skills/changed", &protocol.SkillsChangedNotification{})
	m.hub.skillsMoved()
}

// threadSkills are the skills as a thread sees them. A turn begins with Section,
// and works with the listing that this brought until it ends.
type threadSkills struct {
	manager *Manager
	live    *live
	config  *config.Config

	pinned *skills.Snapshot // of the turn; one runs at a time
}

// snapshot lists the skills for the folder a turn works in.
func (t *threadSkills) snapshot(ctx context.Context, cwd string) (*skills.Snapshot, error) {
	cfg := t.config
	if fresh, err := t.manager.config.Load(ctx, config.Query{Cwd: cwd}); err == nil {
		cfg = fresh // rules and folders as they are now, not as they were when the thread started
	}
	return t.manager.skills.List(ctx, t.manager.skillSettings(cfg), false)
}

// Section implements thread.Skills.
func (t *threadSkills) Section(ctx context.Context, s thread.Settings, window int64) (string, []string) {
	snapshot, err := t.snapshot(ctx, s.Cwd)
	t.pinned = snapshot
	if !t.config.Skills.IncludeInstructions {
		return "", nil
	}
	if err != nil {
		return "", []string{"Skills could not be listed: " + err.Error()}
	}
	section := snapshot.Section(window)
	if section.Warning == "" {
		return section.Text, nil
	}
	return section.Text, []string{section.Warning}
}

// Mentioned implements thread.Skills.
func (t *threadSkills) Mentioned(ctx context.Context, s thread.Settings, input []protocol.UserInput) (messages, warnings []string) {
	if t.pinned == nil {
		return nil, nil // the section has said why
	}
	return t.manager.skills.Messages(plugins.WithAsker(ctx, t.asker(s)), t.pinned, t.pinned.Mentioned(input, nil))
}

// asker puts the questions of plugins that read a skill for the thread to those
// who hear it, as those of MCP servers are.
func (t *threadSkills) asker(s thread.Settings) plugins.Asker {
	return func(ctx context.Context, plugin string, params json.RawMessage) (json.RawMessage, error) {
		e := mcp.Elicitation{ThreadID: t.live.id, Server: plugin}
		return mcp.Put(ctx, params, tool.MCPPolicy(s.Approval, s.Sandbox), e, func(ctx context.Context, e mcp.Elicitation) ([]byte, error) {
			return t.live.thread.Ask(ctx, tool.WaitingOnApproval, "mcpServer/elicitation/request", e.Params)
		})
	}
}
