package model

import (
	"math/rand/v2"
	"time"
)

const (
	backoffBase = 200 * time.Millisecond
	backoffMost = time.Minute
)

// Backoff is how long to wait before retry number attempt, counted from 1: what the server asked
// for, if it did, else 200 ms doubled each time, give or take a tenth. It never exceeds a minute.
func Backoff(attempt int, serverDelay time.Duration) time.Duration {
	return backoff(backoffBase, attempt, serverDelay)
}

func backoff(base time.Duration, attempt int, serverDelay time.Duration) time.Duration {
	if serverDelay > 0 {
		return min(serverDelay, backoffMost)
	}
	d := base
	for i := 1; i < attempt && d < backoffMost; i++ {
		d *= 2
	}
	return min(time.Duration(float64(d)*(0.9+0.2*rand.Float64())), backoffMost)
}

// NetworkBackoff is how long to wait before attempt number attempt, counted from 1, to reach a
// server that could not be connected to at all: 1, 2, 4 and then always 5 seconds. Such attempts
// have no limit; the turn goes on when the network is back.
func NetworkBackoff(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 3), 5*time.Second)
}
