package manager

import (
	"context"
	"reflect"
	"sync"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/skillswatch"
)

// configWatch watches the configuration files of the loaded threads, each once.
// Watching begins in the background: a thread's start does not wait for it.
type configWatch struct {
	watcher *skillswatch.Watcher
	changed func()
	work    sync.WaitGroup

	mu           sync.Mutex // guards what follows
	closed       bool
	files        map[string]int // how many threads want it
	applying     bool
	stale        bool // files has changed since it was applied
	registration *skillswatch.Registration
	told         string // what is wrong with the files, as it was told last
}

// hold has files watched until the function it returns is called.
func (w *configWatch) hold(files []string) (release func()) {
	w.count(files, +1)
	return sync.OnceFunc(func() { w.count(files, -1) })
}

func (w *configWatch) count(files []string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.files == nil {
		w.files = make(map[string]int)
	}
	before := len(w.files)
	for _, f := range files {
		if w.files[f] += by; w.files[f] <= 0 {
			delete(w.files, f)
		}
	}
	w.stale = w.stale || len(w.files) != before
	if w.closed || w.applying || !w.stale {
		return
	}
	w.applying = true
	w.work.Go(w.apply)
}

// apply registers what is wanted until nothing has changed meanwhile. What
// happened to a file before it was watched is looked for afterwards.
func (w *configWatch) apply() {
	for {
		w.mu.Lock()
		if w.closed || !w.stale {
			w.applying = false
			w.mu.Unlock()
			return
		}
		w.stale = false
		roots := make([]skillswatch.Root, 0, len(w.files))
		for f := range w.files {
			roots = append(roots, skillswatch.Root{Path: f, File: true})
		}
		registration := w.registration
		w.mu.Unlock()
		if registration != nil {
			registration.Update(roots)
		} else {
			registration = w.watcher.Watch(roots, func(skillswatch.Event) { w.changed() })
		}
		w.mu.Lock()
		w.registration = registration
		w.mu.Unlock()
		w.changed()
	}
}

// close waits for what is under way; the watcher is closed by its owner.
func (w *configWatch) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.work.Wait()
}

// configChanged has the skills looked up that somebody follows, gives the threads
// the MCP servers that their configuration names now, where that differs from
// what they have, and starts those that wanted a login which there is now. While
// a file is broken they keep what they have, and the user is told once.
func (m *Manager) configChanged() {
	ctx := context.Background()
	m.hub.skillsMoved()
	m.loginsChanged()
	var broken error
	for _, l := range m.snapshot() {
		if err := m.reconcile(ctx, l); err != nil {
			m.log.Warn("MCP servers are not reloaded", "thread", l.id, "error", err)
			broken = err
		}
	}
	if m.configs.news(broken) {
		warn(ctx, &m.hub, config.Warning{Summary: "The changed configuration cannot be used; MCP servers stay as they are.", Details: broken.Error()})
	}
}

// news says whether what is wrong with the files was not told before.
func (w *configWatch) news(broken error) bool {
	text := ""
	if broken != nil {
		text = broken.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.told
	w.told = text
	return text != "" && text != before
}

// reconcile looks again afterwards: another reload may have read an older file
// and come later.
func (m *Manager) reconcile(ctx context.Context, l *live) error {
	cwd := l.thread.Snapshot().Settings.Cwd
	var last []mcp.Server
	for {
		cfg, err := m.reload(ctx, l, cwd)
		if err != nil {
			return err
		}
		servers := mcpServers(cfg)
		if last != nil && reflect.DeepEqual(last, servers) {
			return nil
		}
		l.reconcile(m, cwd, servers)
		last = servers
	}
}

func (l *live) reconcile(m *Manager, cwd string, servers []mcp.Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
	case l.servers != nil:
		l.servers.Reconcile(cwd, servers)
	case len(servers) > 0:
		l.listener = &serverListener{manager: m, live: l, open: l.begun}
		l.servers = m.mcp.Join(l.id, cwd, servers, l.listener)
	}
}
