package manager

import (
	"context"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ProjectTrust says what the files of a folder's project have run, and accepts
// it as it is now if told to. Trust itself is given elsewhere, in config.toml.
func (m *Manager) ProjectTrust(ctx context.Context, cwd string, accept bool) (*protocol.ProjectTrustResponse, error) {
	cwd = m.absolute(cwd)
	cfg, err := m.config.Load(ctx, config.Query{Cwd: cwd})
	if err != nil {
		return nil, err
	}
	if accept {
		if cfg.Trust != config.Trusted {
			return nil, &thread.Refusal{Kind: thread.KindInvalidRequest, Message: cfg.ProjectRoot + " is not a trusted project", Remedy: "trust it first, with projects.<folder>.trust_level in config.toml"}
		}
		if cfg, err = m.config.AcceptProject(ctx, cwd); err != nil {
			return nil, err
		}
		m.configChanged()
	}
	r := &protocol.ProjectTrustResponse{Root: cfg.ProjectRoot, Trust: cfg.Trust.String(), Servers: []protocol.ProjectServer{}}
	for _, s := range cfg.ProjectServers() {
		r.Servers = append(r.Servers, protocol.ProjectServer{Name: s.Name, Command: nonEmpty(s.Command), Args: s.Args, URL: nonEmpty(s.URL), Accepted: s.Accepted})
	}
	return r, nil
}
