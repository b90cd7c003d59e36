// Package checktest runs the conformance suite of package check as a Go test,
// with one subtest for each rule. It owns nothing beyond that and must not know
// more of the suite than its report.
//
//	func TestConforms(t *testing.T) {
//		checktest.Run(t, check.Target{Path: checktest.Build(t, "."), Kind: "skill"})
//	}
package checktest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/check"
)

// limits are ten times the host's: a test runs on machines that have other work,
// too. "codexhost plugin check" is the one to tell whether a plugin is fast.
func limits() check.Limits {
	return check.Limits{Start: 100 * time.Second, Answer: 50 * time.Second, Late: 10 * time.Second, End: 15 * time.Second}
}

// Run checks a program against all rules. It blocks until that is done, which
// takes about a second for a good plugin.
func Run(t *testing.T, target check.Target) {
	t.Helper()
	r, err := check.Run(t.Context(), target, limits(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Results {
		t.Run(x.Rule, func(t *testing.T) {
			switch x.Verdict {
			case check.Skipped:
				t.Skip(x.Detail)
			case check.Failed:
				t.Errorf("want: %s\ngot: %s", x.Promise, x.Detail)
				if len(x.Stderr) > 0 {
					t.Logf("its stderr ends with:\n%s", strings.Join(x.Stderr, "\n"))
				}
			}
		})
	}
}

// Build builds the Go program in dir, with the go command in PATH, and returns
// the executable's path. It is deleted with the test.
func Build(t *testing.T, dir string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "plugin.exe") // the suffix does no harm where it means nothing
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", exe, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	return exe
}
