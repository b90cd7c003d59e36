package mcp_test

import (
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/mcp"
)

// The provider's timers are less exact than usual; its servers' are not.
func TestServersHaveExactTimers(t *testing.T) {
	t.Parallel()
	l := &listener{}
	set := service(t).Join("t", t.TempDir(), []mcp.Server{{
		Name: "x", Enabled: true, Command: "/bin/sh", Args: []string{"-c", "cat /proc/self/timerslack_ns >&2; exit 1"},
	}}, l)
	t.Cleanup(set.Close)
	set.WaitReady(within(t, patience))
	if got := l.failure("x").Error; !strings.Contains(got, "\n    50000\n") {
		t.Errorf("the server says %s", got)
	}
}
