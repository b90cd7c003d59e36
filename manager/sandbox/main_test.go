package sandbox

import (
	"os"
	"testing"
)

// TestMain lets the test binary be the supervisor of the commands that tests start.
func TestMain(m *testing.M) {
	if run, ok := Role(os.Args[1:]); ok {
		os.Exit(run())
	}
	os.Exit(m.Run())
}
