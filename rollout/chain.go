package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
		src, m, err := s.baseSource(base, end)
		if baseGone(err) {
			h.Warnings.MissingBase = base.ThreadID
			break
		}
		if err != nil {
			return fmt.Errorf("reading what %s builds on: %w", h.Path, err)
		}
		h.sources = append(h.sources, src)
		base = m.Base
	}
	slices.Reverse(h.sources)
	return nil
}

// Dependents names the threads that begin with lines of a thread's files. It looks into every file that was made
// since then.
func (s *Store) Dependents(id string) (ids []string, err error) {
	own := map[string]bool{id: true}
	list, err := s.since(id, func(e entry) { own[orElse(e.segment, e.id)] = true })
	if err != nil {
		return nil, fmt.Errorf("looking for forks of thread %s: %w", id, err)
	}
	for i, h := range s.warm(list) {
		if base := h.meta.Base; base != nil && own[base.ThreadID] && !slices.Contains(ids, list[i].id) {
			ids = append(ids, list[i].id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// since are the files of all other threads, archived or not, that can be younger than a thread; own is called for its own.
func (s *Store) since(id string, own func(entry)) (list []candidate, err error) {
	collect := func(dir *folder) bool {
		for _, e := range dir.files {
			if e.id == id {
				own(e)
			} else {
				list = append(list, candidate{id: e.id, path: e.path})
			}
		}
		return true
	}
	if err := s.days(oldestDay(id), collect); err != nil {
		return nil, err
	}
	dir, err := s.listing.read(s.archive())
	if err != nil {
		return nil, err
	}
	collect(dir)
	return list, nil
}

// baseSource is the stretch of another file that a base names, up to an ordinal that is the base's own or lower.
func (s *Store) baseSource(base *Base, end uint64) (src source, m Meta, err error) {
	path, err := s.segmentPath(base.ThreadID)
	if err != nil {
		return src, m, err
	}
	src = source{path: path, end: end}
	if m, err = src.meta(); err == nil && end == base.EndOrdinal {
		src.endAt(base.EndOffset)
	}
	return src, m, err
}

// baseGone tells a base that nobody can read any more from one that cannot be read now.
func baseGone(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrEmpty) || errors.Is(err, os.ErrNotExist)
}

// endAt makes a source end at an offset, if what stands there shows that the hint is a true one: the line with
// the ordinal at which the source ends. It saves looking at what came later.
func (src *source) endAt(off int64) {
	if off <= 0 || off >= src.bytes {
		return
	}
	file, err := os.Open(src.path)
	if err != nil {
		return
	}
	defer file.Close()
	start := make([]byte, 160)
	n, err := file.ReadAt(start, off-1)
	if err != nil && err != io.EOF || start[0] != '\n' {
		return
	}
	_, rest, _ := bytes.Cut(start[1:n], []byte(`"ordinal":`))
	digits := rest[:max(bytes.IndexAny(rest, ",}"), 0)]
	if ordinal, ok := decodeUint(digits); ok && ordinal == src.end {
		src.bytes = off
	}
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
