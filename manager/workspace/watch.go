package workspace

import (
	"path/filepath"

	"github.com/codexhost/codexhost/rpc/protocol"
	"github.com/codexhost/codexhost/skillswatch"
)

// Watch tells the client of changes of a file or a folder's entries until
// [Client.Unwatch] or Close. What is missing is watched for. It gives back the
// path in the spelling that changes will have.
func (c *Client) Watch(id, path string) (string, error) {
	path = filepath.Clean(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return "", errClosed
	}
	if _, taken := c.watches[id]; taken {
		return "", refuse("watchId already exists: %s", id)
	}
	// As a folder and as a file: what it is may change, and a link to a file
	// changes where the file is.
	roots := []skillswatch.Root{{Path: path}, {Path: path, File: true}}
	w := &watch{id: id}
	w.registration = c.service.watcher.Watch(roots, func(e skillswatch.Event) { c.changed(w, e.Paths) })
	c.watches[id] = w
	return path, nil
}

// A watch is one registration by a client's name for it.
type watch struct {
	id           string
	registration *skillswatch.Registration
}

// changed tells of changes, unless the watch has ended.
func (c *Client) changed(w *watch, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watches[w.id] != w {
		return
	}
	list := make([]protocol.AbsolutePathBuf, len(paths))
	for i, p := range paths {
		list[i] = protocol.AbsolutePathBuf(p)
	}
	c.tell(protocol.MethodFsChanged, &protocol.FsChangedNotification{WatchID: w.id, ChangedPaths: list})
}

// Unwatch ends a watch. One that does not exist has ended already.
func (c *Client) Unwatch(id string) {
	c.mu.Lock()
	w := c.watches[id]
	delete(c.watches, id)
	c.mu.Unlock()
	if w != nil {
		w.registration.Close()
	}
}
