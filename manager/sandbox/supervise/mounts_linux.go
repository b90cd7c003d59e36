package supervise

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// The view of a confined command is the real file system, made read-only as a whole in one call, with the writable
// roots, the protected names and the hidden paths mounted over themselves, and /proc and /dev made anew. Nothing is
// copied, nothing is created outside of memory, and no path changes.

// devices are the ones a command gets. All of them are without memory, and none is a disk.
var devices = [...]string{"null", "zero", "full", "random", "urandom", "tty"}

const (
	// emptyDir and emptyFile stand in for what is hidden or missing.
	emptyDir  = "/dev/.empty-dir"
	emptyFile = "/dev/.empty-file"
)

// graft is one mount over a path of the view.
type graft struct {
	path     string
	fd       int
	readOnly bool
	stand    string // what to mount instead of the path itself: emptyDir, emptyFile or the path of a text in /dev
}

func makeView(c *Confinement) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return stage("mounts", err)
	}
	grafts, err := takeGrafts(c)
	if err != nil {
		return err
	}
	devs, err := takeDevices()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(c.Roots, func(r Root) bool { return r.Path == "/" }) {
		err = setFlags("/", unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	}
	if err != nil {
		return stage("read-only root", err)
	}
	if err := makeDev(devs); err != nil {
		return stage("/dev", err)
	}
	if err := makeProc(c.OldProc); err != nil {
		return stage("/proc", err)
	}
	if err := putGrafts(grafts); err != nil {
		return err
	}
	return stage("/dev", finishDev())
}

// takeGrafts clones what will be mounted, as long as it is still writable, outermost first.
func takeGrafts(c *Confinement) ([]graft, error) {
	var out []graft
	seen := map[string]bool{}
	add := func(g graft) error {
		if seen[g.path] && g.stand == "" && !g.readOnly || g.path == "/" {
			return nil
		}
		seen[g.path] = true
		if g.stand == "" {
			fd, err := cloneTree(g.path)
			if err != nil {
				return stage("mount of "+g.path, err)
			}
			g.fd = fd
		}
		out = append(out, g)
		return nil
	}
	for _, r := range c.Roots {
		if err := add(graft{path: r.Path}); err != nil {
			return nil, err
		}
	}
	for _, path := range c.Pins { // what something is mounted on cannot be renamed
		if err := add(graft{path: path}); err != nil {
			return nil, err
		}
	}
	for _, r := range c.Roots {
		for _, path := range r.ReadOnly {
			if err := add(protectedGraft(path)); err != nil {
				return nil, err
			}
		}
		for _, path := range r.Missing {
			if err := add(graft{path: path, stand: emptyDir, readOnly: true}); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range c.Hidden {
		g := graft{path: h.Path, stand: emptyFile, readOnly: true}
		if h.Dir {
			g.stand = emptyDir
		}
		if err := add(g); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b graft) int { return cmp.Compare(len(a.path), len(b.path)) })
	return out, nil
}

// protectedGraft covers a protected path with itself. A link is covered with a file: it could be replaced otherwise. For
// git a file that names the folder is as good as a link to it.
func protectedGraft(path string) graft {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return graft{path: path, readOnly: true}
	}
	g := graft{path: path, readOnly: true, stand: emptyFile}
	if target, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(path) == ".git" {
		g.stand = "gitdir: " + target + "\n"
	}
	return g
}

func putGrafts(grafts []graft) error {
	for _, g := range grafts {
		if g.stand != "" {
			fd, err := openStand(g.stand)
			if err != nil {
				return stage("cover of "+g.path, err)
			}
			g.fd = fd
		}
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
		if g.readOnly {
			attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
		}
		err := unix.MountSetattr(g.fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr)
		if err == nil {
			err = mountOn(g.fd, g.path)
		}
		_ = unix.Close(g.fd)
		if err != nil {
			return stage("mount over "+g.path, err)
		}
	}
	return nil
}

// openExact opens a path that the host has resolved. A link in it was put there since, perhaps by a command that runs
// beside this one, and leads somewhere that the policy does not name.
func openExact(path string) (int, error) {
	return unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS,
	})
}

func cloneTree(path string) (int, error) {
	at, err := openExact(path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(at)
	return unix.OpenTree(at, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_EMPTY_PATH)
}

func mountOn(tree int, path string) error {
	at, err := openExact(path)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	return unix.MoveMount(tree, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// openStand clones a stand-in. Any text but a path is made a file first.
func openStand(stand string) (int, error) {
	if stand != emptyDir && stand != emptyFile {
		const text = "/dev/.text"
		_ = os.Remove(text)
		if err := os.WriteFile(text, []byte(stand), 0o444); err != nil {
			return -1, err
		}
		stand = text
	}
	return unix.OpenTree(unix.AT_FDCWD, stand, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
}

func takeDevices() ([len(devices)]int, error) {
	var fds [len(devices)]int
	for i, name := range devices {
		fd, err := unix.OpenTree(unix.AT_FDCWD, "/dev/"+name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fds, stage("/dev/"+name, err)
		}
		fds[i] = fd
	}
	return fds, nil
}

func makeDev(devs [len(devices)]int) error {
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=1m"); err != nil {
		return err
	}
	for i, name := range devices {
		if err := unix.Mknod("/dev/"+name, unix.S_IFREG|0o444, 0); err != nil {
			return err
		}
		err := unix.MoveMount(devs[i], "", unix.AT_FDCWD, "/dev/"+name, unix.MOVE_MOUNT_F_EMPTY_PATH)
		_ = unix.Close(devs[i])
		if err != nil {
			return err
		}
	}
	for _, l := range [...][2]string{
		{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
	} {
		if err := unix.Symlink(l[0], l[1]); err != nil {
			return err
		}
	}
	for _, dir := range [...]string{"/dev/shm", "/dev/pts", emptyDir} {
		if err := unix.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mknod(emptyFile, unix.S_IFREG|0o444, 0); err != nil {
		return err
	}
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
		return err
	}
	return unix.Mount("devpts", "/dev/pts", "devpts", quiet&^unix.MS_NODEV, "newinstance,ptmxmode=0666,mode=620")
}

func finishDev() error {
	_ = os.Remove("/dev/.text")
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	return unix.MountSetattr(unix.AT_FDCWD, "/dev", 0, &attr)
}

// makeProc mounts the process table of the new namespace, read-only as a whole: /proc/sys, sysrq-trigger and their like
// belong to root by number, and a user namespace does not change the number.
func makeProc(old bool) error {
	if old {
		return nil // read-only like everything else
	}
	return unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "")
}

func setFlags(path string, flags uint64) error {
	return unix.MountSetattr(unix.AT_FDCWD, path, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: flags})
}
