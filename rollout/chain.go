package rollout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A fork by reference, and a thread after a revert, begin with lines of another file. Base.ThreadID names that
// file, not its thread: the segment id of a file that has one, else the thread id.

// maxChain bounds how many files one history may be spread over; a longer chain is a loop.
const maxChain = 1000

// segmentID is what a base calls a file.
func segmentID(path string) (string, bool) {
	f, ok := parseFileName(filepath.Base(path))
	return orElse(f.segment, f.id), ok
}

// segmentPath finds the file that a base names, wherever it was moved.
func (s *Store) segmentPath(id string) (string, error) {
	var path string
	look := func(dir *folder) bool {
		for _, e := range dir.files {
			if e.segment == id || e.segment == "" && e.id == id {
				path = e.path
				return false
			}
		}
		return true
	}
	if err := s.days(oldestDay(id), look); err != nil {
		return "", err
	}
	if path == "" {
		dir, err := s.listing.read(s.archive())
		if err != nil {
			return "", err
		}
		look(dir)
	}
	if path == "" {
		return "", fmt.Errorf("looking for segment %s: %w", id, ErrNotFound)
	}
	return path, nil
}

// inherit finds the stretches of other files that a history begins with. One that is gone is a warning: what
// was written after it is still worth having.
func (s *Store) inherit(h *History) error {
	end := uint64(noEnd)
	for base := h.Meta.Base; base != nil; {
		if len(h.sources) == maxChain {
			return fmt.Errorf("reading rollout %s: it builds on itself", h.Path)
		}
		end = min(end, base.EndOrdinal)
		path, err := s.segmentPath(base.ThreadID)
		var m Meta
		if err == nil {
			src := source{path: path, end: end}
			if m, err = src.meta(); err == nil {
				h.sources = append(h.sources, src)
			}
		}
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrEmpty) || errors.Is(err, os.ErrNotExist) {
			h.Warnings.MissingBase = base.ThreadID
			break
		}
		if err != nil {
			return fmt.Errorf("reading what %s builds on: %w", h.Path, err)
		}
		base = m.Base
	}
	slices.Reverse(h.sources)
	return nil
}

// meta reads the session meta of the source's file, and how long it is.
func (src *source) meta() (Meta, error) {
	file, err := os.Open(src.path)
	if err != nil {
		return Meta{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Meta{}, err
	}
	src.bytes = info.Size()
	return firstMeta(file, src)
}

// firstHead is the head of the file that holds the beginning of a history.
func (s *Store) firstHead(base *Base) (h head, err error) {
	for depth := 0; base != nil && depth < maxChain; depth++ {
		path, err := s.segmentPath(base.ThreadID)
		if err != nil {
			return head{}, err
		}
		if h, err = s.head(path); err != nil {
			return head{}, err
		}
		base = h.meta.Base
	}
	return h, nil
}
