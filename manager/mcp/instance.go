package mcp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// phase is where an instance is in its life.
type phase int

const (
	fresh    phase = iota // not started yet
	starting              // a start is running
	up                    // serves
	failed                // never came up; started again by a reload only
	down                  // was up; started again by the next call
)

// instance is one running server, shared by the threads that want it.
type instance struct {
	svc    *Service
	launch launch

	renewing sync.Mutex // held while a session is being replaced

	mu      sync.Mutex    // guards what follows
	startup time.Duration // of who came last
	phase   phase
	changed chan struct{} // closed and replaced with each change of phase
	attempt int           // counts starts
	cancel  context.CancelFunc
	session provider.Session
	lost    provider.Session // the session, when it is known to be ending
	info    provider.Info
	tools   []rawTool
	version int  // counts what is offered: tools and instructions
	stale   bool // the tools have changed since
	listing bool // relist runs
	telling bool // tellResources runs
	err     error
	breaker breaker
	counted provider.Session // whose crash is in the breaker
	members map[*member]struct{}
	holds   int
	idle    *time.Timer
	shutAt  bool
	flights []*flight // oldest first
	clock   clock     // of the flights

	draining []draining // sessions that were replaced and still have flights
	token    int64
}

func newInstance(s *Service, l launch, startup time.Duration) *instance {
	i := &instance{svc: s, launch: l, startup: startup, changed: make(chan struct{}), members: map[*member]struct{}{}}
	i.clock.tick = i.expire
	return i
}

// allow sets how long the next start may take.
func (i *instance) allow(startup time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.startup = startup
}

// hold keeps the instance alive until release.
func (i *instance) hold() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.holds++
	if i.idle != nil {
		i.idle.Stop()
		i.idle = nil
	}
}

// release lets the instance go; after the linger it is stopped.
func (i *instance) release() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.holds--
	if i.holds > 0 || i.shutAt {
		return
	}
	i.idle = time.AfterFunc(i.svc.opts.Linger, func() { i.svc.drop(i) })
}

func (i *instance) unused() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.holds == 0
}

func (i *instance) running() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.phase == up && !i.shutAt
}

// shut stops the instance for good. It does not wait; the Service does.
func (i *instance) shut() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shutAt {
		return
	}
	i.shutAt = true
	if i.idle != nil {
		i.idle.Stop()
	}
	if i.cancel != nil {
		i.cancel()
	}
	if session := i.session; session != nil {
		i.svc.wg.Go(func() { i.svc.closeSession(session) })
	}
	for _, d := range i.draining {
		i.svc.wg.Go(func() { i.svc.closeSession(d.session) })
	}
}

// stopWait bounds the polite stop of one server.
const stopWait = 5 * time.Second

func (s *Service) closeSession(session provider.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), stopWait)
	defer cancel()
	if err := session.Close(ctx); err != nil {
		s.opts.Log.Warn("stopping an MCP server", "error", err)
	}
}

// set changes the phase and tells the members. The caller holds the lock.
func (i *instance) set(p phase) {
	i.phase = p
	close(i.changed)
	i.changed = make(chan struct{})
	for m := range i.members {
		m.tell(i)
	}
}

// begin starts an instance that is fresh, or failed some time before.
func (i *instance) begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.phase == fresh || i.phase == failed {
		i.start(0)
	}
}

// join adds a member and tells it where the instance is. What does not run is
// started; after a reload also what crashed too often.
func (i *instance) join(m *member, reload bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.members[m] = struct{}{}
	m.announce(Startup{State: Starting})
	if reload {
		i.breaker.reset()
	}
	switch i.phase {
	case fresh, failed:
		i.start(0)
	case down:
		if err := i.restart(); err != nil {
			m.announce(failedStartup(&m.server, err, i.startup))
		}
	default:
		m.tell(i)
	}
}

// adopt adds a member that has been told of the instance before. A server that
// failed is tried again with the member's settings.
func (i *instance) adopt(m *member) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.members[m] = struct{}{}
	if i.phase == fresh || i.phase == failed {
		i.start(0)
		return
	}
	m.tell(i)
}

func (i *instance) leave(m *member) {
	i.mu.Lock()
	delete(i.members, m)
	i.mu.Unlock()
	i.release()
}

// start begins a start after pause. The caller holds the lock.
func (i *instance) start(pause time.Duration) {
	if i.shutAt {
		i.err = errors.New("the host is shutting down")
		i.set(failed)
		return
	}
	ctx, cancel := context.WithCancel(i.svc.ctx)
	i.cancel = cancel
	i.attempt++
	i.set(starting)
	limit := i.startup
	i.svc.wg.Go(func() {
		defer cancel()
		session, err := i.open(ctx, pause, limit)
		i.settle(session, err)
	})
}

