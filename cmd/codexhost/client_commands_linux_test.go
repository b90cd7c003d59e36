package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// However the host ends, nothing is left of the commands that its client runs.
func TestClientCommandsEndWithTheHost(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	exe := buildInto(t, t.TempDir(), "cmd/codexhost")
	for _, c := range []struct {
		name string
		end  func(h *demoHost) error
		code int
	}{
		{"end of input", func(h *demoHost) error { return h.in.Close() }, 0},
		{"SIGTERM", func(h *demoHost) error { return h.cmd.Process.Signal(syscall.SIGTERM) }, 0},
		{"SIGKILL", func(h *demoHost) error { return h.cmd.Process.Kill() }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			home := t.TempDir()
			h, err := startDemoHost(exe, home, append(os.Environ(), "CODEX_HOME="+home, "HOME="+home, "OPENAI_API_KEY="))
			if err != nil {
				t.Fatal(err)
			}
			defer h.kill()
			// A number that nobody else sleeps for marks what must not be left.
			mark := fmt.Sprintf("31337.%d", os.Getpid())
			script := fmt.Sprintf(`["sh","-c","setsid sleep %s & echo up; sleep %s"]`, mark, mark)
			for _, request := range []string{
				`{"id":1,"method":"initialize","params":{"clientInfo":{"name":"test","version":"1"},"capabilities":{"experimentalApi":true}}}`,
				`{"id":2,"method":"command/exec","params":{"command":["sleep","` + mark + `"],"disableTimeout":true,"sandboxPolicy":{"type":"dangerFullAccess"}}}`,
				`{"id":3,"method":"command/exec","params":{"command":` + script + `,"processId":"a","tty":true,"disableTimeout":true,"sandboxPolicy":{"type":"dangerFullAccess"}}}`,
				`{"id":4,"method":"command/exec","params":{"command":` + script + `,"processId":"b","streamStdoutStderr":true,"disableTimeout":true,"sandboxPolicy":{"type":"workspaceWrite"}}}`,
				`{"id":5,"method":"process/spawn","params":{"command":` + script + `,"processHandle":"c","streamStdoutStderr":true,"timeoutMs":null,"cwd":"` + home + `"}}`,
			} {
				if err := h.send(request); err != nil {
					t.Fatal(err)
				}
			}
			for up := 0; up < 3; {
				m, err := h.receive(ctx)
				if err != nil {
					t.Fatalf("%v\n%s", err, &h.stderr)
				}
				if m.Error != nil {
					t.Fatalf("%s: %s", m.ID, m.Error.Message)
				}
				if strings.HasSuffix(m.Method, "/outputDelta") {
					up++
				}
			}
			if left := alive(t, exe, mark); len(left) < 6 {
				t.Fatalf("only these run: %v", left)
			}
			h.ignore()
			if err := c.end(h); err != nil {
				t.Fatal(err)
			}
			select {
			case <-h.exited:
			case <-ctx.Done():
				t.Fatal("the host does not end")
			}
			if code := h.cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("status %d, want %d\n%s", code, c.code, &h.stderr)
			}
			for left := alive(t, exe, mark); len(left) > 0; left = alive(t, exe, mark) {
				if c.code == 0 {
					t.Fatalf("the host has ended, and these are left: %v", left)
				}
				select { // a killed host cannot wait for the end of its commands
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
					t.Fatalf("these are left: %v", left)
				}
			}
		})
	}
}

// alive are the processes of a program, and those that have an argument.
func alive(t *testing.T, exe, argument string) (found [][]string) {
	t.Helper()
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.args[0] == exe || slices.Contains(p.args, argument) {
			found = append(found, p.args)
		}
	}
	return found
}
