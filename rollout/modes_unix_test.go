//go:build unix

package rollout

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFilesAreClosedToOthers(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		old := syscall.Umask(mask)
		s := testStore(t)
		r := create(t, s, testMeta())
		err := r.Materialize(turnRecords(t, testID, "t1", "q", "a")...)
		ok(t, s.SetName(testID, "name"))
		syscall.Umask(old)
		ok(t, err)
		root := s.home
		ok(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			ok(t, err)
			info, err := d.Info()
			ok(t, err)
			if path != root && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("umask %03o: %s is %v", mask, path, info.Mode())
			}
			return nil
		}))
	}
}
