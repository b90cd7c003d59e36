//go:build linux || darwin

package supervise

import (
	"os"

	"golang.org/x/sys/unix"
)

// A protected name that does not exist yet must not come into being while a command runs, and only something that is
// there can be mounted over. So an empty folder stands in for it, marked by its sticky bit, and goes when the last
// command that needs it ends. Each command holds a shared lock on the folder; whoever gets it alone removes it. The
// supervisor has the same descriptor and does it for a host that died.

// HoldPlaceholder puts a placeholder in place, or joins the others that use it. Nil when it cannot be made: then the
// command, which has no more rights than we, cannot make it either.
func HoldPlaceholder(path string) *os.File {
	for range 10 {
		if unix.Mkdir(path, 0o755) == nil {
			_ = unix.Chmod(path, 0o1755)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.ENOENT {
			continue // removed by another command that ended
		}
		if err != nil {
			return nil
		}
		if unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB) == nil && stillThere(fd, path) {
			return os.NewFile(uintptr(fd), path)
		}
		_ = unix.Close(fd)
	}
	return nil
}

func stillThere(fd int, path string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(fd, &a) == nil && unix.Lstat(path, &b) == nil && a.Ino == b.Ino && a.Dev == b.Dev
}

// DropPlaceholder removes a placeholder that nobody else uses, and leaves an empty folder of the user's alone. One that was filled meanwhile, from outside, is the
// user's now and loses the mark.
func DropPlaceholder(hold *os.File, path string) {
	fd := int(hold.Fd())
	if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && stillThere(fd, path) {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_ISVTX != 0 && unix.Rmdir(path) != nil {
			_ = unix.Fchmod(fd, 0o755)
		}
	}
	_ = hold.Close()
}
