package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many dangling links in a row are followed.
const maxLinks = 40

// resolve follows the symbolic links of an absolute path, as writing to it would: those of the part that exists, and a
// dangling link at the end of that part too. The result may not exist.
func resolve(path string) (string, error) {
	path = filepath.Clean(path)
	for range maxLinks {
		dir, rest := path, ""
		for {
			real, err := filepath.EvalSymlinks(dir)
			if err == nil {
				return filepath.Join(real, rest), nil
			}
			if target, err := os.Readlink(dir); err == nil {
				parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
				if err != nil {
					return "", err
				}
				path = filepath.Join(absolute(parent, target), rest)
				break
			}
			up := filepath.Dir(dir)
			if up == dir {
				return path, nil
			}
			dir, rest = up, filepath.Join(filepath.Base(dir), rest)
		}
	}
	return "", &fs.PathError{Op: "resolve", Path: path, Err: errors.New("too many levels of symbolic links")}
}

// resolveEntry follows the links on the way to a path but not the path itself: where removing it takes effect.
func resolveEntry(path string) (string, error) {
	dir, err := resolve(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// because is an error of the file system in the words that models have learned: no path, a capital, the number.
func because(err error) string {
	if n, ok := errors.AsType[syscall.Errno](err); ok {
		text := n.Error()
		return fmt.Sprintf("%s%s (os error %d)", strings.ToUpper(text[:1]), text[1:], int(n))
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
