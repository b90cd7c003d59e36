package rollout

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

var errLockHeld = errors.New("lock is held")

// tryLock locks one byte far behind the content, so that others can still read who holds the lock.
func tryLock(f *os.File) error {
	at := windows.Overlapped{OffsetHigh: 1}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLockHeld
	}
	return err
}

// syncDir does nothing: directories cannot be flushed here, and creating a file is journalled.
func syncDir(string) error { return nil }

func syncData(f *os.File) error { return f.Sync() }

func processStart(int) int64 { return 0 }
