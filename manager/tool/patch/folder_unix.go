//go:build unix

package patch

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkWay walks to path, following no link, and compares what it finds with the folder that was opened. Both are held
// open meanwhile, so their identity cannot be reused.
func checkWay(path string, r *os.Root) error {
	at, err := unix.Open("/", searchFlags, 0)
	if err != nil {
		return fmt.Errorf("opening /: %w", err)
	}
	defer func() { unix.Close(at) }()
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		next, err := unix.Openat(at, name, searchFlags|unix.O_NOFOLLOW, 0)
		if err == unix.ELOOP || err == unix.ENOTDIR {
			return errMoved
		}
		if err != nil {
			return err
		}
		unix.Close(at)
		at = next
	}
	var walked unix.Stat_t
	if err := unix.Fstat(at, &walked); err != nil {
		return err
	}
	info, err := r.Stat(".")
	if err != nil {
		return err
	}
	opened, ok := info.Sys().(*syscall.Stat_t)
	if !ok || uint64(opened.Dev) != uint64(walked.Dev) || opened.Ino != walked.Ino {
		return errMoved
	}
	return nil
}

// keepOwner gives a file to the owner of the one that it replaces. Only a privileged host can, and only it needs to.
func keepOwner(f *os.File, old fs.FileInfo) {
	s, ok := old.Sys().(*syscall.Stat_t)
	if ok && (int(s.Uid) != os.Geteuid() || int(s.Gid) != os.Getegid()) {
		_ = f.Chown(int(s.Uid), int(s.Gid))
	}
}
