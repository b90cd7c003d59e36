package patch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// tree makes a folder with files; a name that ends in "/" is a folder, a content "-> x" makes a link.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		switch target, link := strings.CutPrefix(content, "-> "); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		case link:
			err = os.Symlink(target, at)
		default:
			err = os.WriteFile(at, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// snapshot is everything below a folder: contents, links, folders, modes.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, at)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			out[rel+"/"] = ""
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(at)
			out[rel] = "-> " + target
			return err
		default:
			content, err := os.ReadFile(at)
			out[rel] = info.Mode().Perm().String() + " " + string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			return false
		}
	}
	return true
}

// run parses, plans and applies, as a turn would.
func run(text, dir string) (*Plan, error) {
	p, err := Parse(text)
	if err != nil {
		return nil, err
	}
	plan, err := p.Plan(dir)
	if err != nil {
		return nil, err
	}
	return plan, plan.Apply()
}

func wrap(body string) string { return "*** Begin Patch\n" + body + "*** End Patch\n" }

func TestSyntaxErrors(t *testing.T) {
	const headers = "is not a valid hunk header. Valid hunk headers: '*** Add File: {path}', '*** Delete File: {path}', '*** Update File: {path}'"
	const lines = "Every line should start with ' ' (context line), '+' (added line), or '-' (removed line)"
	for _, c := range []struct{ text, want string }{
		{"not a patch", "invalid patch: The first line of the patch must be '*** Begin Patch'"},
		{"", "invalid patch: The last line of the patch must be '*** End Patch'"},
		{"*** Begin Patch\n", "invalid patch: The last line of the patch must be '*** End Patch'"},
		{wrap("") + "trailing\n", "invalid patch: The last line of the patch must be '*** End Patch'"},
		{wrap("junk\n"), "invalid hunk at line 2, 'junk' " + headers},
		{wrap("*** Update File: a.txt\n"), "invalid hunk at line 2, Update file hunk for path 'a.txt' is empty"},
		{wrap("*** Update File: a\n*** Move to: b\n"), "invalid hunk at line 2, Update file hunk for path 'a' is empty"},
		{wrap("*** Update File: a.txt\n@@\n"), "invalid hunk at line 4, Update hunk does not contain any lines"},
		{wrap("*** Update File: a.txt\n@@\n*** End of File\n"), "invalid hunk at line 4, Update hunk does not contain any lines"},
		{wrap("*** Add File: z.txt\nno plus\n"), "invalid hunk at line 3, 'no plus' " + headers},
		{wrap("*** Add File: z.txt\n+a\n\n+b\n"), "invalid hunk at line 4, '' " + headers},
		{wrap("*** Add File: \n+y\n"), "invalid hunk at line 2, '*** Add File:' " + headers},
		{wrap("*** Delete File: c\n\n*** Add File: d\n+2\n"), "invalid hunk at line 3, '' " + headers},
		{wrap("*** Update File: a.txt\nxjunk\n"), "invalid hunk at line 3, Unexpected line found in update hunk: 'xjunk'. " + lines},
		{wrap("*** Update File: a.txt\n@@x\n-A\n"), "invalid hunk at line 3, Unexpected line found in update hunk: '@@x'. " + lines},
		{wrap("*** Update File: a.txt\n@@\n-one\n+1\nxjunk\n"), "invalid hunk at line 6, Expected update hunk to start with a @@ context marker, got: 'xjunk'"},
		{wrap("*** Update File: a.txt\n@@\n-one\n+1\n*** Frob: x\n"), "invalid hunk at line 6, Expected update hunk to start with a @@ context marker, got: '*** Frob: x'"},
		{"<<'X'\n" + wrap("*** Add File: q\n+y\n") + "X", "invalid patch: The first line of the patch must be '*** Begin Patch'"},
	} {
		_, err := Parse(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%q: error is no *SyntaxError", c.text)
		}
	}
}

