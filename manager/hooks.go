package manager

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// programGrace is how long programs that nobody waits for may go on when the host ends.
const programGrace = 2 * time.Second

// programs are the user's own, run at the events of threads.
type programs struct {
	behind   *hooks.Background
	hooks    hooks.Store
	notifier hooks.Notifier

	mu   sync.Mutex
	told map[hooks.Broken]bool
}

func (m *Manager) newPrograms(o Options) *programs {
	p := &programs{behind: hooks.NewBackground(), told: make(map[hooks.Broken]bool)}
	p.hooks.TrustAll, p.hooks.Behind = o.TrustHooks, p.behind
	p.notifier.Behind, p.notifier.Dir = p.behind, o.Cwd
	p.notifier.Failed = func(program string, err error) {
		warn(context.Background(), &m.hub, config.Warning{Summary: fmt.Sprintf("The notify program %s could not be started.", program), Details: err.Error()})
	}
	return p
}

// hooksFor are the hooks that hold for a folder now. Files that cannot be read
// are told to everybody, once.
func (m *Manager) hooksFor(ctx context.Context, cwd string, started *config.Config) *hooks.Set {
	cfg := started
	if fresh, err := m.config.Load(ctx, config.Query{Cwd: cwd}); err == nil {
		cfg = fresh // trust as it is now, not as it was when the thread started
	}
	set := m.programs.hooks.Load(cfg)
	for _, b := range set.Broken() {
		if m.programs.first(b) {
			warn(ctx, &m.hub, brokenHooks(b))
		}
	}
	return set
}

func brokenHooks(b hooks.Broken) config.Warning {
	return config.Warning{Summary: "Hooks could not be read; those of other files go on.", Details: b.Why, Path: b.Path}
}

func (p *programs) first(b hooks.Broken) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := p.told[b]
	p.told[b] = true
	return !told
}

// hookServices adds the user's programs to the services of a thread.
func (m *Manager) hookServices(s *thread.Services, cfg *config.Config) {
	s.Hooks = func(ctx context.Context, settings thread.Settings) *hooks.Set {
		return m.hooksFor(ctx, settings.Cwd, cfg)
	}
	if argv := cfg.Notify; len(argv) > 0 {
		s.Notify = func(end hooks.TurnEnd) { m.programs.notifier.Notify(argv, end) }
	}
}

// Hooks lists the hooks of each folder, that of the process if none is named. A
// folder whose configuration cannot be loaded has one error instead.
func (m *Manager) Hooks(ctx context.Context, cwds []string) []protocol.HooksListEntry {
	if len(cwds) == 0 {
		cwds = []string{m.opts.Cwd}
	}
	var entries []protocol.HooksListEntry
	for _, cwd := range cwds {
		cfg, err := m.config.Load(ctx, config.Query{Cwd: m.absolute(cwd)})
		if err != nil {
			entries = append(entries, protocol.HooksListEntry{Cwd: cwd, Errors: []protocol.HookErrorInfo{{Path: cwd, Message: "failed to reload config: " + details(err)}}})
			continue
		}
		entries = append(entries, m.programs.hooks.Load(cfg).Entry(cwd))
	}
	return entries
}
