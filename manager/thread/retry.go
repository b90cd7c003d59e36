package thread

import "time"

// Waits between attempts to write what the disk would not take.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// keepTrying writes what waits in memory as soon as the disk takes it: a turn may
// have been the thread's last one for long. It never blocks; there is at most one
// attempt at a time, and shutdown ends them, making the last one itself.
func (t *Thread) keepTrying() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.retrying || t.closing {
		return
	}
	t.retrying = true
	t.reading.Go(func() {
		for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
			pause := time.NewTimer(wait)
			select {
			case <-pause.C:
			case <-t.ended:
				pause.Stop()
				return
			}
			if t.spec.Recorder.Flush() == nil {
				break
			}
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.retrying = false
	})
}
