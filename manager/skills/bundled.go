package skills

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// bundled are the skills that come with the host.
//
//go:embed bundled
var bundled embed.FS

// marker is the file that says which skills a folder was given.
const marker = ".fingerprint"

// InstallBundled makes dir hold the skills that come with the host, as files,
// because a model reads skills with commands. A folder that has them is left
// alone, edits included; what an older or newer release left there is replaced.
// Two hosts may do so at a time.
func InstallBundled(dir string) error {
	names, print, err := bundledFiles()
	if err != nil {
		return fmt.Errorf("reading the bundled skills: %w", err)
	}
	if old, err := os.ReadFile(filepath.Join(dir, marker)); err == nil && string(old) == print {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("installing the bundled skills: %w", err)
	}
	root, err := os.OpenRoot(dir) // whatever lies there, no link leads out
	if err != nil {
		return fmt.Errorf("installing the bundled skills: %w", err)
	}
	defer root.Close()
	err = clearOthers(root, names)
	for _, name := range names {
		if err == nil {
			err = writeBundled(root, name)
		}
	}
	if err == nil {
		err = root.WriteFile(marker, []byte(print), 0o600)
	}
	if err != nil {
		return fmt.Errorf("installing the bundled skills in %s: %w", dir, err)
	}
	return nil
}

// bundledFiles lists the files below the root of bundled, and tells this set of
// them from any other.
func bundledFiles() (names []string, print string, err error) {
	h := sha256.New()
	err = fs.WalkDir(bundled, "bundled", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := bundled.ReadFile(name)
		if err != nil {
			return err
		}
		names = append(names, name[len("bundled/"):])
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(text), text)
		return nil
	})
	return names, hex.EncodeToString(h.Sum(nil)) + "\n", err
}

// clearOthers removes what is none of ours.
func clearOthers(root *os.Root, names []string) error {
	ours := make(map[string]bool)
	for _, name := range names {
		for ; name != "."; name = path.Dir(name) {
			ours[name] = true
		}
	}
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // somebody else was quicker
		case err != nil || name == "." || ours[name] || fresh(e):
			return err
		}
		if err := root.RemoveAll(name); err != nil {
			return err
		}
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// unfinished begins the names of files that are being written.
const unfinished = ".unfinished-"

// fresh tells whether an entry is a file that somebody else is writing.
func fresh(e fs.DirEntry) bool {
	info, err := e.Info()
	return strings.HasPrefix(e.Name(), unfinished) && err == nil && time.Since(info.ModTime()) < time.Minute
}

// writeBundled writes one file, whole or not at all.
func writeBundled(root *os.Root, name string) error {
	text, err := bundled.ReadFile("bundled/" + name)
	if err != nil {
		return err
	}
	if old, err := root.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	half := unfinished + rand.Text()
	if err := root.WriteFile(half, text, 0o600); err != nil {
		return err
	}
	return root.Rename(half, name)
}
