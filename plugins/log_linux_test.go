package plugins_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// TestLogOfAPlugin: what a plugin says is kept, on whatever stream and however it
// ends; one that is silent leaves nothing.
func TestLogOfAPlugin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	h := newHost(t, plugins.Options{LogDir: dir, Times: quick()}, builtin("good"), builtin("exits"), builtin("banner"))
	mustRead(t, h, "good", "pid")
	if _, err := os.Stat(dir); err == nil {
		t.Error("a silent plugin has a log")
	}
	has := func(name string, parts ...string) {
		t.Helper()
		eventually(t, "log of "+name, 20*time.Second, func() bool {
			b, _ := os.ReadFile(plugins.LogFile(dir, name))
			for _, part := range parts {
				if !strings.Contains(string(b), part) {
					return false
				}
			}
			return true
		})
	}
	mustRead(t, h, "good", "print")
	has("good", "noise on stdout")
	read(t, h, "good", "panic:now")
	has("good", "panic: nil map or worse: now", "goroutine ", "[host] plugin died: exit status 2")
	read(t, h, "exits", "")
	has("exits", "cannot find my files", "[host] plugin did not start")
	mustRead(t, h, "banner", "")
	has("banner", "welcome to my plugin")
}
