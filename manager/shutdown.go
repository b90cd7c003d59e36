package manager

import (
	"context"
	"errors"
	"sort"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
)

// closeWait bounds how long a single thread may take to end when the manager
// has no bound from its caller.
const closeWait = 10 * time.Second

// A ShutdownReport says how the threads ended, by sorted ids. Those that did not
// complete are still tracked.
type ShutdownReport struct {
	Completed, SubmitFailed, TimedOut []string
}

// Shutdown ends every thread: what runs is interrupted, everything is flushed.
// Threads end side by side, each within timeout.
func (m *Manager) Shutdown(ctx context.Context, timeout time.Duration) ShutdownReport {
	var mu sync.Mutex
	var report ShutdownReport
	var ending sync.WaitGroup
	for id, l := range m.snapshot() {
		ending.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			err := m.stop(ctx, l.thread)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				report.Completed = append(report.Completed, id)
				m.forget(id, l)
			case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
				report.TimedOut = append(report.TimedOut, id)
			default:
				report.SubmitFailed = append(report.SubmitFailed, id)
			}
		})
	}
	ending.Wait()
	sort.Strings(report.Completed)
	sort.Strings(report.SubmitFailed)
	sort.Strings(report.TimedOut)
	return report
}

// stop ends one thread and waits for it. A loop that is already dead counts as ended.
func (m *Manager) stop(ctx context.Context, t *thread.Thread) error {
	if _, err := t.Submit(ctx, &thread.Shutdown{}); err != nil && !errors.Is(err, thread.ErrDead) {
		return err
	}
	select {
	case <-t.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Manager) snapshot() map[string]*live {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]*live, len(m.threads))
	for id, l := range m.threads {
		all[id] = l
	}
	return all
}

// forget drops a thread that has ended, unless another took its place.
func (m *Manager) forget(id string, l *live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.threads[id] == l {
		delete(m.threads, id)
	}
	l.close()
}

// Drain waits until no turn runs, as long as ctx lives. With patience, it also
// gives up on turns that do nothing but wait for a command that is silent for
// that long: whoever would have ended it may be gone.
func (m *Manager) Drain(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if patience > 0 {
		go m.watchSilence(ctx, patience, cancel) // ends with ctx
	}
	for {
		var busy *thread.Thread
		for _, l := range m.snapshot() {
			if l.thread.Snapshot().ActiveTurn != "" {
				busy = l.thread
			}
		}
		if busy == nil {
			return nil
		}
		if err := busy.WaitIdle(ctx); err != nil {
			return err
		}
	}
}

// errSilent is why Drain gave up.
var errSilent = errors.New("commands run that say nothing")

// watchSilence cancels when nothing was told for as long as patience allows while
// commands run.
func (m *Manager) watchSilence(ctx context.Context, patience time.Duration, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for told := m.hub.told.Load(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := m.hub.told.Load()
		if now == told && m.commandsRun() {
			cancel(errSilent)
			return
		}
		told = now
	}
}

func (m *Manager) commandsRun() bool {
	for _, l := range m.snapshot() {
		if len(l.terminals.Running()) > 0 {
			return true
		}
	}
	return false
}

// Close ends all threads and everything the manager started, as long as ctx
// lives. No thread can be opened afterwards.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	again := m.closed
	m.closed = true
	m.mu.Unlock()
	m.work.Wait() // each has a bound of its own
	report := m.Shutdown(ctx, closeWait)
	m.reports.Wait()
	if !again {
		close(m.closing)
	}
	m.removed.Wait()
	err := m.closeServices(ctx)
	if n := len(report.TimedOut) + len(report.SubmitFailed); n > 0 {
		m.log.Error("threads did not end in time", "threads", append(report.TimedOut, report.SubmitFailed...))
	}
	return err
}
