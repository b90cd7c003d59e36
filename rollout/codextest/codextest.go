// Package codextest finds the reference program, codex, for tests that hold this
// host against it. It owns nothing, knows nothing of the host, and starts nothing.
package codextest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary is the absolute path of codex: $CODEX_BIN, what `make deps` has put into
// out/peer, or the one in PATH. Without one the test is skipped.
func Binary(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("CODEX_BIN"); bin != "" {
		return bin
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "out/peer/node_modules/@openai/codex-*/vendor/*/bin/codex")); len(found) > 0 {
		return found[0]
	}
	if bin, err := exec.LookPath("codex"); err == nil {
		return bin
	}
	t.Skip("no codex found (CODEX_BIN, out/peer as make deps fills it, PATH): nothing is held against it")
	return ""
}
