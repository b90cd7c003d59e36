package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// settleTime is how old a file's last change must be before an equal stamp proves equal content: clocks of file systems
// tick in milliseconds, and two writes within one tick may leave the same size.
const settleTime = 50 * time.Millisecond

// stamp tells two states of a file apart without reading it. The zero stamp is a missing file.
type stamp struct {
	mtime int64
	size  int64
	inode uint64
}

func stampOf(path string) (stamp, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{fi.ModTime().UnixNano(), fi.Size(), inode(fi)}, nil
}

// textFile is a config file as last read. Its tree has absolute paths and must not be changed.
type textFile struct {
	stamp   stamp
	settled bool // the stamp can be relied on
	src     string
	tree    map[string]any
	version string
	err     *LoadError
}

// fileCache keeps parsed files by path.
type fileCache struct {
	mu    sync.Mutex
	files map[string]*textFile
}

// read answers the file's current content, from the cache when its stamp did not change. A missing file is empty.
func (c *fileCache) read(path, userHome string) *textFile {
	st, err := stampOf(path)
	c.mu.Lock()
	old := c.files[path]
	c.mu.Unlock()
	if old != nil && old.settled && old.stamp == st && (err == nil || os.IsNotExist(err)) {
		return old
	}
	f := &textFile{stamp: st, settled: st == stamp{} || time.Since(time.Unix(0, st.mtime)) > settleTime}
	f.load(path, userHome)
	if old != nil && old.src == f.src && old.err == nil && f.err == nil {
		f.tree, f.version = old.tree, old.version
	}
	c.mu.Lock()
	if c.files == nil {
		c.files = map[string]*textFile{}
	}
	c.files[path] = f
	c.mu.Unlock()
	return f
}

// load reads the whole file. Devices and pipes are refused: a config.toml may be a link to anything.
func (f *textFile) load(path, userHome string) {
	f.tree = map[string]any{}
	fi, err := os.Stat(path)
	var b []byte
	switch {
	case err == nil && !fi.Mode().IsRegular():
		err = &fs.PathError{Op: "read", Path: path, Err: fs.ErrInvalid}
	case err == nil:
		b, err = os.ReadFile(path)
	}
	if err != nil && !os.IsNotExist(err) {
		f.err = &LoadError{Why: "Failed to read config file " + path + ": " + err.Error()}
		f.settled = false
		return
	}
	f.src = string(b)
	tree, lerr := parse(path, f.src)
	if lerr != nil {
		f.err = lerr
	} else {
		f.tree = tree
	}
	resolvePaths(f.tree, filepath.Dir(path), userHome)
	f.version = version(f.tree)
}
