package plugins_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// TestRecall: an answer is given back to a later host for as long as the plugin
// is the same and has not started yet.
func TestRecall(t *testing.T) {
	prog := newProgram(t)
	cache := filepath.Join(t.TempDir(), "cache")
	request := []byte("what is there?")
	spec := prog.spec()
	spec.Env = []string{"WANTED"}
	host := func(wanted string, spec plugins.Spec) *plugins.Host {
		return newHost(t, plugins.Options{CacheDir: cache, Environ: func() []string {
			return append(os.Environ(), "WANTED="+wanted, "TERM="+wanted+t.Name())
		}}, spec)
	}
	recall := func(h *plugins.Host, request []byte, want string) {
		t.Helper()
		got, ok := h.Recall("p", request)
		if string(got) != want || ok != (want != "") {
			t.Errorf("recalled %q, want %q", got, want)
		}
	}
	h := host("1", spec)
	recall(h, request, "")
	h.Remember("p", request, []byte("before it runs")) // nobody can have said that
	mustRead(t, h, "p", "pid")
	h.Remember("p", request, []byte("a lot"))
	recall(h, request, "") // it runs, and can be asked
	h.Close(t.Context())   // waits for what is being kept

	h = host("1", spec)
	recall(h, request, "a lot")
	recall(h, []byte("anything else?"), "")
	now := time.Now()
	os.Chtimes(prog.path, now, now) // another time, the same content
	recall(h, request, "a lot")
	recall(host("2", spec), request, "")
	other := spec
	other.Args = append(other.Args, "--more")
	recall(host("1", other), request, "")
	settings := spec
	settings.Settings = []byte(`{"x":1}`)
	recall(host("1", settings), request, "")

	prog.replace(prog.version(2))
	recall(h, request, "")
	os.Remove(prog.path)
	recall(h, request, "")
	prog.replace([]byte("#!/bin/sh\nexit 1\n"))
	if _, err := read(t, h, "p", "pid"); err == nil {
		t.Fatal("it ran")
	}
	prog.replace(prog.image)
	recall(h, request, "") // it has failed: only itself can say how it is
	recall(host("1", spec), request, "a lot")

	files, _ := filepath.Glob(filepath.Join(cache, "p", "*"))
	if len(files) != 1 {
		t.Fatalf("kept are %q", files)
	}
	if info, _ := os.Stat(files[0]); info.Mode().Perm() != 0o600 {
		t.Errorf("%s is %v", files[0], info.Mode())
	}
	os.WriteFile(files[0], []byte("{torn"), 0o600)
	recall(host("1", spec), request, "")
}

// TestRecallIsBounded: the oldest answers make room.
func TestRecallIsBounded(t *testing.T) {
	prog := newProgram(t)
	cache := t.TempDir()
	h := newHost(t, plugins.Options{CacheDir: cache}, prog.spec())
	mustRead(t, h, "p", "pid")
	for i := range 100 {
		h.Remember("p", []byte{byte(i)}, []byte("answer"))
	}
	h.Remember("p", []byte("big"), make([]byte, 5<<20))
	h.Close(t.Context())
	if files, _ := filepath.Glob(filepath.Join(cache, "p", "*")); len(files) != 64 {
		t.Errorf("%d are kept", len(files))
	}
}
