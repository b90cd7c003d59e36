//go:build unix

package policy

import (
	"os"
	"syscall"
)

// tryLock locks a file against other processes. A file system that cannot lock is used without.
func tryLock(f *os.File) (busy bool, err error) {
	switch syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) {
	case syscall.EWOULDBLOCK, syscall.EINTR:
		return true, nil
	}
	return false, nil
}
