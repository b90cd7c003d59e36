package plugins

import (
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the timers of a plugin may be.
const timerSlack = time.Millisecond

// relaxTimers lets the timers of what this thread starts be late. The monitor of
// Go's runtime wakes up every 20 us in a process that has just had work, and a
// provider has it in small pieces all the time: with each call it took a fifth of
// the plugin's processor and pushed others off theirs. A process cannot set this
// for its own monitor, which is there before it; it inherits it.
func relaxTimers() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack.Nanoseconds()), 0, 0, 0) // else they are as exact as before
}
