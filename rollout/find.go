package rollout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Found is where a thread lies.
type Found struct {
	Path     string   // its newest segment
	Older    []string // segments that a revert left behind, newest first
	Archived bool
}

// Find looks for the files of a thread, first among the active ones, then in the archive.
func (s *Store) Find(id string) (Found, error) {
	f, err := s.findIn(id, false)
	if errors.Is(err, ErrNotFound) {
		return s.findIn(id, true)
	}
	return f, err
}

func (s *Store) findIn(id string, archived bool) (Found, error) {
	files, err := s.files(id, archived)
	if err != nil {
		return Found{}, fmt.Errorf("looking for thread %s: %w", id, err)
	}
	if len(files) == 0 {
		return Found{}, fmt.Errorf("looking for thread %s: %w", id, ErrNotFound)
	}
	f := Found{Path: files[0].path, Archived: archived}
	for _, e := range files[1:] {
		f.Older = append(f.Older, e.path)
	}
	return f, nil
}

// resolve turns a thread id or a path into a path.
func (s *Store) resolve(ref string) (string, error) {
	if !isPath(ref) {
		f, err := s.Find(ref)
		return f.Path, err
	}
	if _, err := os.Stat(ref); err != nil {
		if os.IsNotExist(err) {
			return "", fmt.Errorf("reading rollout %s: %w", ref, ErrNotFound)
		}
		return "", fmt.Errorf("reading rollout: %w", err)
	}
	return filepath.Abs(ref)
}

func (s *Store) isArchived(path string) bool {
	return filepath.Dir(path) == filepath.Clean(s.archive())
}
