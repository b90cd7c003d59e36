package plugins

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// supervisor keeps one plugin: at most one instance that serves, at most one
// launch that callers wait for, and the memory of its deaths.
type supervisor struct {
	host *Host
	name string
	turn chan struct{} // has a token while nobody replaces the instance

	mu         sync.Mutex // guards the rest; never held across a wait
	spec       Spec
	closed     bool
	current    *instance
	launching  *launching
	breaker    breaker
	generation uint64 // of the newest launch
	started    bool   // an instance has served
	restarts   int
	last       *Error
	tried      stamp  // of the program that was launched last; empty before
	renewing   bool   // renewLoop runs
	again      bool   // ... and shall look once more
	told       Status // what the observer knows
}

// launching is a launch that any number of callers wait for.
type launching struct {
	done chan struct{}
	err  error // valid once done is closed
}

func newSupervisor(h *Host, spec Spec) *supervisor {
	s := &supervisor{host: h, name: spec.Name, spec: spec, breaker: breaker{times: h.times}, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

func (s *supervisor) kind() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec.Kind
}

// get returns the instance that serves, after starting one if need be. With
// lease, the caller must leave its calls.
func (s *supervisor) get(ctx context.Context, lease bool) (*instance, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("waiting for plugin %s: %w", s.name, err)
		}
		in, l, err := s.find(lease)
		if in != nil || err != nil {
			return in, err
		}
		select {
		case <-l.done:
			if l.err != nil {
				return nil, l.err
			}
			// Once more, for the lease; and it may have died or been replaced already.
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for plugin %s to start: %w", s.name, ctx.Err())
		}
	}
}

// find returns what there is: an instance, a launch to wait for (begun now if
// there was none), or the reason why there is neither.
func (s *supervisor) find(lease bool) (*instance, *launching, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	if in := s.current; in != nil && !in.dead() {
		if lease {
			in.calls.enter()
		}
		return in, nil, nil
	}
	if s.launching != nil {
		return nil, s.launching, nil
	}
	if s.breaker.open(time.Now()) {
		return nil, nil, s.broken()
	}
	l := &launching{done: make(chan struct{})}
	if !s.host.begin(func() { s.start(l) }) {
		return nil, nil, ErrClosed
	}
	s.launching = l
	s.changed()
	return nil, l, nil
}

// start runs a launch to its end. A death that find has seen before the
// supervisor did is waited for, so that it counts.
func (s *supervisor) start(l *launching) {
	s.mu.Lock()
	old := s.current
	s.mu.Unlock()
	if old != nil {
		<-old.ended // bounded: the process is dead, its pipes are given up after Drain
		s.lost(old)
	}
	if err := s.pause(); err != nil {
		s.finish(l, nil, err)
		return
	}
	in, err := s.launch()
	s.finish(l, in, err)
}

// launch starts an instance of the spec as it is now.
func (s *supervisor) launch() (*instance, error) {
	s.mu.Lock()
	s.generation++
	spec, generation := s.spec, s.generation
	s.mu.Unlock()
	s.host.programs.refresh()
	return s.launchComplete(spec, generation)
}

// pause waits until the breaker lets a start pass.
func (s *supervisor) pause() error {
	s.mu.Lock()
	now := time.Now()
	open, wait := s.breaker.open(now), s.breaker.wait(now)
	err := error(nil)
	if open {
		err = s.broken()
	}
	s.mu.Unlock()
	if open || wait == 0 {
		return err
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.host.ctx.Done():
		return ErrClosed
	}
}

// finish takes in what a launch came to, and wakes those who wait for it.
func (s *supervisor) finish(l *launching, in *instance, err error) {
	if err == nil {
		err = s.adopt(in)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.launching = nil
	if err != nil {
		l.err = err
		s.failed(err)
	}
	s.changed()
	close(l.done)
}

// adopt makes in the instance that serves. One that served until now finishes
// its calls and ends. When it is too late for that, in is ended.
func (s *supervisor) adopt(in *instance) error {
	s.mu.Lock()
	ok := !s.closed && s.host.begin(func() { s.attend(in) })
	if ok {
		if old := s.current; old != nil && !old.dead() {
			s.retireLocked(old)
		} else if s.started {
			s.restarts++
		}
		s.current, s.started = in, true
		s.changed()
	}
	s.mu.Unlock()
	if !ok {
		in.stop(s.host.ctx, in.failure(ReasonStopped, "it is no longer wanted", nil))
		return ErrClosed
	}
	return nil
}

// attend waits for the death of an instance that serves. Close, which ends the
// instance itself, is not waited for.
func (s *supervisor) attend(in *instance) {
	select {
	case <-in.ended:
		s.lost(in)
	case <-s.host.ctx.Done():
	}
}

// lost takes in's death into account, once.
func (s *supervisor) lost(in *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != in {
		return
	}
	s.current = nil
	if err := in.err(); err.Reason != ReasonStopped {
		s.host.logger.Error("plugin died", "plugin", s.spec.Name, "error", err.Error())
		s.failed(err)
	}
	s.changed()
}

// failed remembers a failure and its weight for the breaker. What was refused
// ran nothing, and may be put right at any time: it is tried again at once.
func (s *supervisor) failed(err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason == ReasonStopped || e.Reason == ReasonBroken {
		return
	}
	s.last = e
	if e.Reason != ReasonRefused && s.breaker.died(time.Now()) {
		s.host.logger.Error("plugin keeps failing and is left alone for now",
			"plugin", s.spec.Name, "until", s.breaker.until.Format(time.TimeOnly))
	}
}

// broken is the error while the breaker is open. The lock is held.
func (s *supervisor) broken() *Error {
	e := &Error{
		Plugin: s.spec.Name, Kind: s.spec.Kind, Reason: ReasonBroken, Until: s.breaker.until,
		Detail: fmt.Sprintf("it failed %d times within %v, next try at %s",
			s.host.times.Restarts+1, s.host.times.Window, s.breaker.until.Format(time.TimeOnly)),
	}
	if s.last != nil {
		e.Err, e.Stderr = s.last, s.last.Stderr
		e.Detail += "; the last time: " + s.last.Detail
	}
	return e
}

func (s *supervisor) warm() {
	s.mu.Lock()
	idle := s.current == nil
	s.mu.Unlock()
	if idle {
		_, _, _ = s.find(false)
	}
}

func (s *supervisor) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaker.reset()
	s.changed()
}

// close ends everything and waits.
func (s *supervisor) close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	in := s.current
	s.mu.Unlock()
	if in != nil {
		in.stop(ctx, in.failure(ReasonStopped, "the host is closing", nil))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed()
}

// changed tells the host's observer, if anything is other than it was told. The lock is held.
func (s *supervisor) changed() {
	if now := s.snapshot(); now != s.told {
		s.told = now
		s.host.onState(now)
		s.host.facts.touch()
	}
}

func (s *supervisor) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot()
}

func (s *supervisor) snapshot() Status {
	st := Status{
		Name: s.spec.Name, Kind: s.spec.Kind, Phase: PhaseIdle,
		Restarts: s.restarts, LastError: s.last,
	}
	switch in := s.current; {
	case s.closed:
		st.Phase = PhaseClosed
	case in != nil && !in.dead():
		st.Phase, st.Version, st.PID, st.Started = PhaseReady, in.version, in.proc.pid(), in.started
		st.Generation, st.Manifest = in.generation, in.back.described()
	case s.launching != nil:
		st.Phase = PhaseStarting
	case s.breaker.open(time.Now()):
		st.Phase, st.Until = PhaseBroken, s.breaker.until
	}
	return st
}
