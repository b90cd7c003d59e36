package manager

import "github.com/codexhost/codexhost/rpc/protocol"

// Terminals lists the commands that a thread has left running, oldest first.
func (m *Manager) Terminals(threadID string) ([]protocol.ThreadBackgroundTerminal, error) {
	l, err := m.get(threadID)
	if err != nil {
		return nil, err
	}
	return l.terminals.Running(), nil
}

// TerminateTerminal ends one of a thread's commands. It reports whether there was one.
func (m *Manager) TerminateTerminal(threadID, processID string) (bool, error) {
	l, err := m.get(threadID)
	if err != nil {
		return false, err
	}
	return l.terminals.Terminate(processID), nil
}

// CleanTerminals ends all commands of a thread.
func (m *Manager) CleanTerminals(threadID string) error {
	l, err := m.get(threadID)
	if err != nil {
		return err
	}
	l.terminals.Clean()
	return nil
}
