package manager

// ownerName is what others read who find a thread locked: this program, and the
// client it works for.
func (m *Manager) ownerName() string {
	if c := m.introduced().Originator; c != "" {
		return "codexhost for " + c
	}
	return "codexhost"
}
