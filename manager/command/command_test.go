package command

import (
	"os"
	"testing"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// The test binary is also what watches over the commands that the tests run.
func TestMain(m *testing.M) {
	if supervise, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(supervise())
	}
	os.Exit(m.Run())
}