// open starts the server once.
func (i *instance) open(ctx context.Context, pause, limit time.Duration) (provider.Session, error) {
	if pause > 0 {
		t := time.NewTimer(pause)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, &provider.StartError{Stage: provider.StageCancelled, Reason: ctx.Err().Error()}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p, server, err := i.starting(ctx)
	if err != nil {
		return nil, err
	}
	i.launch.reserve()
	with := i.launch.token()
	session, err := p.Start(ctx, server, host{i})
	if denied(err) && i.launch.token() != with { // somebody has logged in meanwhile
		session, err = p.Start(ctx, server, host{i})
	}
	if err != nil {
		return nil, i.launch.denied(err)
	}
	return &placed{session, p}, nil
}

// settle takes the outcome of a start.
func (i *instance) settle(session provider.Session, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cancel = nil
	switch {
	case err != nil && i.version > 0:
		i.err = err
		if _, denied := errors.AsType[*deniedError](err); !denied {
			i.breaker.crash(time.Now())
		}
		i.set(down)
	case err != nil:
		i.err = err
		i.set(failed)
	case i.shutAt:
		i.svc.wg.Go(func() { i.svc.closeSession(session) })
	default:
		i.serve(session)
		i.set(up)
	}
}

// serve makes a session the one that is called. The caller holds the lock.
func (i *instance) serve(session provider.Session) {
	i.session, i.err = session, nil
	info := session.Info()
	if i.version > 0 && info.Instructions != i.info.Instructions {
		i.version++
	}
	i.info, i.stale = info, false
	i.take(info.Tools)
	i.svc.wg.Go(func() { i.watch(session) })
}

// watch notices that a session ended by itself.
func (i *instance) watch(session provider.Session) {
	<-session.Done()
	end := session.End()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.session != session {
		return
	}
	i.session = nil
	if i.shutAt {
		return
	}
	i.svc.opts.Log.Warn("MCP server ended", "server", i.launch.server.Name, "reason", end.Reason, "stderr", end.Remains.Stderr)
	if !end.Lost && (end.Remains.Signal != "" || end.Remains.ExitCode != nil && *end.Remains.ExitCode != 0) {
		i.crashed(session)
	}
	i.set(down)
}

// crashed counts the crash of a session once. The caller holds the lock.
func (i *instance) crashed(session provider.Session) {
	if i.counted != session {
		i.counted = session
		i.breaker.crash(time.Now())
	}
}

// serving returns the running session, after a restart if need be.
func (i *instance) serving(ctx context.Context) (provider.Session, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	asked := -1
	for {
		switch i.phase {
		case up:
			if !i.ending() {
				return i.session, nil
			}
		case failed:
			return nil, errors.New(startupText(i.launch.server.Name, i.err, i.startup))
		case fresh:
			i.start(0)
			continue
		case down:
			if asked == i.attempt {
				return nil, i.why()
			}
			if err := i.restart(); err != nil {
				return nil, err
			}
			asked = i.attempt
			continue
		}
		changed := i.changed
		i.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		i.mu.Lock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// why is what keeps a server down that was up before. The caller holds the lock.
func (i *instance) why() error {
	if d, denied := errors.AsType[*deniedError](i.err); denied {
		return errors.New(d.text(i.launch.server.Name))
	}
	return i.err
}

// current is the session, if the server is up; it starts nothing.
func (i *instance) current() provider.Session {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.phase != up || i.shutAt || i.ending() {
		return nil
	}
	return i.session
}

// ending says whether the session has ended or is about to; watch will notice.
// The caller holds the lock.
func (i *instance) ending() bool {
	select {
	case <-i.session.Done():
		return true
	default:
		return i.lost == i.session
	}
}

// restart starts a server that was up before, unless it crashes too often. The
// caller holds the lock.
func (i *instance) restart() error {
	pause, ok, again := i.breaker.allow(time.Now())
	if !ok {
		return fmt.Errorf("the server crashed %d times in %v and is not started again before %s, or until the configuration is reloaded",
			crashLimit, crashWindow, again.Format("15:04:05"))
	}
	i.start(pause)
	return nil
}

// wait blocks until no start is running, and returns why the server is not up.
func (i *instance) wait(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.phase == starting || i.phase == fresh {
		changed := i.changed
		i.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		i.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if i.phase == up || i.phase == down && i.err == nil {
		return nil
	}
	return i.err
}

func (i *instance) pending() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.phase == starting || i.phase == fresh
}

// harmless says whether a call of the tool may be repeated.
func (i *instance) harmless(tool string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.tools {
		if i.tools[n].Name == tool {
			return i.tools[n].hints.harmless()
		}
	}
	return false
}

// part is what the instance adds to an offer; ok is false until it was up.
func (i *instance) part(s *Server) (p part, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.version == 0 {
		return part{}, false
	}
	return part{
		server: s, instructions: i.info.Instructions, tools: i.tools,
		stamp: i.launch.server.Key + "/" + strconv.Itoa(i.version) + "/" + fmt.Sprintf("%p", i),
	}, true
}
