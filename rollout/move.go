package rollout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Archive moves a thread's files to the archive and returns where its newest one lies then. The writer lock is
// taken meanwhile: a thread that is being written cannot be moved ([*LockedError]); the caller closes its own
// recorder first. A thread that is archived already stays so.
func (s *Store) Archive(id string) (path string, err error) {
	return s.move(id, true, func(string) string { return s.archive() })
}

// Unarchive moves a thread's files back to the folder of the day in their names.
func (s *Store) Unarchive(id string) (path string, err error) {
	return s.move(id, false, func(name string) string {
		f, _ := parseFileName(name)
		return s.dayFolder(f)
	})
}

func (s *Store) move(id string, archived bool, folderOf func(name string) string) (string, error) {
	lock, err := s.lockWriter(id)
	if err != nil {
		return "", err
	}
	defer lock.release()
	f, err := s.findIn(id, !archived)
	if errors.Is(err, ErrNotFound) {
		if there, err := s.findIn(id, archived); err == nil {
			return there.Path, nil
		}
	}
	if err != nil {
		return "", err
	}
	// The newest file goes last: as long as it is in its place, so is the thread.
	path := ""
	for i := len(f.Older); i >= 0; i-- {
		from := f.Path
		if i > 0 {
			from = f.Older[i-1]
		}
		dir := folderOf(filepath.Base(from))
		path = filepath.Join(dir, filepath.Base(from))
		if err := s.rename(from, path); err != nil {
			return "", fmt.Errorf("moving thread %s: %w", id, err)
		}
	}
	return path, nil
}

func (s *Store) rename(from, to string) error {
	if err := makePrivate(filepath.Dir(to)); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, os.ErrExist)
	}
	err := os.Rename(from, to)
	s.listing.changed(filepath.Dir(from))
	s.listing.changed(filepath.Dir(to))
	if err == nil && s.fsync.Load() {
		err = errors.Join(syncDir(filepath.Dir(to)), syncDir(filepath.Dir(from)))
	}
	return err
}

// Delete removes a thread's files, active or archived, with what was mended off them. That there are none is no
// error, and found says so. Forks that refer to them lose what they inherited.
func (s *Store) Delete(id string) (found bool, err error) {
	lock, err := s.lockWriter(id)
	if err != nil {
		return false, err
	}
	defer lock.release()
	for _, archived := range []bool{false, true} {
		f, err := s.findIn(id, archived)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return found, err
		}
		found = true
		for _, path := range append(f.Older, f.Path) {
			torn, _ := filepath.Glob(globEscape(path) + ".torn-*")
			for _, p := range append(torn, path) {
				if err := os.Remove(p); err != nil && !os.IsNotExist(err) {
					return found, fmt.Errorf("deleting thread %s: %w", id, err)
				}
			}
			s.listing.changed(filepath.Dir(path))
		}
	}
	return found, nil
}

// globEscape makes a path match only itself.
func globEscape(path string) string {
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if c := path[i]; c == '*' || c == '?' || c == '[' || c == '\\' && filepath.Separator != '\\' {
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}
