package plugins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// maxRunDir keeps the path of a socket below the 104 bytes that the shortest
// system allows: below it come our two folders and go-plugin's folder and
// socket, each with up to ten random digits, 62 bytes in all.
const maxRunDir = 40

// runDir is the private folder of one host, where its plugins' sockets lie. It
// is made on first need. The lock file in it is held while the host lives and
// is let go by the kernel however it dies; that is how the next host knows a
// folder that nobody needs.
type runDir struct {
	parent string // from the options; may be empty

	mu   sync.Mutex
	path string
	lock *os.File
}

const lockName = "host.lock"

// sweepAge is how old a folder must be to be swept: a younger one may have been
// made a moment ago by a host that is about to lock it.
const sweepAge = time.Minute

// get returns the folder. The first call makes it and sweeps those of dead hosts.
func (d *runDir) get() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path != "" {
		return d.path, nil
	}
	base, err := d.base()
	if err != nil {
		return "", err
	}
	sweep(base)
	path, err := os.MkdirTemp(base, "h")
	if err != nil {
		return "", fmt.Errorf("making the plugins' folder: %w", err)
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		os.RemoveAll(path)
		return "", fmt.Errorf("locking the plugins' folder: %w", err)
	}
	d.path, d.lock = path, lock
	return path, nil
}

// made returns the folder if it was made, and "" otherwise.
func (d *runDir) made() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.path
}

// base picks the folder that holds the hosts' folders: that of the options, or
// the first of the usual ones that is short enough and ours alone.
func (d *runDir) base() (string, error) {
	if d.parent != "" {
		return d.parent, private(d.parent)
	}
	var errs []error
	for _, c := range usualBases() {
		if len(c) > maxRunDir && runtime.GOOS != "windows" {
			errs = append(errs, fmt.Errorf("%s is too long for the path of a socket", c))
			continue
		}
		err := private(c)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	// Somebody else may hold our name in a shared folder: go without sweeping.
	dir, err := os.MkdirTemp("", "codexhost-")
	if err != nil {
		return "", errors.Join(append(errs, err)...)
	}
	return dir, nil
}

// usualBases are the folders that may hold the hosts' folders, best first.
func usualBases() []string {
	own := "codexhost-" + strconv.Itoa(os.Getuid())
	candidates := []string{filepath.Join(os.TempDir(), own)}
	if x := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(x) {
		candidates = append([]string{filepath.Join(x, "codexhost")}, candidates...)
	}
	if usual := "/tmp/" + own; runtime.GOOS != "windows" && candidates[len(candidates)-1] != usual {
		candidates = append(candidates, usual)
	}
	return candidates
}

// private makes sure that dir is a folder which only we can enter.
func private(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the plugins' folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("looking at the plugins' folder: %w", err)
	}
	if !info.IsDir() || !ownedByUs(info) {
		return fmt.Errorf("%s is not a folder of ours", dir)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("closing %s to others: %w", dir, err)
		}
	}
	return nil
}

// sweep removes the folders of hosts that are no more. It is a courtesy:
// whatever goes wrong, the next sweep may do better.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		info, err := e.Info()
		if err != nil || !e.IsDir() || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := lockFile(filepath.Join(dir, lockName))
		if err != nil {
			continue // its host lives, or was faster
		}
		lock.Close()
		os.RemoveAll(dir)
	}
}

// remove deletes the folder. No process may need it any more.
func (d *runDir) remove() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path == "" {
		return nil
	}
	d.lock.Close()
	err := os.RemoveAll(d.path)
	d.path = ""
	return err
}
