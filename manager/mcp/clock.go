package mcp

import (
	"context"
	"time"
)

// clock ends the flights of an instance that are over their time. All share one
// timer, which is only touched when the next deadline is nearer than what it is
// set to: a call that is answered in time, as nearly all are, sets none. It
// belongs to its instance's lock.
type clock struct {
	timer *time.Timer
	at    time.Time // what timer is set to; zero when it is not
	tick  func()
}

// by sees to it that tick is called at t or before.
func (c *clock) by(t time.Time) {
	switch {
	case !c.at.IsZero() && !t.Before(c.at):
		return
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(t), c.tick)
	default:
		c.timer.Reset(time.Until(t))
	}
	c.at = t
}

// expire ends what is over its time and sets the clock to the next deadline.
func (i *instance) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clock.at = time.Time{}
	now := time.Now()
	for _, f := range i.flights {
		if now.Before(f.deadline) {
			i.clock.by(f.deadline)
		} else {
			f.stop(context.DeadlineExceeded)
		}
	}
}
