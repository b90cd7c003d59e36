//go:build unix

package oauth

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file against other processes, and other openings of it here.
func tryLock(f *os.File) (busy bool) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR)
}
