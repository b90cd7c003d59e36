package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// The writer lock of a thread is an advisory whole-file lock on thread-writer-locks/<id>.lock, which the kernel
// frees with the process. The file is removed with the lock, so locking and removing are done under a second
// lock, the coordination lock, or two processes could hold "the" lock on two files of one name. The lock file
// says who holds it, for people; the lock itself is what counts.

// Owner is who holds a thread.
type Owner struct {
	PID       int    `json:"pid"`
	StartTime int64  `json:"startTime,omitempty"` // in the clock of the system, only to be compared; 0 if it has none
	Client    string `json:"client,omitempty"`
	Host      string `json:"host,omitempty"`
}

// LockedError says that another process, or another recorder of this one, writes the thread.
type LockedError struct {
	ThreadID string
	Owner    *Owner // nil if the owner did not leave its name
	orphaned bool   // whoever left a name is dead
}

func (e *LockedError) Error() string { return "thread " + e.ThreadID + " already has an active writer" }

type writerLock struct {
	store *Store
	path  string
	file  *os.File
}

func (s *Store) lockPath(id string) string {
	return filepath.Join(s.home, "thread-writer-locks", id+".lock")
}

// coordinationWait bounds the wait for others who lock or unlock some thread, which takes them microseconds.
const coordinationWait = 2 * time.Second

// orphanWait bounds the wait for a lock whose owner has died. What it was about to start when it was killed is a
// copy of it until it becomes another program, and holds its locks for that moment.
const orphanWait = 2 * time.Second

// lockWriter takes the writer lock of a thread without waiting for a holder that lives.
func (s *Store) lockWriter(id string) (*writerLock, error) {
	for end := time.Now().Add(orphanWait); ; time.Sleep(2 * time.Millisecond) {
		lock, err := s.tryLockWriter(id)
		var held *LockedError
		if !errors.As(err, &held) || !held.orphaned || time.Now().After(end) {
			return lock, err
		}
	}
}

func (s *Store) tryLockWriter(id string) (*writerLock, error) {
	path := s.lockPath(id)
	if err := makePrivate(filepath.Dir(path)); err != nil {
		return nil, err
	}
	release := s.coordinate()
	defer release()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking thread %s: %w", id, err)
	}
	if err := tryLock(f); err != nil {
		_ = f.Close()
		if err == errLockHeld {
			owner, dead := readOwner(path)
			return nil, &LockedError{id, owner, dead}
		}
		return nil, fmt.Errorf("locking thread %s: %w", id, err)
	}
	s.sign(f)
	return &writerLock{s, path, f}, nil
}

// sign writes who holds the lock. Failing to is no reason not to hold it.
func (s *Store) sign(f *os.File) {
	host, _ := os.Hostname()
	me := Owner{os.Getpid(), processStart(os.Getpid()), s.client(), host}
	if b, err := json.Marshal(me); err == nil {
		_ = f.Truncate(0)
		_, _ = f.WriteAt(append(b, '\n'), 0)
	}
}

// Owner returns who writes the thread, or nil if nobody does or nobody can say.
func (s *Store) Owner(id string) *Owner {
	f, err := os.OpenFile(s.lockPath(id), os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if tryLock(f) != errLockHeld {
		return nil
	}
	owner, _ := readOwner(s.lockPath(id))
	return owner
}

// readOwner reads the signature in a held lock file. One left by a process that has died, or by another one
// that had the same number, is not believed: the owner is nil, and dead.
func readOwner(path string) (owner *Owner, dead bool) {
	b, err := os.ReadFile(path)
	var o Owner
	if err != nil || len(b) == 0 || json.Unmarshal(b, &o) != nil || o.PID <= 0 {
		return nil, false
	}
	if host, _ := os.Hostname(); o.Host == host && o.StartTime != 0 && processStart(o.PID) != o.StartTime {
		return nil, true
	}
	return &o, false
}

// coordinate takes the coordination lock for a moment. If it cannot be had, the caller goes on without: the
// lock files then still exclude each other except in a race of microseconds.
func (s *Store) coordinate() (release func()) {
	f, err := os.OpenFile(filepath.Join(s.home, "thread-writer-locks", ".coordination.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(coordinationWait); tryLock(f) == errLockHeld && time.Now().Before(end); {
		time.Sleep(200 * time.Microsecond)
	}
	return func() { _ = f.Close() }
}

func (l *writerLock) release() {
	done := l.store.coordinate()
	defer done()
	err := os.Remove(l.path) // while locked: nobody else can lock this name's next file and lose it here
	_ = l.file.Close()
	if err != nil && runtime.GOOS == "windows" { // which does not remove open files
		_ = os.Remove(l.path)
	}
}
