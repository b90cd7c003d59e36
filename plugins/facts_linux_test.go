package plugins_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// hosts reads what the hosts below dir say of themselves.
func hosts(t *testing.T, dir string) []plugins.HostFacts {
	t.Helper()
	all, err := plugins.Hosts(dir, "me")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFactsForOtherProcesses(t *testing.T) {
	dir := shortTempDir(t)
	h := newHost(t, plugins.Options{RunDir: dir, Owner: "me"}, builtin("good"), builtin("mute"))
	other := newHost(t, plugins.Options{RunDir: dir, Owner: "somebody else"}, builtin("good"))
	if got := hosts(t, dir); len(got) != 0 {
		t.Errorf("before the first need: %+v", got)
	}
	mustRead(t, h, "good", "pid")
	mustRead(t, other, "good", "pid")
	var got plugins.PluginFacts
	eventually(t, "news of the start", 20*time.Second, func() bool {
		all := hosts(t, dir)
		if len(all) != 1 || len(all[0].Plugins) != 2 || all[0].PID != os.Getpid() {
			return false
		}
		got = all[0].Plugins[0]
		return got.Phase == plugins.PhaseReady && all[0].Plugins[1].Phase == plugins.PhaseIdle
	})
	if s := h.Status()[0]; got.Name != "good" || got.PID != s.PID || !got.Started.Equal(s.Started) || got.Generation != 1 || got.Contract != 1 {
		t.Errorf("got %+v, status %+v", got, s)
	}
	if m := plugins.Memory(got.PID); m < 1<<20 {
		t.Errorf("it has %d bytes of memory", m)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "h*", "state.json"))
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	if _, err := read(t, h, "good", "exit"); err == nil {
		t.Fatal("it survived")
	}
	eventually(t, "news of the death", 20*time.Second, func() bool {
		all := hosts(t, dir)
		return len(all) == 1 && all[0].Plugins[0].LastError != "" && all[0].Plugins[0].PID == 0
	})
	h.Close(t.Context())
	if got := hosts(t, dir); len(got) != 0 {
		t.Errorf("after the end: %+v", got)
	}
}

// TestFactsOfDeadHosts: they are no news, and are cleared away; those of a host
// that is about to begin are left alone.
func TestFactsOfDeadHosts(t *testing.T) {
	dir := shortTempDir(t)
	os.Mkdir(filepath.Join(dir, "hdead"), 0o700)
	os.WriteFile(filepath.Join(dir, "hdead", "state.json"), []byte(`{"pid":1,"owner":"me"}`), 0o600)
	os.WriteFile(filepath.Join(dir, "hdead", "host.lock"), nil, 0o600)
	os.Mkdir(filepath.Join(dir, "hyoung"), 0o700)
	if got := hosts(t, dir); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 1 || filepath.Base(left[0]) != "hyoung" {
		t.Errorf("left are %q", left)
	}
	os.Remove(left[0])
	if got, err := plugins.Hosts(filepath.Join(dir, "none"), "me"); err != nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}
