package config

import (
	"os"
	"path/filepath"
)

// replaceFile writes a new file beside the old one and renames it over it, following links, keeping the mode. The last
// thing before the rename is to ask whether it is still wanted.
func replaceFile(path, text string, wanted func() bool) error {
	target, err := finalTarget(path)
	if err != nil {
		return err
	}
	mode := os.FileMode(0o600)
	if fi, err := os.Stat(target); err == nil {
		mode = fi.Mode().Perm()
	}
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".config.toml.*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	for _, step := range []func() error{func() error { return tmp.Chmod(mode) }, tmp.Sync, tmp.Close} {
		if err == nil {
			err = step()
		}
	}
	if err == nil && !wanted() {
		err = errOvertaken
	}
	if err == nil {
		err = os.Rename(tmp.Name(), target)
	}
	if err != nil {
		tmp.Close()
		os.Remove(tmp.Name())
		return err
	}
	return syncDir(dir)
}

// finalTarget follows a chain of links by hand, so that one whose end does not exist yet can be written too.
func finalTarget(path string) (string, error) {
	for range 40 {
		next, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", &os.PathError{Op: "readlink", Path: path, Err: os.ErrInvalid}
}

// syncDir makes the rename durable where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	_ = d.Sync() // not every file system can; the rename itself is done
	return nil
}
