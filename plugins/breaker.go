package plugins

import "time"

// breaker decides when a plugin that died may start again. It is pure: the
// time is handed in, and its owner locks.
type breaker struct {
	times  Times
	deaths []time.Time // within the window, oldest first
	until  time.Time   // open until then
	notYet time.Time   // no start before then
}

// died takes note of a death, and tells whether that opened the breaker.
func (b *breaker) died(now time.Time) bool {
	for len(b.deaths) > 0 && now.Sub(b.deaths[0]) > b.times.Window {
		b.deaths = b.deaths[1:]
	}
	b.deaths = append(b.deaths, now)
	if len(b.deaths) > b.times.Restarts {
		b.deaths = nil
		b.until = now.Add(b.times.Cooldown)
		return true
	}
	b.notYet = now.Add(b.pause())
	return false
}

// pause is none after the first death, for a plugin that ran well until then,
// and doubles with each further one.
func (b *breaker) pause() time.Duration {
	n := len(b.deaths) - 2
	if n < 0 {
		return 0
	}
	return min(b.times.BackoffMin<<min(n, 16), b.times.BackoffMax)
}

// open tells whether starts are refused at now.
func (b *breaker) open(now time.Time) bool { return now.Before(b.until) }

// wait is how long to wait at now before the next start.
func (b *breaker) wait(now time.Time) time.Duration { return max(0, b.notYet.Sub(now)) }

func (b *breaker) reset() { b.deaths, b.until, b.notYet = nil, time.Time{}, time.Time{} }
