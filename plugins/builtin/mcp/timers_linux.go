package mcp

import "golang.org/x/sys/unix"

// exactTimers gives what this thread starts the timers that every program has.
// Those of a plugin are less exact, which is nothing for servers to inherit.
func exactTimers() {
	const usual = 50_000 // ns
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, usual, 0, 0, 0)
}
