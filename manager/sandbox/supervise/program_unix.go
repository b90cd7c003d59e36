//go:build linux || darwin

package supervise

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// FindProgram looks a program up as a shell does: in the PATH of the command's own environment, relative to its own
// folder, and as the confinement shows them.
func FindProgram(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return inDir(name, dir), nil
	}
	path := "/usr/local/bin:/usr/bin:/bin"
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	var first error = unix.ENOENT
	for _, d := range filepath.SplitList(path) {
		file := inDir(filepath.Join(d, name), dir)
		var st unix.Stat_t
		if err := unix.Stat(file, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if err := unix.Access(file, unix.X_OK); err != nil {
			first = err
			continue
		}
		return file, nil
	}
	return "", first
}

func inDir(path, dir string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
