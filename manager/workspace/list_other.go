//go:build !linux

package workspace

import (
	"io/fs"
	"os"
	"syscall"
)

// listFolder calls each for every entry of a folder, with its name and the bits
// of its type.
func listFolder(path string, _ []byte, each func(name []byte, kind fs.FileMode)) error {
	info, err := os.Stat(path) // opening a pipe would wait for its other end
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return syscall.ENOTDIR
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	for _, e := range list {
		each([]byte(e.Name()), e.Type())
	}
	return err
}
