package skillswatch

import "golang.org/x/sys/unix"

// eventless says whether changes made elsewhere send no events here: network and host-shared file systems, where inotify
// sees what this machine does and nothing else.
func eventless(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.V9FS_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, 0x786f4256: // vboxsf
		return true
	}
	return false
}
