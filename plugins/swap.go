package plugins

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How one process of a plugin takes the place of another: the new one comes up
// beside the old one and takes over when it is ready; the old one ends when the
// calls on it have. One that does not come up changes nothing.

// configure takes a new spec; a running plugin is replaced.
func (s *supervisor) configure(ctx context.Context, spec Spec) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	s.mu.Lock()
	old := s.spec
	same := old.equal(&spec)
	if !same {
		s.spec = spec
		s.breaker.reset()
	}
	s.mu.Unlock()
	if same {
		return nil
	}
	if err := s.replace(ctx); err != nil {
		s.mu.Lock()
		s.spec = old
		s.mu.Unlock()
		return err
	}
	return nil
}

// swap replaces the running instance by a new one; nothing to do if none runs.
func (s *supervisor) swap(ctx context.Context) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.giveTurn()
	return s.replace(ctx)
}

func (s *supervisor) takeTurn(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for plugin %s to be replaced: %w", s.name, ctx.Err())
	}
}

func (s *supervisor) giveTurn() { s.turn <- struct{}{} }

// replace is swap for whoever has the turn. A new instance that does not come up
// is the plugin's last error, and no death: the old one serves on.
func (s *supervisor) replace(ctx context.Context) error {
	for {
		in, l := s.running()
		if in == nil && l == nil {
			return nil
		}
		if in != nil {
			break
		}
		select {
		case <-l.done: // it may have begun with the old spec
		case <-ctx.Done():
			return fmt.Errorf("waiting for plugin %s to start: %w", s.name, ctx.Err())
		}
	}
	result := make(chan error, 1)
	if !s.host.begin(func() {
		in, err := s.launch()
		if err == nil {
			err = s.adopt(in)
		} else {
			s.rolledBack(err)
		}
		result <- err
	}) {
		return ErrClosed
	}
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("replacing a plugin, which stays as it is: %w", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the new plugin %s: %w", s.name, ctx.Err())
	}
}

// rolledBack remembers why a new instance did not take the place of the old one.
func (s *supervisor) rolledBack(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != ReasonStopped {
		s.last = e
		s.changed()
	}
}

// running returns the launch under way, else the instance that serves, if any.
func (s *supervisor) running() (*instance, *launching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, nil
	case s.launching != nil:
		return nil, s.launching
	case s.current != nil && !s.current.dead():
		return s.current, nil
	}
	return nil, nil
}

// retireLocked lets an instance that no longer serves finish its calls.
func (s *supervisor) retireLocked(in *instance) {
	if !s.host.begin(func() { s.retire(in) }) {
		in.end(in.failure(ReasonStopped, "the host is closing", nil))
	}
}

// retire ends an instance when its calls have, or take too long.
func (s *supervisor) retire(in *instance) {
	t := time.NewTimer(s.host.times.Retire)
	defer t.Stop()
	select {
	case <-in.calls.quiet():
	case <-in.proc.dead:
	case <-t.C:
		in.logger.Warn("plugin was replaced and still has calls", "pid", in.proc.pid())
	case <-s.host.ctx.Done():
	}
	in.stop(s.host.ctx, in.failure(ReasonStopped, "it was replaced or removed", nil))
}

// remove retires the plugin for good, without waiting.
func (s *supervisor) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if in := s.current; in != nil {
		s.current = nil
		s.retireLocked(in)
	}
	s.changed()
}
