package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Agents are the stored threads that a thread's model has spawned, and those that they have spawned, archived or not, in
// the order of their ids: the oldest first. A thread whose files never name the tool for it costs a look at those only.
func (s *Store) Agents(id string) ([]string, error) {
	spawns := false
	var failed error
	list, err := s.since(id, func(e entry) {
		found, err := mentions(e.path, []byte("spawn_agent"))
		spawns, failed = spawns || found, errors.Join(failed, err)
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("looking for agents of thread %s: %w", id, err)
	}
	if !spawns {
		return nil, nil
	}
	children := make(map[string][]string)
	for i, h := range s.warm(list) {
		if kind, _ := SourceKind(h.meta.Source); kind == "subAgentThreadSpawn" {
			children[h.meta.ParentThreadID] = append(children[h.meta.ParentThreadID], list[i].id)
		}
	}
	var ids []string
	for open := []string{id}; len(open) > 0; open = open[1:] {
		for _, child := range children[open[0]] {
			if child != id && !slices.Contains(ids, child) { // a file that a crash left twice, or a circle that somebody made
				ids, open = append(ids, child), append(open, child)
			}
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// mentions tells whether a file has a word in it. One that is gone has none.
func mentions(path string, word []byte) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	for kept := 0; ; {
		n, err := f.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], word) {
			return true, nil
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return false, err
		}
		tail := min(kept+n, len(word)-1)
		kept = copy(buf, buf[kept+n-tail:kept+n])
	}
}
