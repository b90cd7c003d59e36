//go:build unix

package workspace

import (
	"errors"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// Whoever opens a pipe waits for its other end, and nobody may be there.
func TestPipesAreNotWaitedFor(t *testing.T) {
	root := tree(t, "folder/f")
	pipe := filepath.Join(root, "folder", "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	_, reading := AppendFile(nil, pipe)
	for what, err := range map[string]error{
		"reading": reading, "writing": WriteFile(pipe, nil), "copying": Copy(t.Context(), pipe, filepath.Join(root, "x"), false),
		"copying onto": Copy(t.Context(), filepath.Join(root, "folder", "f"), pipe, false),
	} {
		if _, refused := errors.AsType[*Refusal](err); !refused {
			t.Errorf("%s a pipe: %v, want a refusal", what, err)
		}
	}
	if _, err := ReadDirectory(pipe); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("listing a pipe: %v", err)
	}
	if err := Copy(t.Context(), filepath.Join(root, "folder"), filepath.Join(root, "copy"), true); err != nil {
		t.Error(err)
	}
	if got := shape(t, filepath.Join(root, "copy")); !slices.Equal(got, []string{"f"}) {
		t.Errorf("copied %q; pipes are left out", got)
	}
	c, _ := newClient(t)
	if found, err := c.Search(t.Context(), "f", []string{pipe}, ""); len(found) > 0 || err != nil {
		t.Errorf("searching in a pipe: %v %v", found, err)
	}
}
