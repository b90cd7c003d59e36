package workspace

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// changeOf fits a change of one watch that names a path.
func changeOf(id, path string) func(any) bool {
	return func(x any) bool {
		n, ok := x.(*protocol.FsChangedNotification)
		if !ok || n.WatchID != id {
			return false
		}
		for _, p := range n.ChangedPaths {
			if string(p) == path {
				return true
			}
		}
		return false
	}
}

func TestWatch(t *testing.T) {
	root := tree(t, "f", "folder/", "real/t", "to-file -> real/t", "to-folder -> real", ".git/HEAD")
	at := func(name string) string { return filepath.Join(root, name) }
	c, e := newClient(t)
	for _, name := range []string{"f", "folder", "missing/file", "to-file", "to-folder", ".git/HEAD"} {
		if path, err := c.Watch(name, at("folder/..")+"/"+name); err != nil || path != at(name) {
			t.Fatal(path, err)
		}
	}
	write := func(name string) func() { return func() { plant(t, root, name+": new") } }
	for _, x := range []struct {
		what     string
		do       func()
		id, path string
	}{
		{"a file is written", write("f"), "f", "f"},
		{"a file is replaced", func() { write("tmp")(); _ = os.Rename(at("tmp"), at("f")) }, "f", "f"},
		{"a file is removed", func() { _ = os.Remove(at("f")) }, "f", "f"},
		{"a file is there again", write("f"), "f", "f"},
		{"a file in a folder", write("folder/new"), "folder", "folder/new"},
		{"a file that no editor would look at", write("folder/x.swp~"), "folder", "folder/x.swp~"},
		{"a folder in a folder", func() { plant(t, root, "folder/below/") }, "folder", "folder/below"},
		{"what was missing", write("missing/file"), "missing/file", "missing/file"},
		{"a file behind a link", write("real/t"), "to-file", "to-file"},
		{"a folder behind a link", write("real/u"), "to-folder", "to-folder/u"},
		{"a file of git", write(".git/HEAD"), ".git/HEAD", ".git/HEAD"},
		{"a folder that goes", func() { _ = os.RemoveAll(at("folder")) }, "folder", "folder"},
		{"and is there again", func() { plant(t, root, "folder/") }, "folder", "folder"},
		{"with a file", write("folder/back"), "folder", "folder/back"},
	} {
		n := e.count()
		x.do()
		e.wait(n, x.what, changeOf(x.id, at(x.path)))
	}
}

func TestUnwatchIsSilentAtOnce(t *testing.T) {
	root := tree(t, "f")
	f := filepath.Join(root, "f")
	c, e := newClient(t)
	for _, id := range []string{"a", "b"} {
		if _, err := c.Watch(id, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Watch("a", f); text(err) != "watchId already exists: a" {
		t.Errorf("the same name again: %v", err)
	}
	c.Unwatch("a")
	c.Unwatch("a")
	plant(t, root, "f: new")
	e.wait(0, "the other watch", changeOf("b", f))
	for _, x := range e.all() {
		if changeOf("a", f)(x) {
			t.Error("told of a watch that has ended")
		}
	}
	if _, err := c.Watch("a", f); err != nil {
		t.Errorf("a name is free again: %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	root := tree(t, "f")
	s := New(Options{})
	c := s.Client(func(string, any) {})
	if _, err := c.Watch("w", root); err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartSession("s", []string{root}); err != nil { // never released
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	c.Close()
	c.Unwatch("w")
	c.EndSession("s")
	if _, err := c.Watch("w", root); err == nil {
		t.Error("a closed client watches")
	}
	if _, err := s.Client(nil).Watch("w", root); err == nil {
		t.Error("a closed service has clients")
	}
}
