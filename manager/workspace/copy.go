package workspace

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Copy copies a file, a link or, when recursive, a folder. Links stay links. A
// folder is merged into one that is there, file by file; pipes and devices in it
// are left out. Between files, ctx may end the copy.
func Copy(ctx context.Context, from, to string, recursive bool) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	info, err := os.Lstat(from)
	if err != nil {
		return failed(err)
	}
	switch {
	case info.IsDir() && !recursive:
		return refuse("fs/copy requires recursive: true when sourcePath is a directory")
	case info.IsDir():
		if within(from, to) {
			return refuse("fs/copy cannot copy a directory to itself or one of its descendants")
		}
		return failed(copyFolder(ctx, from, to))
	case info.Mode()&fs.ModeSymlink != 0:
		return failed(copyLink(from, to))
	case info.Mode().IsRegular():
		return failed(copyFile(from, to, info))
	}
	return refuse("fs/copy only supports regular files, directories, and symlinks")
}

// within reports whether a path lies in a folder or is it, whatever links lead there.
func within(folder, path string) bool {
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			folder, err := filepath.EvalSymlinks(folder)
			return err == nil && (real == folder || strings.HasPrefix(real, strings.TrimSuffix(folder, sep)+sep))
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up // it is still to be made: where its parent is, it will be
	}
}

const sep = string(filepath.Separator)

func copyFolder(ctx context.Context, from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := CreateDirectory(to, true); err != nil {
		return err
	}
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		src, dst := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		switch {
		case e.IsDir():
			err = copyFolder(ctx, src, dst)
		case e.Type()&fs.ModeSymlink != 0:
			err = copyLink(src, dst)
		case e.Type().IsRegular():
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				err = copyFile(src, dst, info)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyLink(from, to string) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

// copyFile copies contents and permissions. A file copied onto itself, be it by
// another name, is left alone: opening it for writing would empty it first.
func copyFile(from, to string, info fs.FileInfo) error {
	if there, err := os.Stat(to); err == nil && os.SameFile(there, info) {
		return nil
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := create(to, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Chmod(info.Mode().Perm())
	}
	return errors.Join(err, dst.Close())
}
