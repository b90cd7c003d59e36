package manager

import (
	"os"
	"strings"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// settings are what a thread starts with: what the client wants, else what the
// configuration says, else the defaults that the project's trust gives.
func (m *Manager) settings(cfg *config.Config, cwd string, w Wanted) (thread.Settings, error) {
	s := thread.Settings{
		Cwd:                   cwd,
		WorkspaceRoots:        w.WorkspaceRoots,
		Effort:                cfg.ReasoningEffort,
		Summary:               cfg.ReasoningSummary,
		Verbosity:             cfg.Verbosity,
		ServiceTier:           or(w.ServiceTier, cfg.ServiceTier),
		Personality:           or(w.Personality, cfg.Personality),
		Approval:              w.Approval,
		DeveloperInstructions: or(w.DeveloperInstructions, cfg.DeveloperText),
		BaseInstructions:      or(w.BaseInstructions, instructionsFile(cfg)),
		ReviewModel:           cfg.ReviewModel,
		CompactPrompt:         compactPrompt(cfg),
		AutoCompactLimit:      value(cfg.AutoCompactLimit),
		ShowRawReasoning:      cfg.ShowRawReasoning,
	}
	if len(s.WorkspaceRoots) == 0 {
		s.WorkspaceRoots = []string{cwd}
	}
	provider, err := m.providerFor(cfg, or(w.Provider, ""))
	if err != nil {
		return s, err
	}
	s.Provider = provider.ID
	s.StreamMaxRetries = provider.Limits().StreamMaxRetries
	s.Model = or(w.Model, cfg.Model)
	if s.Model == "" {
		s.Model = m.models.defaultFor(cfg, provider.ID)
	}
	if s.Approval == nil {
		s.Approval = approval(cfg.Approval)
	}
	mode := string(w.Sandbox)
	if mode == "" {
		mode = cfg.Sandbox
	}
	s.Sandbox = sandboxPolicy(mode, cfg.WorkspaceWrite)
	return s, nil
}

func or(wanted *string, otherwise string) string {
	if wanted != nil {
		return *wanted
	}
	return otherwise
}

// compactPrompt is the configured prompt for compactions; empty for the built-in one.
func compactPrompt(cfg *config.Config) string {
	if cfg.CompactPromptFile != "" {
		if b, err := os.ReadFile(cfg.CompactPromptFile); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return cfg.CompactPrompt
}

// instructionsFile is the text of model_instructions_file; empty if there is none.
func instructionsFile(cfg *config.Config) string {
	if cfg.InstructionsFile == "" {
		return ""
	}
	b, err := os.ReadFile(cfg.InstructionsFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// approval is a configured approval policy as the wire has it.
func approval(a config.Approval) protocol.AskForApproval {
	if a.Mode != "granular" {
		return protocol.AskForApprovalName(a.Mode)
	}
	g := a.Granular
	return &protocol.AskForApprovalGranular{SandboxApproval: g.SandboxApproval, Rules: g.Rules, SkillApproval: g.SkillApproval,
		RequestPermissions: g.RequestPermissions, McpElicitations: g.McpElicitations}
}

// sandboxPolicy is a configured sandbox as the wire has it.
func sandboxPolicy(mode string, w config.WorkspaceWrite) protocol.SandboxPolicy {
	switch mode {
	case "danger-full-access":
		return &protocol.SandboxPolicyDangerFullAccess{}
	case "workspace-write":
		p := &protocol.SandboxPolicyWorkspaceWrite{NetworkAccess: w.NetworkAccess,
			ExcludeTmpdirEnvVar: w.ExcludeTmpdirEnv, ExcludeSlashTmp: w.ExcludeSlashTmp}
		p.WritableRoots = w.WritableRoots
		return p
	default:
		return &protocol.SandboxPolicyReadOnly{}
	}
}
