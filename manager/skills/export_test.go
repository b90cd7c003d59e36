package skills

// Settled waits until no question is under way.
func (r *Recalling) Settled() { r.work.Wait() }
