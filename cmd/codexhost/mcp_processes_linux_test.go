package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

// Fifty threads with four servers are four processes of servers, and none is left
// when the host is killed: not behind a shell, as npx is, not what ignores signals
// and the end of its input, not what the servers started in sessions of their own.
func TestServersAreSharedAndEndWithTheHost(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	exe := buildInto(t, t.TempDir(), "cmd/codexhost")
	friend, err := exec.LookPath("friend")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	mark := fmt.Sprintf("name=m%d", os.Getpid()) // what no other process is told
	config := fmt.Sprintf("[mcp_servers.plain]\ncommand = %q\nargs = [%q]\n", friend, mark) +
		fmt.Sprintf("[mcp_servers.deaf]\ncommand = %q\nargs = [%q, \"deaf\"]\n", friend, mark)
	for _, name := range []string{"wrapped", "twice"} {
		line := fmt.Sprintf("'%s' %s deaf; true", friend, mark)
		if name == "twice" {
			line = fmt.Sprintf("sh -c \"'%s' %s; true\"; true", friend, mark)
		}
		config += fmt.Sprintf("[mcp_servers.%s]\ncommand = \"/bin/sh\"\nargs = [\"-c\", %q]\n", name, line)
	}
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startTalk(t, exe, home)
	var first string
	for n := range 50 {
		var started readThread
		c.call("thread/start", `{}`, &started)
		if c.call("codexhost/mcp/waitFor", fmt.Sprintf(`{"threadId":%q}`, started.Thread.ID), nil); n == 0 {
			first = started.Thread.ID
		}
	}
	servers := 0
	for _, args := range alive(t, exe, mark) {
		if filepath.Base(args[0]) == "friend" {
			servers++
		}
	}
	if servers != 4 {
		t.Errorf("%d processes of servers", servers)
	}
	var pids []int
	for _, server := range []string{"plain", "deaf", "wrapped", "twice"} {
		for _, arguments := range []string{`{}`, `{"session":true}`} {
			var result struct{ Content []struct{ Text string } }
			c.call("mcpServer/tool/call", fmt.Sprintf(`{"threadId":%q,"server":%q,"tool":"spawn","arguments":%s}`, first, server, arguments), &result)
			pid, err := strconv.Atoi(result.Content[0].Text)
			if err != nil || !mcptest.Alive(pid) {
				t.Fatalf("%s spawned %+v", server, result)
			}
			pids = append(pids, pid)
		}
	}
	c.host.ignore()
	if err := c.host.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for {
		var left []any
		for _, args := range alive(t, exe, mark) {
			left = append(left, args)
		}
		for _, pid := range pids {
			if mcptest.Alive(pid) {
				left = append(left, pid)
			}
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-c.ctx.Done(): // two seconds are enough by far; a loaded machine is another matter
			t.Fatalf("these are left: %v", left)
		}
	}
	t.Logf("all gone after %v", time.Since(begun).Round(time.Millisecond))
}
