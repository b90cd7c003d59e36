package manager

import (
	"context"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadSkills are the skills as a thread sees them.
type threadSkills struct {
	manager *Manager
	config  *config.Config
}

func (t threadSkills) Section(ctx context.Context, s thread.Settings, window int64) (string, []string) {
	return "", nil
}

func (t threadSkills) Mentioned(ctx context.Context, s thread.Settings, input []protocol.UserInput) (messages, warnings []string) {
	return nil, nil
}

func (m *Manager) Skills(ctx context.Context, cwds []string, force bool) ([]protocol.SkillsListEntry, error) {
	return nil, nil
}

func (m *Manager) SetExtraSkillRoots(roots []string) {}

func (m *Manager) SkillsChanged(ctx context.Context) {
	m.hub.announce(ctx, "skills/changed", &protocol.SkillsChangedNotification{})
}
