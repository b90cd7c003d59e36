package plugins_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/skill"
)

// TestHostKilled: two seconds after a host was killed no process of its is
// left: not a polite plugin, not one that is deaf to every polite way, not the
// child of one that owns processes. The next host sweeps what lies around.
func TestHostKilled(t *testing.T) {
	dir := shortTempDir(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.CommandContext(t.Context(), exe, plugins.RoleArg, "host", dir)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	lines := bufio.NewScanner(out)
	for len(pids) < 3 && lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) < 3 {
		t.Fatal("the host did not come up")
	}
	b, err := os.ReadFile(filepath.Join(dir, "grandchild"))
	if err != nil {
		t.Fatal(err)
	}
	grandchild, _ := strconv.Atoi(string(b))
	for _, pid := range append(pids, grandchild) {
		if !alive(pid) {
			t.Fatalf("process %d is not there", pid)
		}
	}
	host.Process.Kill()
	host.Wait()
	for _, pid := range pids {
		eventually(t, "end of plugin "+strconv.Itoa(pid), 2*time.Second, func() bool { return !alive(pid) })
	}
	eventually(t, "end of the grandchild", 2*time.Second, func() bool { return !alive(grandchild) })

	left, _ := filepath.Glob(filepath.Join(dir, "h*"))
	if len(left) != 1 {
		t.Fatalf("the killed host left %q", left)
	}
	old := time.Now().Add(-time.Hour)
	os.Chtimes(left[0], old, old)
	alive := filepath.Join(dir, "hliving")
	os.Mkdir(alive, 0o700)
	h := newHost(t, plugins.Options{RunDir: dir}, builtin("good"))
	mustRead(t, h, "good", "pid")
	if now, _ := filepath.Glob(filepath.Join(dir, "h*")); len(now) != 2 || strings.Contains(strings.Join(now, " "), left[0]) {
		t.Errorf("after the sweep there are %q", now)
	}
	os.Remove(alive)
}

func TestChecksum(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plugin := filepath.Join(dir, "plugin")
	copyFile(t, exe, plugin)
	spec := plugins.Spec{Name: "pinned", Kind: skill.Kind, Path: plugin, Args: []string{plugins.RoleArg, "good"}, SHA256: sum(t, plugin)}
	h := newHost(t, plugins.Options{}, spec)
	for range 2 { // also after a restart
		pid := pidOf(t, h, "pinned")
		if target, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); target != plugin {
			t.Errorf("what runs is %s", target)
		}
		syscall.Kill(pid, syscall.SIGKILL)
		eventually(t, "death", time.Second, func() bool { return !alive(pid) })
	}
	os.Remove(plugin)
	copyFile(t, exe, plugin)
	f, err := os.OpenFile(plugin, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("one byte more")
	f.Close()
	_, err = read(t, h, "pinned", "pid")
	if plugins.Gone(err) { // the call met the death of before
		_, err = read(t, h, "pinned", "pid")
	}
	e := wantError(t, err, plugins.ReasonRefused)
	if !strings.Contains(e.Detail, "is pinned") {
		t.Errorf("the error says %q", e.Detail)
	}
	// A script is run by its path, being opened by another program.
	script := filepath.Join(dir, "script")
	os.WriteFile(script, []byte("#!/bin/sh\nexec "+exe+" "+plugins.RoleArg+" good\n"), 0o700)
	h2 := newHost(t, plugins.Options{}, plugins.Spec{Name: "script", Kind: skill.Kind, Path: script, SHA256: sum(t, script)})
	mustRead(t, h2, "script", "pid")
}
