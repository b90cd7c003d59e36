package skillswatch

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// pollSource compares listings. It serves folders whose file system sends no events, and those beyond the watch limit.
type pollSource struct {
	every time.Duration
	// names says which entries of a folder matter; nil is all. It spares a large folder from being read for one file.
	names func(dir string) []string
	out   chan Notice
	done  chan struct{}
	wake  chan struct{}
	idle  chan struct{}

	mu   sync.Mutex
	dirs map[string]listing
}

// listing is the state of a folder's entries; nil is a folder that is not there.
type listing map[string]entryStamp

type entryStamp struct {
	mtime time.Time
	size  int64
	mode  fs.FileMode
	link  string // what a link points to
}

func newPollSource(every time.Duration, names func(dir string) []string) Source {
	s := &pollSource{
		every: every, names: names, out: make(chan Notice), done: make(chan struct{}), wake: make(chan struct{}, 1),
		idle: make(chan struct{}), dirs: map[string]listing{},
	}
	go s.run()
	return s
}

func (s *pollSource) Add(dir string) error {
	l, err := s.list(dir)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.dirs[dir] = l
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *pollSource) Remove(dir string) {
	s.mu.Lock()
	delete(s.dirs, dir)
	s.mu.Unlock()
}

func (s *pollSource) Notices() <-chan Notice { return s.out }

func (s *pollSource) Close() error {
	close(s.done)
	<-s.idle
	return nil
}

// run sleeps for good while there is nothing to poll.
func (s *pollSource) run() {
	defer close(s.idle)
	defer close(s.out)
	var took time.Duration // to look at everything once
	for {
		var tick <-chan time.Time
		var timer *time.Timer
		if s.count() > 0 {
			// Spread, so that many hosts on one server do not ask at the same moment, and never more than a twentieth of
			// the time.
			every := max(s.every, 20*took)
			timer = time.NewTimer(every - every/10 + rand.N(every/5+1))
			tick = timer.C
		}
		select {
		case <-s.done:
			if timer != nil {
				timer.Stop()
			}
			return
		case <-s.wake:
			if timer != nil {
				timer.Stop()
			}
		case <-tick:
			began := time.Now()
			if !s.poll() {
				return
			}
			took = time.Since(began)
		}
	}
}

func (s *pollSource) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.dirs)
}

// poll looks at every folder once; false means closed.
func (s *pollSource) poll() bool {
	s.mu.Lock()
	dirs := make([]string, 0, len(s.dirs))
	for dir := range s.dirs {
		dirs = append(dirs, dir)
	}
	s.mu.Unlock()
	for _, dir := range dirs {
		now, _ := s.list(dir)
		s.mu.Lock()
		old, still := s.dirs[dir]
		if still {
			s.dirs[dir] = now
		}
		s.mu.Unlock()
		if !still {
			continue
		}
		for _, n := range differences(dir, old, now) {
			select {
			case <-s.done:
				return false
			case s.out <- n:
			}
		}
	}
	return true
}

func differences(dir string, old, now listing) []Notice {
	switch {
	case old != nil && now == nil:
		return []Notice{{Path: dir, Gone: true}}
	case old == nil && now != nil:
		return []Notice{{Path: dir, New: true}}
	}
	var out []Notice
	for name, st := range now {
		was, ok := old[name]
		// A folder counts by its time too: between two looks it may have gone and come back.
		turned := was.link != st.link
		if !ok || turned || was.mode != st.mode || !was.mtime.Equal(st.mtime) || was.size != st.size {
			out = append(out, Notice{Path: filepath.Join(dir, name), New: !ok || turned})
		}
	}
	for name := range old {
		if _, ok := now[name]; !ok {
			out = append(out, Notice{Path: filepath.Join(dir, name), Gone: true})
		}
	}
	return out
}

// list reads the state of a folder.
func (s *pollSource) list(dir string) (listing, error) {
	names := s.names(dir)
	if names == nil {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	} else if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	out := make(listing, len(names))
	for _, name := range names {
		if st, err := stampEntry(filepath.Join(dir, name)); err == nil {
			out[name] = st
		}
	}
	return out, nil
}

// stampEntry looks through links, so that a link whose target changed counts.
func stampEntry(path string) (entryStamp, error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return entryStamp{}, err
	}
	link := ""
	if fi.Mode()&fs.ModeSymlink != 0 {
		link, _ = os.Readlink(path)
		if target, err := os.Stat(path); err == nil {
			fi = target
		}
	}
	return entryStamp{fi.ModTime(), fi.Size(), fi.Mode(), link}, nil
}
