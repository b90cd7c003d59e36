package plugins

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// ownedByUs trusts the folder's place: the temporary folder is the user's own here.
func ownedByUs(fs.FileInfo) bool { return true }

// fileID is the same for all files: size and time must do.
func fileID(fs.FileInfo) uint64 { return 0 }

// lockFile opens the file at path and locks it, or fails at once if it is locked.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
