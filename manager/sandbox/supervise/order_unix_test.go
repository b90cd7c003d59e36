//go:build linux || darwin

package supervise

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFrames(t *testing.T) {
	want := Order{
		Argv: []string{"a", "", "ü\xff"[:2]}, Dir: "/d", Env: []string{"A=b"}, TTY: &Size{Cols: 1, Rows: 2}, Linger: true,
		Confine: &Confinement{
			Namespaces: true, Roots: []Root{{Path: "/w", ReadOnly: []string{"/w/.git"}, Missing: []string{"/w/.codex"}}},
			Hidden: []Hide{{Path: "/h", Dir: true}}, Pins: []string{"/p"}, Root: true, Holds: 1,
		},
	}
	frame, err := EncodeFrame(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Order
	if err := ReadFrame(bytes.NewReader(frame), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v", err, got)
	}
	for cut := range frame {
		if ReadFrame(bytes.NewReader(frame[:cut]), &got) == nil {
			t.Errorf("a frame cut at %d was read", cut)
		}
	}
	if _, err := EncodeFrame(Order{Argv: []string{string(make([]byte, maxFrame))}}); err == nil {
		t.Error("an order over the limit was sent")
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o Order
		_ = ReadFrame(bytes.NewReader(b), &o)
	})
}

func TestFindProgram(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o755, "b/tool": 0o755, "a/text": 0o644, "tool": 0o755, "b/late": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := "PATH=" + dir + "/none:" + dir + "/a:" + dir + "/b"
	for _, c := range []struct {
		name string
		env  []string
		want string
		err  error
	}{
		{"tool", []string{path}, "a/tool", nil},
		{"late", []string{path}, "b/late", nil},
		{"./tool", []string{path}, "tool", nil},
		{"b/tool", nil, "b/tool", nil},
		{dir + "/x", nil, "x", nil}, // a path is not looked up: executing it tells
		{"tool", []string{path, "PATH=b"}, "b/tool", nil},
		{"tool", []string{"PATH="}, "", unix.ENOENT},
		{"a", []string{"PATH=" + dir}, "", unix.ENOENT}, // a folder
		{"nothing", []string{path}, "", unix.ENOENT},
	} {
		got, err := FindProgram(c.name, dir, c.env)
		want := c.want
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got != want || !errors.Is(err, c.err) {
			t.Errorf("%s with %v: %q %v, want %q %v", c.name, c.env, got, err, want, c.err)
		}
	}
	if os.Geteuid() != 0 {
		if _, err := FindProgram("text", dir, []string{path}); !errors.Is(err, unix.EACCES) {
			t.Errorf("not executable: %v", err)
		}
	}
}

func TestRole(t *testing.T) {
	t.Setenv(EnvMark, "")
	if _, ok := Role([]string{RoleName}); ok {
		t.Error("a supervisor without its mark: anybody could call the program like that")
	}
	t.Setenv(EnvMark, "1")
	for _, args := range [][]string{nil, {"x"}, {RoleName, "x"}} {
		if _, ok := Role(args); ok {
			t.Errorf("%v is a supervisor", args)
		}
	}
	if run, ok := Role([]string{RoleName}); !ok || run == nil {
		t.Error("not a supervisor")
	}
}
