// Package checktest runs the conformance suite of package check as a Go test,
// with one subtest for each rule. It owns nothing beyond that and must not know
// more of the suite than its report.
//
// A plugin's own test has its test binary stand for the plugin:
//
//	func TestMain(m *testing.M) {
//		if os.Getenv("CODEXHOST_PLUGIN") != "" || os.Getenv("BY_HAND") != "" {
//			main()
//		}
//		os.Exit(m.Run())
//	}
//
//	func TestConforms(t *testing.T) {
//		exe, _ := os.Executable()
//		checktest.Run(t, check.Target{Path: exe, Kind: "skill", Env: []string{"BY_HAND=1"}})
//	}
package checktest

import (
	"strings"
	"testing"

	"github.com/codexhost/codexhost/plugins/check"
)

// Run checks a program against all rules. It blocks until that is done, which
// takes less than a second for a good plugin.
func Run(t *testing.T, target check.Target) {
	t.Helper()
	r, err := check.Run(t.Context(), target, check.Limits{}, nil)
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
