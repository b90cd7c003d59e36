package workspace

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"syscall"
	"unsafe"
)

// listFolder calls each for every entry of a folder, with its name, which is only
// lent, and the bits of its type; fs.ModeIrregular where the file system does not
// say. It reads what the system gives as it is: package os would make three
// objects of each of the names, most of which a search does not need.
func listFolder(path string, scratch []byte, each func(name []byte, kind fs.FileMode)) error {
	fd, err := openFolder(path)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	for {
		n, err := syscall.ReadDirent(fd, scratch)
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return err
		}
		for rest := scratch[:n]; len(rest) > 0; {
			size := binary.NativeEndian.Uint16(rest[unsafe.Offsetof(syscall.Dirent{}.Reclen):])
			kind := rest[unsafe.Offsetof(syscall.Dirent{}.Type)]
			name := rest[unsafe.Offsetof(syscall.Dirent{}.Name):size]
			if end := bytes.IndexByte(name, 0); end >= 0 {
				name = name[:end]
			}
			if s := string(name); s != "." && s != ".." {
				each(name, kindOf(kind))
			}
			rest = rest[size:]
		}
	}
}

func openFolder(path string) (int, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != syscall.EINTR {
			return fd, err
		}
	}
}

func kindOf(t byte) fs.FileMode {
	switch t {
	case syscall.DT_DIR:
		return fs.ModeDir
	case syscall.DT_REG:
		return 0
	case syscall.DT_LNK:
		return fs.ModeSymlink
	case syscall.DT_UNKNOWN:
		return fs.ModeIrregular
	}
	return fs.ModeDevice
}
