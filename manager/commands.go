package manager

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// commands offers the tools to run commands and change files, in the form that a
// model wants.
func (l *live) commands(m *Manager, info model.Info) tool.Offer {
	e, patches := l.exec(m, info), l.patches.Offer(info.ApplyPatchToolType)
	switch info.ShellType {
	case "shell_command":
		return tool.Offers{tool.Shell{Exec: e}, patches}
	case "shell":
		return tool.Offers{tool.Shell{Exec: e, Words: true}, patches}
	case "disabled":
		return patches
	}
	return tool.Offers{e, patches}
}

// exec runs a thread's commands.
func (l *live) exec(m *Manager, info model.Info) *tool.Exec {
	return &tool.Exec{
		Terminals: l.terminals,
		Approvals: l.approvals,
		Patches:   l.patches,
		Shell:     sandbox.UserShell(),
		Environ: func(t tool.Turn, callID string, p sandbox.Policy) []string {
			return m.environ(l.config, sandbox.Origin{ThreadID: t.ThreadID(), SessionID: t.ThreadID(), ToolCallID: callID,
				NetworkOff: p.Mode.Confined() && !p.Network})
		},
		OutputLimit:    outputLimit(l.config, info),
		InterruptKills: l.config.Host.InterruptKills,
	}
}

// newApprovals decides about the commands and patches of a thread by the rules
// of the host, the user and the project. Rules that cannot be read are told.
func (m *Manager) newApprovals(ctx context.Context, cfg *config.Config) *tool.Approvals {
	dirs := []string{systemRules, filepath.Join(m.opts.Home, "rules")}
	if cfg.Trust == config.Trusted {
		dirs = append(dirs, filepath.Join(cfg.ProjectRoot, ".codex", "rules"))
	}
	rules, errs := policy.Open(m.opts.Home, dirs...)
	for _, err := range errs {
		w := config.Warning{Summary: "Error parsing rules; custom rules not applied.", Details: err.Error()}
		var at *policy.RulesError
		if errors.As(err, &at) {
			w.Path, w.Line, w.Column, w.EndLine, w.EndColumn = at.Path, at.At.Line, at.At.Column, at.At.Line, at.At.Column
		}
		warn(ctx, &m.hub, w)
	}
	return &tool.Approvals{
		Rules:   rules,
		Confine: func(cwd string, p protocol.SandboxPolicy) sandbox.Policy { return m.confinement(cfg, cwd, p) },
		Amend:   m.amend,
	}
}

// systemRules are the rules of whoever administers the machine.
const systemRules = "/etc/codex/rules"

// amend allows commands that begin with words from now on, in every thread.
func (m *Manager) amend(ctx context.Context, words []string) error {
	var err error
	for _, l := range m.snapshot() {
		err = errors.Join(err, l.approvals.Rules.Amend(ctx, words))
	}
	return err
}

// environ is the environment of a command.
func (m *Manager) environ(cfg *config.Config, origin sandbox.Origin) []string {
	origin.Home, origin.Version = m.opts.Home, m.opts.Version
	return sandbox.Environ(cfg.Shell, os.Environ(), cfg.Host.KeepSecrets, origin)
}

// outputLimit is how many bytes of a tool's output a model takes.
func outputLimit(cfg *config.Config, info model.Info) int {
	const bytesPerToken = 4
	if cfg.ToolOutputLimit != nil {
		return int(*cfg.ToolOutputLimit) * bytesPerToken
	}
	if info.TruncationPolicy.Mode == "tokens" {
		return int(info.TruncationPolicy.Limit) * bytesPerToken
	}
	return int(info.TruncationPolicy.Limit)
}

// confinement is what a sandbox policy of the wire lets a command do.
func (m *Manager) confinement(cfg *config.Config, cwd string, p protocol.SandboxPolicy) sandbox.Policy {
	c := sandbox.Policy{Cwd: cwd, Protected: []string{m.opts.Home}}
	switch p := p.(type) {
	case *protocol.SandboxPolicyDangerFullAccess:
		c.Mode = sandbox.FullAccess
	case *protocol.SandboxPolicyExternalSandbox:
		c.Mode = sandbox.External
	case *protocol.SandboxPolicyWorkspaceWrite:
		c.Mode = sandbox.WorkspaceWrite
		c.WritableRoots, c.Network = p.WritableRoots, p.NetworkAccess
		c.ExcludeTmpdir, c.ExcludeSlashTmp = p.ExcludeTmpdirEnvVar, p.ExcludeSlashTmp
	case *protocol.SandboxPolicyReadOnly:
		c.Mode, c.Network = sandbox.ReadOnly, p.NetworkAccess
	default:
		c.Mode = sandbox.ReadOnly // a policy that is not known confines as much as can be
	}
	if c.Mode.Confined() {
		c.Hidden = m.hidden(cfg)
	}
	return c
}

// hidden are the paths that no confined command may read: those that the
// configuration names, from the user's home where they begin with ~, or else the
// usual ones.
func (m *Manager) hidden(cfg *config.Config) []string {
	home, _ := os.UserHomeDir() // without one there is less to hide
	if !cfg.Host.HideSet {
		return sandbox.DefaultHidden(home, m.opts.Home)
	}
	var paths []string
	for _, p := range cfg.Host.Hide {
		if rest, ok := strings.CutPrefix(p, "~/"); ok && home != "" {
			p = filepath.Join(home, rest)
		}
		if filepath.IsAbs(p) {
			paths = append(paths, p)
		}
	}
	return paths
}
