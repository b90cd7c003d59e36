package manager

import (
	"context"
	"slices"
	"sync"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/skills"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// maxFollowed bounds the folders of which a client hears, those it listed last.
const maxFollowed = 64

// skillFollower tells a client that asked for it how the skills of the folders
// that it listed differ from what it knows. The folders are watched for it, with
// or without a thread. One goroutine looks at them after each change; it ends
// with the client.
type skillFollower struct {
	manager  *Manager
	observer thread.Observer
	kick     chan struct{} // has room for one: looking once is enough for many changes
	work     sync.WaitGroup
	ctx      context.Context // ends with the client
	end      context.CancelFunc

	mu      sync.Mutex // guards the rest
	running bool
	folders []*followed // the oldest first
}

// followed is a folder and what the client knows of it.
type followed struct {
	cwd     string // as the client spelled it
	known   *skills.Snapshot
	release func()
}

func newSkillFollower(m *Manager, o thread.Observer) *skillFollower {
	f := &skillFollower{manager: m, observer: o, kick: make(chan struct{}, 1)}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

// FollowSkills has the client told, from now on, what becomes different from
// these listings, which it was just given.
func (c *Client) FollowSkills(listings []SkillListing) { c.skills.follow(listings) }

func (f *skillFollower) follow(listings []SkillListing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	if !f.running {
		f.running = true
		f.work.Go(f.run)
	}
	for _, l := range listings {
		if l.Snapshot == nil {
			continue
		}
		at := slices.IndexFunc(f.folders, func(o *followed) bool { return o.cwd == l.Cwd })
		switch {
		case at < 0:
			f.folders = append(f.folders, &followed{cwd: l.Cwd, known: l.Snapshot, release: func() {}})
		case f.folders[at].known.Generation < l.Snapshot.Generation:
			f.folders[at].known = l.Snapshot
		}
	}
	if drop := len(f.folders) - maxFollowed; drop > 0 {
		for _, o := range f.folders[:drop] {
			o.release()
		}
		f.folders = slices.Delete(f.folders, 0, drop)
	}
	f.moved() // what happened before it was watched is looked for now
}

// moved has the folders looked at.
func (f *skillFollower) moved() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

func (f *skillFollower) run() {
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.kick:
		}
		f.mu.Lock()
		folders := slices.Clone(f.folders)
		f.mu.Unlock()
		for _, o := range folders {
			f.look(o)
		}
	}
}

// look tells the client of one folder's changes.
func (f *skillFollower) look(o *followed) {
	m := f.manager
	cfg, err := m.config.Load(f.ctx, config.Query{Cwd: m.absolute(o.cwd)})
	if err != nil {
		return // a broken configuration is told elsewhere; the next change may mend it
	}
	if !f.hold(o, cfg) {
		return
	}
	now, err := m.skills.List(f.ctx, m.skillSettings(cfg), false)
	if err != nil {
		return
	}
	f.mu.Lock()
	was := o.known
	c, differs := m.skills.Since(was, now)
	if differs {
		o.known = now
	}
	f.mu.Unlock()
	if !differs {
		return
	}
	f.observer.Event(f.ctx, thread.Event{Kind: thread.Announced, Method: "codexhost/skills/changed", Params: skillsChange(o.cwd, was, now, c)})
}

// hold watches the folder as its configuration now says; false if the client
// does not hear of it any more.
func (f *skillFollower) hold(o *followed, cfg *config.Config) bool {
	m := f.manager
	letSkills, letConfig := m.skills.Hold(m.skillSettings(cfg)), m.configs.hold(cfg.Files())
	release := func() { letSkills(); letConfig() }
	f.mu.Lock()
	if f.ctx.Err() != nil || !slices.Contains(f.folders, o) {
		f.mu.Unlock()
		release()
		return false
	}
	release, o.release = o.release, release
	f.mu.Unlock()
	release() // of what was held before
	return true
}

func skillsChange(cwd string, was, now *skills.Snapshot, c skills.Change) *protocol.SkillsChange {
	p := &protocol.SkillsChange{
		Cwd: cwd, Since: int64(was.Generation), Generation: int64(now.Generation),
		Added: c.Added, Changed: c.Changed, Removed: make([]protocol.RemovedSkill, len(c.Removed)),
	}
	for i, s := range c.Removed {
		p.Removed[i] = protocol.RemovedSkill{Name: s.Name, Path: s.Path}
	}
	if c.Errors != nil {
		p.Errors = &c.Errors
	}
	return p
}

// close ends the following and waits for it.
func (f *skillFollower) close() {
	f.end()
	f.work.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.folders {
		o.release()
	}
	f.folders = nil
}
