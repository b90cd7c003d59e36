package supervise

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// enter makes what the whole supervisor lives in: the view of the file system. Without namespaces there is nothing to
// make.
func enter(c *Confinement) error {
	if c.Namespaces {
		if err := makeView(c); err != nil {
			return err
		}
	}
	// A command of the same user must not look into its supervisor.
	return stage("supervisor", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// confineThread restricts the calling thread; the command inherits it. The order is given: rights are needed for the
// step before, and the filter refuses what the steps before it do.
func confineThread(c *Confinement) (landlock int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, stage("no new privileges", err)
	}
	if landlock, err = landlockThread(c); err != nil {
		return 0, stage("landlock", err)
	}
	if err := dropRights(c.Root); err != nil {
		return 0, stage("capabilities", err)
	}
	f := filter{
		network: c.Network, root: c.Root, metadata: c.Landlock && len(c.Roots) == 0, shared: c.Landlock || c.OldProc,
	}
	return landlock, stage("system call filter", f.install())
}

// keptRights are what the superuser keeps inside: the ones over files and identities, which mounts and the user
// namespace bound. Without them it could not work on a workspace that belongs to somebody else.
var keptRights = [...]uint{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETUID, unix.CAP_SETGID,
}

// dropRights leaves the calling thread the rights that it may keep, and none to gain.
func dropRights(root bool) error {
	var keep uint64
	if root {
		for _, right := range keptRights {
			keep |= 1 << right
		}
	}
	for right := uint(0); right < 64; right++ {
		if keep&(1<<right) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(right), 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		}
		if err != nil && !errors.Is(err, unix.EPERM) { // without the right to drop there is nothing to be dropped
			return err
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&head, &have[0]); err != nil {
		return err
	}
	for i := range have {
		mask := uint32(keep >> (32 * i))
		have[i].Permitted &= mask
		have[i].Effective = have[i].Permitted
		have[i].Inheritable = 0
	}
	if err := unix.Capset(&head, &have[0]); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
}

// hostIsGone removes the placeholders that the host would have removed.
func (h *helper) hostIsGone() {
	if h.inside == nil {
		return
	}
	fd := socketFD + 1
	for _, root := range h.inside.Roots {
		for _, path := range root.Missing {
			if fd > socketFD+h.inside.Holds {
				return
			}
			hold := os.NewFile(uintptr(fd), path)
			fd++
			if h.inside.Namespaces {
				_ = unix.Unmount(path, unix.MNT_DETACH)
			}
			DropPlaceholder(hold, path)
		}
	}
}
