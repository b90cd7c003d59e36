package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// In a container that has no inotify instance left for it the host looks for changes instead, says so, and notices them.
func TestWithoutInotify(t *testing.T) {
	const none = "echo 0 > /proc/sys/user/max_inotify_instances"
	if err := exec.Command("unshare", "-Ur", "sh", "-c", none).Run(); err != nil {
		t.Skipf("no user namespace with a limit of its own can be had: %v", err)
	}
	host, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "host")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare -Ur sh -c '%s && exec \"$0\" \"$@\"' '%s' \"$@\"\n", none, host)
	if err := os.WriteFile(exe, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	c := startTalk(t, exe, home)
	warned := false
	listen := func() {
		for _, m := range c.told {
			warned = warned || m.Method == "configWarning" && strings.Contains(string(m.Params), "file changes cannot be watched")
		}
	}
	c.call("thread/start", `{}`, nil)
	listen()
	var r struct{ Watching string }
	for !warned || r.Watching != "polling" { // the watching begins beside the answers; talk bounds the wait
		c.call("codexhost/skills/list", `{}`, &r)
		listen()
	}
	skill := filepath.Join(home, "skills", "late", "SKILL.md")
	if err := os.MkdirAll(filepath.Dir(skill), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(skill, []byte("---\nname: late\ndescription: d\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for { // the folder and the file may be two changes
		c.until("skills/changed", func(m *demoMessage) bool { return m.Method == "skills/changed" })
		var l struct {
			Data []struct{ Skills []struct{ Name string } }
		}
		c.call("skills/list", `{}`, &l)
		for _, s := range l.Data[0].Skills {
			if s.Name == "late" {
				c.end()
				return
			}
		}
	}
}
