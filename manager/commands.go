package manager

import (
	"errors"
	"os"
	"os/exec"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// exec offers a thread's model to run commands.
func (l *live) exec(m *Manager, info model.Info) *tool.Exec {
	return &tool.Exec{
		Terminals: l.terminals,
		Approvals: l.approvals,
		Shell:     userShell(),
		Environ: func(t tool.Turn, callID string, p sandbox.Policy) []string {
			return m.environ(l.config, sandbox.Origin{ThreadID: t.ThreadID(), SessionID: t.ThreadID(), ToolCallID: callID,
				NetworkOff: p.Mode.Confined() && !p.Network})
		},
		OutputLimit:    outputLimit(l.config, info),
		InterruptKills: l.config.Host.InterruptKills,
	}
}

// newApprovals decides about the commands of a thread by its configuration.
func (m *Manager) newApprovals(cfg *config.Config) *tool.Approvals {
	return &tool.Approvals{
		Judge:   judge,
		Confine: func(t tool.Turn) sandbox.Policy { return m.confinement(cfg, t.Cwd(), t.Sandbox()) },
		Amend:   func([]string) error { return errors.New("rules files are not read") },
	}
}

// judge decides about a command by the turn's approval policy.
func judge(t tool.Turn, r tool.CommandRequest) tool.Verdict {
	v := tool.Verdict{Actions: []protocol.CommandAction{&protocol.CommandActionUnknown{Command: r.Script}}}
	_, full := t.Sandbox().(*protocol.SandboxPolicyDangerFullAccess)
	ask := t.Approval()
	switch {
	case ask == protocol.AskForApproval(protocol.AskForApprovalNever) && r.Escalate:
		v.Action = tool.Refuse
		v.Reason = "approval policy is Never; reject command — you cannot ask for escalated permissions if the approval policy is Never"
	case ask == protocol.AskForApproval(protocol.AskForApprovalUntrusted), r.Escalate && !full:
		v.Action, v.Unbound, v.Amendment = tool.Prompt, r.Escalate, r.Argv
	}
	return v
}

// environ is the environment of a command.
func (m *Manager) environ(cfg *config.Config, origin sandbox.Origin) []string {
	origin.Home, origin.Version = m.opts.Home, m.opts.Version
	return sandbox.Environ(cfg.Shell, os.Environ(), cfg.Host.KeepSecrets, origin)
}

// userShell is the shell that the user works with, or the next best one.
func userShell() string {
	for _, name := range []string{os.Getenv("SHELL"), "bash", "sh"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return "/bin/sh"
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
		c.Hidden = cfg.Host.Hide
		if !cfg.Host.HideSet {
			home, _ := os.UserHomeDir() // without one there is less to hide
			c.Hidden = sandbox.DefaultHidden(home, m.opts.Home)
		}
	}
	return c
}
