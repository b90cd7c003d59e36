package oauth

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// tryLock locks a file against other processes, and other openings of it here.
func tryLock(f *os.File) (busy bool) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, ^uint32(0), ^uint32(0), new(windows.Overlapped))
	return errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING)
}

// rename replaces a file, which fails for the moment that somebody reads it.
func rename(from, to string) (err error) {
	for range 50 {
		if err = os.Rename(from, to); !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}
