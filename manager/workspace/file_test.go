package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// unixTexts skips what compares the system's own words.
func unixTexts(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the texts are those of Unix")
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFileErrors(t *testing.T) {
	unixTexts(t)
	root := tree(t, "file", "folder/in", "nowhere -> missing")
	at := func(name string) string { return filepath.Join(root, name) }
	const missing, notFolder, isFolder, exists, notEmpty = "No such file or directory (os error 2)", "Not a directory (os error 20)",
		"Is a directory (os error 21)", "File exists (os error 17)", "Directory not empty (os error "
	read := func(name string) error { _, err := AppendFile(nil, at(name)); return err }
	list := func(name string) error { _, err := ReadDirectory(at(name)); return err }
	stat := func(name string) error { _, err := Metadata(at(name)); return err }
	for _, c := range []struct {
		what string
		err  error
		want string
	}{
		{"read what is missing", read("x"), missing},
		{"read below a file", read("file/x"), notFolder},
		{"read a folder", read("folder"), "path `" + at("folder") + "` is not a file"},
		{"read a link to nowhere", read("nowhere"), missing},
		{"list what is missing", list("x"), missing},
		{"list a file", list("file"), notFolder},
		{"look at what is missing", stat("x"), missing},
		{"look at a link to nowhere", stat("nowhere"), missing},
		{"write a folder", WriteFile(at("folder"), nil), isFolder},
		{"write in no folder", WriteFile(at("x/y"), nil), missing},
		{"make a folder where a file is", CreateDirectory(at("file"), true), exists},
		{"make a folder below a file", CreateDirectory(at("file/x"), true), notFolder},
		{"make a folder in no folder", CreateDirectory(at("x/y"), false), missing},
		{"make a folder again", CreateDirectory(at("folder"), false), exists},
		{"make a folder again with parents", CreateDirectory(at("folder"), true), ""},
		{"remove what is missing", Remove(at("x"), true, true), ""},
		{"remove what must be there", Remove(at("x"), true, false), missing},
		{"remove below a file", Remove(at("file/x"), true, true), notFolder},
		{"remove the root", Remove("/.", true, true), "fs/remove does not remove a root folder: `/`"},
		{"copy what is missing", Copy(t.Context(), at("x"), at("y"), true), missing},
		{"copy a folder by chance", Copy(t.Context(), at("folder"), at("y"), false), "fs/copy requires recursive: true when sourcePath is a directory"},
		{"copy a file on a folder", Copy(t.Context(), at("file"), at("folder"), false), isFolder},
	} {
		if text(c.err) != c.want {
			t.Errorf("%s: %q, want %q", c.what, text(c.err), c.want)
		}
	}
	if err := Remove(at("folder"), false, false); err == nil || text(err)[:len(notEmpty)] != notEmpty {
		t.Errorf("remove a folder that is not empty: %v", err)
	}
}

func TestFailuresTellWhoseFaultItIs(t *testing.T) {
	for _, c := range []struct {
		err   error
		asked bool
	}{
		{&fs.PathError{Op: "open", Path: "p", Err: fs.ErrNotExist}, true},
		{&fs.PathError{Op: "open", Path: "p", Err: fs.ErrPermission}, false},
		{errors.New("the disk is on fire"), false},
	} {
		f, ok := errors.AsType[*Failure](failed(c.err))
		if !ok || f.Asked() != c.asked {
			t.Errorf("%v: asked %v, want %v", c.err, f.Asked(), c.asked)
		}
	}
	if failed(nil) != nil {
		t.Error("no error became one")
	}
}

func TestWriteKeepsTheFile(t *testing.T) {
	root := tree(t, "f", "link -> f")
	path := filepath.Join(root, "f")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(root, "link"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := AppendFile([]byte("is "), path); string(b) != "is new" || runtime.GOOS != "windows" && info.Mode() != 0o640 {
		t.Errorf("%q with mode %v", b, info.Mode())
	}
}

func TestMetadata(t *testing.T) {
	root := tree(t, "folder/", "f", "link -> folder")
	for name, want := range map[string]string{"folder": "true false false", "f": "false true false", "link": "true false true"} {
		m, err := Metadata(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.IsDirectory, m.IsFile, m.IsSymlink); got != want || m.ModifiedAtMs == 0 {
			t.Errorf("%s: folder, file, link %s, want %s; modified %d", name, got, want, m.ModifiedAtMs)
		}
	}
}

func TestReadDirectory(t *testing.T) {
	root := tree(t, "folder/", "f", "to-folder -> folder", "to-file -> f", "nowhere -> missing")
	var got []string
	entries, err := ReadDirectory(root)
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %v %v", e.FileName, e.IsDirectory, e.IsFile))
	}
	slices.Sort(got)
	if want := []string{"f false true", "folder true false", "to-file false true", "to-folder true false"}; !slices.Equal(got, want) || err != nil {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	if empty, err := ReadDirectory(filepath.Join(root, "folder")); empty == nil || len(empty) > 0 || err != nil {
		t.Errorf("an empty folder is %v, %v; want an empty list", empty, err)
	}
}

func TestRemove(t *testing.T) {
	root := tree(t, "folder/in/deep", "kept/f", "link -> kept")
	for _, name := range []string{"folder", "link"} {
		if err := Remove(filepath.Join(root, name), true, false); err != nil {
			t.Error(err)
		}
	}
	if left := shape(t, root); !slices.Equal(left, []string{"kept/", "kept/f"}) {
		t.Errorf("left %q: a link was followed, or something stayed", left)
	}
}

// shape lists what a folder holds, folders with a slash, links with an @.
func shape(t *testing.T, root string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		switch {
		case rel == ".":
		case d.IsDir():
			list = append(list, rel+"/")
		case d.Type()&fs.ModeSymlink != 0:
			list = append(list, rel+"@")
		default:
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCopy(t *testing.T) {
	root := tree(t, "from/a", "from/deep/b", "from/link -> deep", "from/nowhere -> missing", "there/a: old", "there/kept")
	at := func(name string) string { return filepath.Join(root, name) }
	if err := os.Chmod(at("from/a"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"to", "there", "new/below"} {
		if err := Copy(t.Context(), at("from"), at(to), true); err != nil {
			t.Fatal(err)
		}
	}
	whole := []string{"a", "deep/", "deep/b", "link@", "nowhere@"}
	if got := shape(t, at("to")); !slices.Equal(got, whole) {
		t.Errorf("copied %q, want %q", got, whole)
	}
	if got, want := shape(t, at("there")), []string{"a", "deep/", "deep/b", "kept", "link@", "nowhere@"}; !slices.Equal(got, want) {
		t.Errorf("merged %q, want %q", got, want)
	}
	info, err := os.Stat(at("there/a"))
	if b, _ := os.ReadFile(at("there/a")); string(b) != "from/a" || err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the file that was there holds %q, its mode is %v", b, info.Mode())
	}
	for _, to := range []string{"from", "from/a/../below", "from/link/below", "from/not/yet"} {
		err := Copy(t.Context(), at("from"), at(to), true)
		if _, refused := errors.AsType[*Refusal](err); !refused {
			t.Errorf("copying a folder into itself, to %s: %v", to, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := Copy(ended, at("from"), at("late"), true); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that was ended: %v", err)
	}
}

// Opening the copy for writing would empty the original.
func TestCopyOntoItselfKeepsTheFile(t *testing.T) {
	root := tree(t, "f: precious", "link -> f")
	f := filepath.Join(root, "f")
	if err := os.Link(f, filepath.Join(root, "hard")); err != nil {
		t.Skip("no hard links here:", err)
	}
	for _, to := range []string{"f", "link", "hard"} {
		if err := Copy(t.Context(), f, filepath.Join(root, to), false); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
		if b, _ := os.ReadFile(f); string(b) != "precious" {
			t.Fatalf("after a copy to %s the file holds %q", to, b)
		}
	}
}
