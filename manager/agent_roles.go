package manager

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
)

// defaultRole is what an agent is that shall be nothing in particular.
const defaultRole = "default"

// builtinRoles are there unless the configuration has roles of these names.
func builtinRoles() []tool.AgentRole {
	return []tool.AgentRole{
		{Name: defaultRole, Description: "an agent like you."},
		{Name: "explorer", Description: "finds something out and changes nothing. Ask one clear question each, several at once if they are independent, and build on what it says."},
		{Name: "worker", Description: "carries out a part of the work. Say which files are its own, and that others work beside it whose changes stay."},
	}
}

// agentRoles are the roles that agents of a thread can have: the user's, by name,
// and the built-in ones.
func agentRoles(cfg *config.Config) (roles []tool.AgentRole) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Agents.Roles)) {
		roles = append(roles, tool.AgentRole{Name: name, Description: cfg.Agents.Roles[name].Description})
	}
	for _, r := range builtinRoles() {
		if _, own := cfg.Agents.Roles[r.Name]; !own {
			roles = append(roles, r)
		}
	}
	return roles
}

// inRole is the configuration of an agent in a role. What the role's file says of
// the model, and how it works, goes into s and wins over what the caller wanted;
// what the agent may do stays the caller's.
func (a agentsOf) inRole(ctx context.Context, role string, s *thread.Settings) (*config.Config, error) {
	file := a.l.config.Agents.Roles[role].ConfigFile
	if file == "" {
		return a.l.config, nil
	}
	cfg, err := a.m.load(ctx, config.Query{Cwd: s.Cwd, Overrides: a.l.config.Overrides, Role: file})
	if err != nil {
		return nil, fmt.Errorf("agent type '%s' cannot be used: %w", role, err)
	}
	for key, set := range map[string]func(){
		"model":                   func() { s.Model = cfg.Model },
		"model_reasoning_effort":  func() { s.Effort = cfg.ReasoningEffort },
		"model_reasoning_summary": func() { s.Summary = cfg.ReasoningSummary },
		"model_verbosity":         func() { s.Verbosity = cfg.Verbosity },
		"service_tier":            func() { s.ServiceTier = cfg.ServiceTier },
		"personality":             func() { s.Personality = cfg.Personality },
		"developer_instructions":  func() { s.DeveloperInstructions = cfg.DeveloperText },
		"model_instructions_file": func() { s.BaseInstructions = instructionsFile(cfg) },
	} {
		if cfg.RoleSays(key) {
			set()
		}
	}
	return cfg, nil
}
