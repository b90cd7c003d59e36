package skillswatch

import "time"

// debouncer decides when a burst is over: after quiet without news, and max after its first news at the latest. It holds
// no clock: callers say what time it is.
type debouncer struct {
	quiet, max time.Duration

	first, last time.Time
	open        bool
}

// add notes news.
func (d *debouncer) add(now time.Time) {
	if !d.open {
		d.open, d.first = true, now
	}
	d.last = now
}

// due is when the burst is to be reported; false when there is none.
func (d *debouncer) due() (time.Time, bool) {
	if !d.open {
		return time.Time{}, false
	}
	at, latest := d.last.Add(d.quiet), d.first.Add(d.max)
	if latest.Before(at) {
		at = latest
	}
	return at, true
}

// done closes the burst.
func (d *debouncer) done() { d.open = false }
