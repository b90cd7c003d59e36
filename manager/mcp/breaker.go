package mcp

import "time"

const (
	// Three crashes within the window stop restarts until it has passed.
	crashLimit  = 3
	crashWindow = 5 * time.Minute
	// A restart after the first crash is immediate; then the pause grows.
	firstPause = 250 * time.Millisecond
	maxPause   = 4 * time.Second
)

// breaker remembers crashes. It belongs to its instance's lock.
type breaker struct{ crashes []time.Time }

// crash notes one.
func (b *breaker) crash(now time.Time) {
	b.forget(now)
	b.crashes = append(b.crashes, now)
}

// allow says whether a restart is allowed, after which pause, and if not, when
// it will be.
func (b *breaker) allow(now time.Time) (pause time.Duration, ok bool, again time.Time) {
	b.forget(now)
	n := len(b.crashes)
	switch {
	case n >= crashLimit:
		return 0, false, b.crashes[n-crashLimit].Add(crashWindow)
	case n <= 1:
		return 0, true, time.Time{}
	}
	return min(firstPause<<(n-2), maxPause), true, time.Time{}
}

func (b *breaker) forget(now time.Time) {
	for len(b.crashes) > 0 && now.Sub(b.crashes[0]) >= crashWindow {
		b.crashes = b.crashes[1:]
	}
}

func (b *breaker) reset() { b.crashes = nil }
