//go:build unix

package rollout

import (
	"errors"
	"os"
	"syscall"
)

var errLockHeld = errors.New("lock is held")

// tryLock takes a whole-file lock that goes with the open file, not with the process: two recorders of one
// process exclude each other too.
func tryLock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EWOULDBLOCK:
			return errLockHeld
		}
		return err
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
