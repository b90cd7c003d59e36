package manager

import (
	"log/slog"
	"os"
	"sync"

	"github.com/codexhost/codexhost/manager/workspace"
)

// workspaceFiles makes the service for clients' files when one asks for it.
type workspaceFiles struct {
	mu      sync.Mutex // guards the fields below
	service *workspace.Service
	closed  bool
}

// Files is the service for a client's own requests about files. It ends with the
// manager, and refuses everything afterwards.
func (m *Manager) Files() *workspace.Service {
	m.files.mu.Lock()
	defer m.files.mu.Unlock()
	if m.files.service == nil {
		home, _ := os.UserHomeDir() // without one, the user has no rules for git
		m.files.service = workspace.New(workspace.Options{Home: home, Log: slog.New(logHandler{m.log.Named("files")})})
		if m.files.closed {
			m.files.service.Close()
		}
	}
	return m.files.service
}

// close ends the service and waits for it.
func (f *workspaceFiles) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.service != nil {
		f.service.Close()
	}
}
