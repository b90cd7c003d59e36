package manager

import (
	"context"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Account is who is logged in. A provider that needs no OpenAI login has nobody.
func (m *Manager) Account(ctx context.Context) (*protocol.GetAccountResponse, error) {
	cfg, _ := m.hostConfig(ctx)
	p, err := m.providerFor(cfg, "")
	if err != nil {
		return nil, err
	}
	r := &protocol.GetAccountResponse{RequiresOpenaiAuth: p.RequiresOpenAIAuth}
	if p.RequiresOpenAIAuth && m.models.hasOpenAIKey() {
		r.Account = &protocol.AccountApiKey{}
	}
	return r, nil
}