func TestApply(t *testing.T) {
	const u = "*** Update File: f\n"
	for _, c := range []struct {
		name, patch   string
		before, after string
		wantErr       string // with $D for the folder
	}{
		{name: "replace", patch: u + "@@\n one\n-two\n+2\n", before: "one\ntwo\nthree\n", after: "one\n2\nthree\n"},
		{name: "no marker", patch: u + " one\n+1b\n", before: "one\n", after: "one\n1b\n"},
		{name: "two hunks", patch: u + "@@\n-a\n+A\n@@\n-c\n+C\n", before: "a\nb\nc\n", after: "A\nb\nC\n"},
		{name: "hunks out of order", patch: u + "@@\n-c\n+C\n@@\n-a\n+A\n", before: "a\nb\nc\n", wantErr: "Failed to find expected lines in $D/f:\na"},
		{name: "second occurrence by context", patch: u + "@@ b\n-x\n+X\n", before: "a\nx\nb\nx\n", after: "a\nx\nb\nX\n"},
		{name: "nested context", patch: u + "@@ class B\n@@ def m\n-x\n+X\n", before: "class A\ndef m\nx\nclass B\ndef m\nx\n", after: "class A\ndef m\nx\nclass B\ndef m\nX\n"},
		{name: "context not found", patch: u + "@@ nowhere\n-x\n", before: "x\n", wantErr: "Failed to find context 'nowhere' in $D/f"},
		{name: "lines not found", patch: u + "@@\n one\n-nope\n", before: "one\ntwo\n", wantErr: "Failed to find expected lines in $D/f:\none\nnope"},
		{name: "at the end", patch: u + "@@\n-x\n+END\n*** End of File\n", before: "x\ny\nx\n", after: "x\ny\nEND\n"},
		{name: "only at the end", patch: u + "@@\n q\n+s\n*** End of File\n", before: "q\nr\n", wantErr: "Failed to find expected lines in $D/f:\nq"},
		{name: "additions go to the end", patch: u + "@@\n+new\n", before: "a\n", after: "a\nnew\n"},
		{name: "into an empty file", patch: u + "@@\n+new\n", before: "", after: "new\n"},
		{name: "emptied", patch: u + "@@\n-only\n", before: "only\n", after: ""},
		{name: "final newline comes", patch: u + "@@\n one\n-two\n+2\n", before: "one\ntwo", after: "one\n2\n"},
		{name: "final newline comes to kept lines", patch: u + "@@\n+r\n", before: "p\nq", after: "p\nq\nr\n"},
		{name: "CRLF", patch: u + "@@\n one\n-two\n+2\n+2b\n", before: "one\r\ntwo\r\nthree\r\n", after: "one\r\n2\r\n2b\r\nthree\r\n"},
		{name: "mostly CRLF", patch: u + "@@\n-b\n+B\n", before: "a\r\nb\nc\r\n", after: "a\r\nB\r\nc\r\n"},
		{name: "mostly LF", patch: u + "@@\n-c\n+C\n", before: "a\nb\nc\r\nd\n", after: "a\nb\nC\nd\n"},
		{name: "half and half", patch: u + "@@\n a\n+x\n", before: "a\r\nb\n", after: "a\r\nx\r\nb\n"},
		{name: "CRLF patch, LF file", patch: u + "@@\r\n-a\r\n+A\r\n", before: "a\nb\n", after: "A\nb\n"},
		{name: "blanks at the end ignored, kept in context", patch: u + "@@\n a\n-b\n+B\n", before: "a  \nb\t\n", after: "a  \nB\n"},
		{name: "indentation ignored", patch: u + "@@\n-indented\n+Indented\n", before: "  indented  \n", after: "Indented\n"},
		{name: "unicode as ASCII, kept in context", patch: u + "@@\n caf\u00e9 - dash\n-\"q\"\n+q\n", before: "caf\u00e9 \u2014 dash\n\u201cq\u201d\n", after: "caf\u00e9 \u2014 dash\nq\n"},
		{name: "exact before lenient", patch: u + "@@\n-x\n+X\n", before: " x\nx\n", after: " x\nX\n"},
		{name: "empty line is context", patch: u + "@@\n a\n\n-b\n+B\n", before: "a\n\nb\n", after: "a\n\nB\n"},
		{name: "blank line between hunks", patch: u + "\n@@\n-a\n+A\n\n@@\n-c\n+C\n", before: "a\nb\nc\n", after: "A\nb\nC\n"},
		{name: "context that looks like a header", patch: u + "@@\n *** Add File: x\n-a\n+A\n", before: "*** Add File: x\na\n", after: "*** Add File: x\nA\n"},
		{name: "context that looks like an end", patch: u + "@@\n *** End of File\n-a\n+A\n", before: "*** End of File\na\n", after: "*** End of File\nA\n"},
		{name: "not text", patch: u + "@@\n-a\n", before: "a\xff\n", wantErr: "Failed to read file to update $D/f: invalid utf-8 sequence of 1 bytes from index 1"},
		{name: "markers with blanks", patch: "  " + u + "@@  \n-a\n+A\n", before: "a\n", after: "A\n"},
		{name: "nothing changes", patch: u + "@@\n a\n", before: "a\n", after: "a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t, map[string]string{"f": c.before})
			before := snapshot(t, dir)
			_, err := run(wrap(c.patch), dir)
			if c.wantErr != "" {
				if want := strings.ReplaceAll(c.wantErr, "$D", dir); err == nil || err.Error() != want {
					t.Errorf("got %v\nwant %s", err, want)
				}
				if !same(before, snapshot(t, dir)) {
					t.Error("the tree changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(filepath.Join(dir, "f")); string(got) != c.after {
				t.Errorf("got %q, want %q", got, c.after)
			}
		})
	}
}

func TestWholePatches(t *testing.T) {
	for _, c := range []struct {
		name, patch   string
		before, after map[string]string
		summary       string
		wantErr       string
		readable      bool // the error is one of verification, so its text is exact
	}{
		{name: "several kinds", patch: "*** Delete File: del\n*** Add File: z\n+z\n*** Update File: b/a\n@@\n-ba\n+BA\n*** Add File: n/e/w\n+c\n",
			before:  map[string]string{"del": "d\n", "b/a": "ba\n"},
			after:   map[string]string{"z": "z\n", "b/a": "BA\n", "n/e/w": "c\n"},
			summary: "A z\nA n/e/w\nM b/a\nD del\n"},
		{name: "move", patch: "*** Update File: m\n*** Move to: sub/m2\n@@\n-1\n+2\n",
			before: map[string]string{"m": "1\n"}, after: map[string]string{"sub/m2": "2\n"}, summary: "M sub/m2\n"},
		{name: "move over", patch: "*** Update File: m\n*** Move to: n\n@@\n-1\n+2\n",
			before: map[string]string{"m": "1\n", "n": "old\n"}, after: map[string]string{"n": "2\n"}, summary: "M n\n"},
		{name: "move to itself", patch: "*** Update File: m\n*** Move to: ./m\n@@\n-1\n+2\n",
			before: map[string]string{"m": "1\n"}, after: map[string]string{"m": "2\n"}, summary: "M m\n"},
		{name: "move to itself by a linked folder", patch: "*** Update File: d/m\n*** Move to: l/m\n@@\n-1\n+2\n",
			before: map[string]string{"d/m": "1\n", "l": "-> d"}, after: map[string]string{"d/m": "2\n", "l": "-> d"}, summary: "M l/m\n"},
		{name: "add over", patch: "*** Add File: a\n+new\n",
			before: map[string]string{"a": "old\n"}, after: map[string]string{"a": "new\n"}, summary: "A a\n"},
		{name: "add nothing", patch: "*** Add File: a\n", before: nil, after: map[string]string{"a": ""}, summary: "A a\n"},
		{name: "through a link", patch: "*** Update File: l\n@@\n-1\n+2\n",
			before: map[string]string{"f": "1\n", "l": "-> f"}, after: map[string]string{"f": "2\n", "l": "-> f"}, summary: "M l\n"},
		{name: "add through a dangling link", patch: "*** Add File: l\n+1\n",
			before: map[string]string{"l": "-> f"}, after: map[string]string{"f": "1\n", "l": "-> f"}, summary: "A l\n"},
		{name: "delete a link", patch: "*** Delete File: l\n",
			before: map[string]string{"f": "1\n", "l": "-> f"}, after: map[string]string{"f": "1\n"}, summary: "D l\n"},
		{name: "delete what is no text", patch: "*** Delete File: bin\n",
			before: map[string]string{"bin": "\xff\x00"}, after: nil, summary: "D bin\n"},
		{name: "twice", patch: "*** Update File: a\n@@\n-1\n+2\n*** Update File: ./a\n@@\n-2\n+3\n",
			before: map[string]string{"a": "1\n2\n"}, wantErr: "invalid patch: multiple operations target $D/a", readable: true},
		{name: "twice by a link", patch: "*** Update File: a\n@@\n-1\n+2\n*** Update File: l\n@@\n-1\n+3\n",
			before: map[string]string{"a": "1\n", "l": "-> a"}, wantErr: "invalid patch: multiple operations target $D/l", readable: true},
		{name: "moved onto another operation", patch: "*** Update File: c\n*** Move to: d\n@@\n-1\n+2\n*** Update File: d\n@@\n-1\n+3\n",
			before: map[string]string{"c": "1\n", "d": "1\n"}, wantErr: "invalid patch: multiple operations target $D/d", readable: true},
		{name: "second operation does not apply", patch: "*** Add File: new\n+1\n*** Update File: a\n@@\n-x\n+y\n",
			before: map[string]string{"a": "1\n"}, wantErr: "Failed to find expected lines in $D/a:\nx", readable: true},
		{name: "update what is missing", patch: "*** Update File: no\n@@\n-x\n", wantErr: "Failed to read file to update $D/no: No such file or directory (os error 2)", readable: true},
		{name: "delete what is missing", patch: "*** Delete File: no\n", wantErr: "Failed to read $D/no: No such file or directory (os error 2)", readable: true},
		{name: "delete a folder", patch: "*** Delete File: d\n", before: map[string]string{"d/": ""}, wantErr: "Failed to read $D/d: path `$D/d` is not a file", readable: true},
		{name: "update a folder", patch: "*** Update File: d\n@@\n-x\n", before: map[string]string{"d/": ""}, wantErr: "Failed to read file to update $D/d: path `$D/d` is not a file", readable: true},
		{name: "add over a folder", patch: "*** Add File: n/new\n+1\n*** Add File: d\n+x\n", before: map[string]string{"d/": ""}, wantErr: "Failed to write file $D/d: it is a folder"},
		{name: "add below a file", patch: "*** Update File: b\n@@\n-1\n+2\n*** Add File: a/b\n+x\n", before: map[string]string{"a": "1\n", "b": "1\n"}, wantErr: "Failed to write file $D/a/b: "},
		{name: "link loop", patch: "*** Add File: l\n+x\n", before: map[string]string{"l": "-> m", "m": "-> l"}, wantErr: "Failed to write file $D/l: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tree(t, c.before)
			before := snapshot(t, dir)
			plan, err := run(wrap(c.patch), dir)
			if c.wantErr != "" {
				want := strings.ReplaceAll(c.wantErr, "$D", dir)
				if err == nil || !strings.HasPrefix(err.Error(), want) || c.readable && err.Error() != want {
					t.Errorf("got %v\nwant %s", err, want)
				}
				if !same(before, snapshot(t, dir)) {
					t.Errorf("the tree changed: %v", snapshot(t, dir))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := plan.Summary(), "Success. Updated the following files:\n"+c.summary; got != want {
				t.Errorf("summary %q, want %q", got, want)
			}
			if got, want := snapshot(t, dir), snapshot(t, tree(t, c.after)); !sameFiles(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

// sameFiles is same without the folders.
func sameFiles(a, b map[string]string) bool {
	files := func(m map[string]string) map[string]string {
		out := map[string]string{}
		for k, v := range m {
			if !strings.HasSuffix(k, "/") {
				out[k] = v
			}
		}
		return out
	}
	return same(files(a), files(b))
}

func TestModesAreKept(t *testing.T) {
	dir := tree(t, map[string]string{"x.sh": "echo hi\n", "m.sh": "1\n", "ro": "1\n"})
	for name, mode := range map[string]fs.FileMode{"x.sh": 0o750, "m.sh": 0o700, "ro": 0o440} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(wrap("*** Update File: x.sh\n@@\n-echo hi\n+echo ho\n*** Update File: m.sh\n*** Move to: n.sh\n@@\n-1\n+2\n*** Add File: ro\n+2\n"), dir); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"x.sh": 0o750, "n.sh": 0o700, "ro": 0o440} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want %v", name, info.Mode(), err, mode)
		}
	}
}

func TestChangedMeanwhile(t *testing.T) {
	const text = "*** Add File: n/new\n+1\n*** Update File: a\n@@\n-1\n+2\n*** Delete File: d\n"
	for name, change := range map[string]func(dir string) error{
		"content":      func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("x\n"), 0o644) },
		"gone":         func(dir string) error { return os.Remove(filepath.Join(dir, "a")) },
		"deleted gone": func(dir string) error { return os.Remove(filepath.Join(dir, "d")) },
		"deleted file": func(dir string) error { return os.WriteFile(filepath.Join(dir, "d"), []byte("y\n"), 0o644) },
		"came":         func(dir string) error { return os.MkdirAll(filepath.Join(dir, "n", "new"), 0o755) },
		"link":         func(dir string) error { return relink(filepath.Join(dir, "a"), "b") },
		"folder link":  func(dir string) error { return os.Symlink("o", filepath.Join(dir, "n")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, map[string]string{"a": "1\n", "b": "1\n", "d": "1\n", "o/": ""})
			p, err := Parse(wrap(text))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := p.Plan(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, dir)
			if _, ok := errors.AsType[*WriteError](plan.Apply()); !ok {
				t.Error("applied to files that are not what was checked")
			}
			if !same(before, snapshot(t, dir)) {
				t.Errorf("the tree changed: %v", snapshot(t, dir))
			}
		})
	}
}

func relink(at, to string) error {
	if err := os.Remove(at); err != nil {
		return err
	}
	return os.Symlink(to, at)
}

func TestTargets(t *testing.T) {
	out := tree(t, map[string]string{"o/x": "1\n"})
	dir := tree(t, map[string]string{"a": "1\n", "l": "-> " + out + "/o", "f": "-> " + out + "/o/x", "dang": "-> " + out + "/none/y"})
	for _, c := range []struct {
		patch string
		want  []string
	}{
		{"*** Add File: l/new\n+1\n", []string{out + "/o/new"}},
		{"*** Add File: ../up\n+1\n", []string{filepath.Dir(dir) + "/up"}},
		{"*** Add File: /abs/x\n+1\n", []string{"/abs/x"}},
		{"*** Add File: l/../up\n+1\n", []string{dir + "/up"}},
		{"*** Update File: f\n@@\n-1\n+2\n", []string{out + "/o/x"}},
		{"*** Delete File: f\n", []string{dir + "/f"}},
		{"*** Delete File: l/x\n", []string{out + "/o/x"}},
		{"*** Add File: dang\n+1\n", []string{out + "/none/y"}},
		{"*** Update File: f\n*** Move to: a2\n@@\n-1\n+2\n", []string{dir + "/a2", dir + "/f"}},
		{"*** Update File: a\n*** Move to: l/a\n@@\n-1\n+2\n", []string{out + "/o/a", dir + "/a"}},
	} {
		p, err := Parse(wrap(c.patch))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := p.Plan(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := plan.Targets()
		if len(got) != len(c.want) {
			t.Errorf("%q: got %v, want %v", c.patch, got, c.want)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(strings.Join(got, "\n")+"\n", w+"\n") {
				t.Errorf("%q: got %v, want %v", c.patch, got, c.want)
			}
		}
	}
}

func TestChanges(t *testing.T) {
	dir := tree(t, map[string]string{"long": "l1\nl2\nl3\nl4\nl5\nl6\nl7\n", "d": "d1\nd2\n", "m": "m1\nm2\nm3\nm4\n", "n": "one\ntwo"})
	p, err := Parse(wrap("*** Update File: n\n@@\n one\n-two\n+2\n*** Add File: z\n+z\n*** Delete File: d\n*** Update File: m\n*** Move to: s/m\n@@\n m1\n-m2\n+M2\n*** Update File: long\n@@\n-l2\n+L2\n@@\n-l6\n+L6\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Plan(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := protocol.Append(nil, &protocol.ThreadItemFileChange{ID: "x", Changes: plan.Changes(), Status: protocol.PatchApplyStatusInProgress})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(got), dir, "$D")
	for _, want := range []string{
		`{"diff":"d1\nd2\n","kind":{"type":"delete"},"path":"$D/d"}`,
		`{"diff":"@@ -1,3 +1,3 @@\n l1\n-l2\n+L2\n l3\n@@ -5,3 +5,3 @@\n l5\n-l6\n+L6\n l7\n","kind":{"type":"update","move_path":null},"path":"$D/long"}`,
		`{"diff":"@@ -1,3 +1,3 @@\n m1\n-m2\n+M2\n m3\n\n\nMoved to: $D/s/m","kind":{"type":"update","move_path":"$D/s/m"},"path":"$D/m"}`,
		`{"diff":"@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+2\n","kind":{"type":"update","move_path":null},"path":"$D/n"}`,
		`{"diff":"z\n","kind":{"type":"add"},"path":"$D/z"}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s\nin %s", want, text)
		}
	}
	if strings.Index(text, "$D/d") > strings.Index(text, "$D/z") {
		t.Error("changes are not sorted by path")
	}
}
