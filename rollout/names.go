package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Names of threads are lines of session_index.jsonl, the last one of a thread being its name. The file is only
// ever appended to.

func (s *Store) indexPath() string { return filepath.Join(s.home, "session_index.jsonl") }

// nameCache keeps what the index said, and reads only what was appended since.
type nameCache struct {
	mu      sync.Mutex
	read    int64 // bytes of whole lines
	modTime time.Time
	ids     map[string]string // id to name; replaced, not changed, when there is something new
}

// load returns the names by thread id. The map is not to be changed. Without an index there are no names.
func (c *nameCache) load(path string) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		c.read, c.ids = 0, nil
		return nil
	}
	if info.Size() == c.read && info.ModTime().Equal(c.modTime) {
		return c.ids
	}
	f, err := os.Open(path)
	if err != nil {
		return c.ids
	}
	defer f.Close()
	ids := make(map[string]string, len(c.ids)+1)
	if info.Size() > c.read {
		for id, name := range c.ids {
			ids[id] = name
		}
	} else {
		c.read = 0 // rewritten by somebody
	}
	c.read = readNames(io.NewSectionReader(f, c.read, info.Size()-c.read), c.read, ids)
	c.ids, c.modTime = ids, info.ModTime()
	return ids
}

// readNames reads lines into ids and returns the offset after the last whole one.
func readNames(r io.Reader, off int64, ids map[string]string) int64 {
	lines := newLineReader(r, off, 64<<10)
	for {
		line, _, whole, err := lines.next()
		if errors.Is(err, errLineTooLong) {
			continue
		}
		if err != nil || !whole {
			return off
		}
		off = lines.off
		line = bytes.TrimPrefix(line, bom)
		if id, name := memberString(line, "id"), memberString(line, "thread_name"); id != "" {
			ids[id] = name
		}
	}
}

// Name returns the name of a thread, empty if it has none.
func (s *Store) Name(id string) string { return s.names.load(s.indexPath())[id] }

// ErrEmptyName says that a name is blank.
var ErrEmptyName = errors.New("thread name must not be empty")

// SetName names a thread, whether or not it has a file. Blanks around the name are dropped.
func (s *Store) SetName(id, name string) error {
	if name = strings.TrimSpace(name); name == "" {
		return ErrEmptyName
	}
	w := objectWriter{[]byte{'{'}}
	w.str("id", id)
	w.str("thread_name", name)
	w.str("updated_at", s.now().UTC().Format(time.RFC3339Nano))
	if err := s.appendIndex(s.indexPath(), append(w.b, '}', '\n')); err != nil {
		return fmt.Errorf("naming thread %s: %w", id, err)
	}
	return nil
}

// appendIndex appends a line to an index, in one write, under the lock that its other writers take too. A
// line that somebody else left unfinished is ended first.
func (s *Store) appendIndex(path string, line []byte) error {
	if err := makePrivate(s.home); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	for end := time.Now().Add(coordinationWait); tryLock(lock) == errLockHeld && time.Now().Before(end); {
		time.Sleep(200 * time.Microsecond)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	private(f, info)
	size := info.Size()
	if last := make([]byte, 1); size > 0 {
		if _, err := f.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if n, err := f.Write(line); err != nil {
		if n > 0 {
			_ = f.Truncate(size)
		}
		return err
	}
	if s.fsync.Load() {
		return syncData(f)
	}
	return nil
}
