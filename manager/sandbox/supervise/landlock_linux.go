package supervise

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	landWrites = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landReads = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landFile  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landTCP = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP

	// LeastLandlock is the first version that holds truncation and lets files move between folders.
	LeastLandlock  = 3
	networkLand    = 4
	ScopedLandlock = 6
)

// LandlockVersion is that of the kernel's interface, 0 without one.
func LandlockVersion() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// landlockThread restricts the calling thread and what it starts. Where namespaces made the view it guards the writes a
// second time; alone (c.Landlock) it guards the reads of hidden paths too. It returns the version in force, 0 for none.
func landlockThread(c *Confinement) (int, error) {
	version := LandlockVersion()
	if version < LeastLandlock {
		if c.Landlock {
			return 0, unix.ENOSYS
		}
		return 0, nil
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: landWrites}
	if c.Landlock {
		attr.Handled_access_fs |= landReads
	}
	if !c.Network && version >= networkLand {
		attr.Handled_access_net = landTCP
	}
	if version >= ScopedLandlock {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	size := unsafe.Offsetof(attr.Quiet_access_fs)
	if version < ScopedLandlock {
		size = unsafe.Offsetof(attr.Scoped)
	}
	if version < networkLand {
		size = unsafe.Offsetof(attr.Handled_access_net)
	}
	fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return 0, errno
	}
	defer unix.Close(int(fd))
	rules := landRules{fd: int(fd), handled: attr.Handled_access_fs}
	rules.add(c)
	if rules.err != nil {
		return 0, rules.err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return 0, errno
	}
	return version, nil
}

type landRules struct {
	fd      int
	handled uint64
	err     error
}

func (r *landRules) add(c *Confinement) {
	for _, dev := range devices {
		r.allow("/dev/"+dev, landReads|landWrites)
	}
	for _, dir := range [...]string{"/dev/shm", "/dev/pts", "/dev/ptmx"} {
		if !c.Landlock {
			r.allow(dir, landWrites)
		}
	}
	for _, root := range c.Roots {
		r.allow(root.Path, landWrites)
	}
	if c.Landlock {
		r.allow("/dev/ptmx", landReads|landWrites)
		r.allow("/dev/pts", landReads|landWrites)
		hidden := []string{"/dev"} // disks hold every file
		for _, h := range c.Hidden {
			hidden = append(hidden, h.Path)
		}
		r.allowAround("/", hidden)
	}
}

// allowAround grants reading below dir, except what is hidden: rules only ever add, so that the way to a hidden path
// must be granted sibling by sibling.
func (r *landRules) allowAround(dir string, hidden []string) {
	if slices.Contains(hidden, dir) {
		return
	}
	if info, err := os.Lstat(dir); err != nil || info.Mode()&os.ModeSymlink != 0 {
		return // what it leads to is granted under its own name, or is not
	}
	if !slices.ContainsFunc(hidden, func(h string) bool { return dir == "/" || strings.HasPrefix(h, dir+"/") }) {
		r.allow(dir, landReads)
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // nobody can read it anyway
	}
	for _, e := range entries {
		r.allowAround(filepath.Join(dir, e.Name()), hidden)
	}
}

// allow grants access below a path. What is not there needs no grant.
func (r *landRules) allow(path string, access uint64) {
	if r.err != nil {
		return
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		r.err = err
		return
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landFile
	}
	if access &= r.handled; access == 0 {
		return
	}
	// Packed: eight bytes of rights, four of descriptor, no padding.
	attr := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	runtime.KeepAlive(&attr)
	if errno != 0 {
		r.err = errno
	}
}
