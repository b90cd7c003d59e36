//go:build unix

package config

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockDir keeps other hosts of this kind from editing the same file. The folder itself is locked: no lock file is left
// in the user's home. A file system that cannot lock is used without.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		switch err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
		case nil:
			return func() { d.Close() }, nil
		case syscall.EWOULDBLOCK, syscall.EINTR:
		default:
			d.Close()
			return func() {}, nil
		}
		select {
		case <-ctx.Done():
			d.Close()
			return nil, fmt.Errorf("waiting for another writer of %s: %w", dir, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lockPatience bounds the wait: a write takes milliseconds.
const lockPatience = 10 * time.Second
