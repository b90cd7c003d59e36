package workspace

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// maxRead is the largest file that is read, in bytes.
const maxRead = 512 << 20

// AppendFile appends what a regular file holds to b, which it gives back also
// with an error. Anything else is refused before it is opened, because opening a
// pipe would wait for its other end.
func AppendFile(b []byte, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return b, failed(err)
	}
	if !info.Mode().IsRegular() {
		return b, refuse("path `%s` is not a file", path)
	}
	if info.Size() > maxRead {
		return b, tooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return b, failed(err)
	}
	defer f.Close()
	// Files of /proc say 0 and hold more; others grow while they are read.
	b = slices.Grow(b, int(info.Size())+bytes.MinRead)
	buf := bytes.NewBuffer(b)
	n, err := buf.ReadFrom(io.LimitReader(f, maxRead+1))
	if err != nil {
		return b, failed(err)
	}
	if n > maxRead {
		return b, tooLarge
	}
	return buf.Bytes(), nil
}

var tooLarge = refuse("file is too large to read: limit is %d bytes", maxRead)

// WriteFile makes a file hold data. The file is written in place: it stays what
// it is to links, watchers and its owner.
func WriteFile(path string, data []byte) error {
	f, err := create(path, 0o666)
	if err != nil {
		return failed(err)
	}
	_, err = f.Write(data)
	return failed(errors.Join(err, f.Close()))
}

// create opens a file to be written anew. Opening a pipe would wait for a reader.
func create(path string, perm fs.FileMode) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		return nil, refuse("path `%s` is not a file", path)
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
}

// CreateDirectory makes a folder; with parents also those above it, and then one
// that is there already is fine.
func CreateDirectory(path string, parents bool) error {
	if !parents {
		return failed(os.Mkdir(path, 0o777))
	}
	err := os.MkdirAll(path, 0o777)
	// MkdirAll says of a file in the folder's place that it is no folder.
	if errors.Is(err, syscall.ENOTDIR) {
		if _, missing := os.Lstat(path); missing == nil {
			err = &fs.PathError{Op: "mkdir", Path: path, Err: syscall.EEXIST}
		}
	}
	return failed(err)
}

// Metadata describes what a path leads to, and says whether the path itself is a link.
func Metadata(path string) (*protocol.FsGetMetadataResponse, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, failed(err)
	}
	own, err := os.Lstat(path)
	if err != nil {
		return nil, failed(err)
	}
	return &protocol.FsGetMetadataResponse{
		IsDirectory:  info.IsDir(),
		IsFile:       info.Mode().IsRegular(),
		IsSymlink:    own.Mode()&fs.ModeSymlink != 0,
		ModifiedAtMs: max(0, info.ModTime().UnixMilli()),
	}, nil
}

// ReadDirectory lists a folder in the system's order. Links are what they lead
// to; those that lead nowhere are left out, as are names that are no UTF-8 and
// could not be asked for.
func ReadDirectory(path string) ([]protocol.FsReadDirectoryEntry, error) {
	entries := []protocol.FsReadDirectoryEntry{}
	err := listFolder(path, make([]byte, 32<<10), func(name []byte, kind fs.FileMode) {
		if !utf8.Valid(name) {
			return
		}
		e := protocol.FsReadDirectoryEntry{FileName: string(name)}
		if kind&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
			info, err := os.Stat(filepath.Join(path, e.FileName))
			if err != nil {
				return
			}
			kind = info.Mode()
		}
		e.IsDirectory, e.IsFile = kind.IsDir(), kind.IsRegular()
		entries = append(entries, e)
	})
	if err != nil {
		return nil, failed(&fs.PathError{Op: "readdir", Path: path, Err: err})
	}
	return entries, nil
}

// Remove removes a file, a link or a folder; a folder that is not empty only when
// recursive. With force, what is missing is fine.
func Remove(path string, recursive, force bool) error {
	if path = filepath.Clean(path); filepath.Dir(path) == path {
		return refuse("fs/remove does not remove a root folder: `%s`", path)
	}
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.IsDir() && recursive:
		err = os.RemoveAll(path)
	case err == nil:
		err = os.Remove(path)
	}
	if force && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return failed(err)
}
