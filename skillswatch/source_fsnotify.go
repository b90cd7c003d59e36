package skillswatch

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// eventSource is the operating system's own notification: one inotify instance, one kqueue, one completion port.
type eventSource struct {
	w    *fsnotify.Watcher
	out  chan Notice
	done chan struct{}
	log  *slog.Logger
	idle chan struct{} // closed when the goroutine ended
}

func newEventSource(log *slog.Logger) (Source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	s := &eventSource{w: w, out: make(chan Notice), done: make(chan struct{}), log: log, idle: make(chan struct{})}
	go s.run()
	return s, nil
}

func (s *eventSource) Add(dir string) error   { return s.w.Add(dir) }
func (s *eventSource) Remove(dir string)      { _ = s.w.Remove(dir) } // a folder that is gone has no watch to remove
func (s *eventSource) Notices() <-chan Notice { return s.out }

func (s *eventSource) Close() error {
	close(s.done)
	err := s.w.Close()
	<-s.idle
	return err
}

// run ends when the watcher is closed or breaks down, never spins on a closed channel.
func (s *eventSource) run() {
	defer close(s.idle)
	defer close(s.out)
	for {
		var n Notice
		select {
		case <-s.done:
			return
		case e, ok := <-s.w.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue // indexers and backups touch these all day
			}
			n = Notice{Path: e.Name, Gone: e.Op&(fsnotify.Remove|fsnotify.Rename) != 0, New: e.Has(fsnotify.Create)}
		case err, ok := <-s.w.Errors:
			if !ok {
				return
			}
			s.log.Warn("file watcher lost events", "error", err)
			n = Notice{Overflow: true}
		}
		select {
		case <-s.done:
			return
		case s.out <- n:
		}
	}
}
