package rollout

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Open takes the writer lock of a stored thread, given by id or by path, mends the end of its file, and reads
// its history. The errors that callers tell apart: [ErrNotFound], [ErrArchived] (by id only), [ErrEmpty],
// [*LockedError].
func (s *Store) Open(ref string) (r *Recorder, h *History, err error) {
	r, err = s.open(ref, func(path string) (Meta, Position, error) {
		if h, err = s.read(path); err != nil {
			return Meta{}, Position{}, err
		}
		return h.Meta, h.End, nil
	})
	return r, h, err
}

// OpenTail is Open for a caller that does not need the history yet: it reads the beginning and the end of the
// file. [Store.ReadUntil] gives the history up to the tail's end later.
func (s *Store) OpenTail(ref string) (r *Recorder, t Tail, err error) {
	r, err = s.open(ref, func(path string) (Meta, Position, error) {
		if t, err = s.Tail(path); err != nil {
			return Meta{}, Position{}, err
		}
		return t.Meta, t.End, nil
	})
	return r, t, err
}

// open locks and mends a thread's file and has it read.
func (s *Store) open(ref string, read func(path string) (Meta, Position, error)) (*Recorder, error) {
	path, err := s.resolve(ref)
	if err != nil {
		return nil, err
	}
	if !isPath(ref) && s.isArchived(path) {
		return nil, fmt.Errorf("opening thread %s: %w", ref, ErrArchived)
	}
	first := History{Path: path}
	if err := first.readMeta(&source{path: path}); err != nil {
		return nil, err
	}
	lock, err := s.lockWriter(first.Meta.ID)
	if err != nil {
		return nil, err
	}
	r, err := s.openLocked(path, lock, read)
	if err != nil {
		lock.release()
		return nil, err
	}
	return r, nil
}

func (s *Store) openLocked(path string, lock *writerLock, read func(path string) (Meta, Position, error)) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("opening rollout: %w", err)
	}
	r := &Recorder{store: s, path: path, file: f, lock: lock, wanted: true}
	if err = mend(f, path); err == nil {
		var end Position
		r.meta, end, err = read(path)
		r.next, r.size = end.Ordinal, end.Offset
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

func mend(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening rollout %s: %w", path, err)
	}
	private(f, info)
	if err := mendTail(f, path, info.Size()); err != nil {
		return fmt.Errorf("mending rollout %s: %w", path, err)
	}
	return nil
}

// mendTail makes a file end with a newline. A last line that is a whole record only gets its newline; what is
// not is moved to a file of its own beside the rollout, so that nothing that anybody wrote is lost.
func mendTail(f *os.File, path string, size int64) error {
	tail, at, err := lastLine(f, size)
	if err != nil || len(tail) == 0 {
		return err
	}
	rec, ok := parseLine(tail)
	if ok && wholeRecord(&rec) || blank(tail) || keepTorn(path, tail) != nil {
		_, err := f.Write([]byte{'\n'}) // a torn line that cannot be kept elsewhere stays, as a bad line
		return err
	}
	return f.Truncate(at)
}

// lastLine returns what follows the last newline, and where it starts.
func lastLine(f *os.File, size int64) (tail []byte, at int64, err error) {
	for at = size; at > 0; {
		n := min(at, 64<<10)
		chunk := make([]byte, n)
		if _, err := f.ReadAt(chunk, at-n); err != nil && err != io.EOF {
			return nil, 0, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			return append(chunk[i+1:], tail...), at - n + int64(i) + 1, nil
		}
		tail = append(chunk, tail...)
		at -= n
		if int64(len(tail)) > maxLine {
			return nil, 0, errLineTooLong
		}
	}
	return tail, 0, nil
}

func keepTorn(path string, tail []byte) error {
	for n := 1; n <= 1000; n++ {
		f, err := os.OpenFile(fmt.Sprintf("%s.torn-%d", path, n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = f.Write(tail)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		return err
	}
	return fmt.Errorf("too many torn tails beside it")
}
