package python_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/check/checktest"
	"github.com/codexhost/codexhost/plugins/examples/python"
)

// interpreter is a Python that has what plugins need.
func interpreter(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3", "python"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if exec.CommandContext(ctx, path, "-c", "import grpc, google.protobuf").Run() == nil {
			return path
		}
	}
	t.Skip("there is no Python with grpcio and protobuf (Debian: python3-grpcio, python3-protobuf)")
	return ""
}

func TestConform(t *testing.T) {
	exe := interpreter(t)
	for _, kind := range []string{"skill", "mcp"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			script, err := filepath.Abs(kind + "_plugin.py")
			if err != nil {
				t.Fatal(err)
			}
			checktest.Run(t, check.Target{Path: exe, Args: []string{"-B", script}, Kind: kind})
		})
	}
}

func TestFiles(t *testing.T) {
	for kind, n := range map[string]int{"skill": 4, "mcp": 5} {
		files, err := python.Files(kind, `my"plugin`)
		if err != nil || len(files) != n {
			t.Errorf("%s: %d files, %v", kind, len(files), err)
		}
		if want := "NAME = \"my\\\"plugin\"\n"; !bytes.Contains(files["plugin"], []byte(want)) {
			t.Errorf("%s: the plugin does not say %s", kind, want)
		}
	}
	if _, err := python.Files("theme", "x"); err == nil {
		t.Error("there is a plugin of a kind that there is not")
	}
}
