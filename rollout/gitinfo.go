package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// What clients say of a thread's repository later than its first line does is kept in an index of our own, like the
// names: lines of thread_git.jsonl, in which a member that is there counts until a later line has it too.

// GitChange changes what is known of a thread's repository. A nil member stays; an empty one is forgotten.
type GitChange struct{ CommitHash, Branch, RepositoryURL *string }

func (s *Store) gitPath() string { return filepath.Join(s.home, "thread_git.jsonl") }

// gitCache keeps what the index said as long as it does not change.
type gitCache struct {
	mu      sync.Mutex
	size    int64
	modTime time.Time
	ids     map[string]GitChange
}

// SetGit records a change for a thread, whether or not it has a file.
func (s *Store) SetGit(id string, c GitChange) error {
	w := objectWriter{[]byte{'{'}}
	w.str("id", id)
	for _, m := range []struct {
		name  string
		value *string
	}{{"commit_hash", c.CommitHash}, {"branch", c.Branch}, {"repository_url", c.RepositoryURL}} {
		if m.value != nil {
			w.str(m.name, *m.value)
		}
	}
	w.str("updated_at", s.now().UTC().Format(time.RFC3339Nano))
	if err := s.appendIndex(s.gitPath(), append(w.b, '}', '\n')); err != nil {
		return fmt.Errorf("recording the repository of thread %s: %w", id, err)
	}
	return nil
}

// Git is what is known of a thread's repository: what its first line says, as it was changed since.
func (s *Store) Git(id string, recorded *Git) *Git {
	c, changed := s.gits.load(s.gitPath())[id]
	if !changed {
		return recorded
	}
	var g Git
	if recorded != nil {
		g = *recorded
	}
	for _, m := range []struct{ to, from *string }{{&g.CommitHash, c.CommitHash}, {&g.Branch, c.Branch}, {&g.RepositoryURL, c.RepositoryURL}} {
		if m.from != nil {
			*m.to = *m.from
		}
	}
	return &g
}

// load returns the changes by thread id. The map is not to be changed.
func (c *gitCache) load(path string) map[string]GitChange {
	info, err := os.Stat(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.ids = nil
		return nil
	}
	if c.ids != nil && info.Size() == c.size && info.ModTime().Equal(c.modTime) {
		return c.ids
	}
	f, err := os.Open(path)
	if err != nil {
		return c.ids
	}
	defer f.Close()
	c.ids, c.size, c.modTime = map[string]GitChange{}, info.Size(), info.ModTime()
	lines := newLineReader(f, 0, 64<<10)
	for {
		line, _, whole, err := lines.next()
		if errors.Is(err, errLineTooLong) {
			continue
		}
		if err != nil || !whole {
			return c.ids
		}
		c.add(bytes.TrimPrefix(line, bom))
	}
}

func (c *gitCache) add(line []byte) {
	id := memberString(line, "id")
	if id == "" {
		return
	}
	g := c.ids[id]
	take := func(to **string, name string) {
		if v := member(line, name); len(v) > 1 && v[0] == '"' {
			s := decodeString(v)
			*to = &s
		}
	}
	take(&g.CommitHash, "commit_hash")
	take(&g.Branch, "branch")
	take(&g.RepositoryURL, "repository_url")
	c.ids[id] = g
}
