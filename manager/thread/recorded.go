package thread

import (
	"encoding/json"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// recordedUsage is usage as a rollout keeps it.
func recordedUsage(u model.Usage) rollout.TokenUsage {
	return rollout.TokenUsage{Input: u.Input, CachedInput: u.CachedInput, CacheWriteInput: u.CacheWrite,
		Output: u.Output, ReasoningOutput: u.Reasoning, Total: u.Total}
}

// recordedGit is what a rollout keeps of the repository.
func recordedGit(g *GitInfo) *rollout.Git {
	if g == nil {
		return nil
	}
	return &rollout.Git{CommitHash: g.Commit, Branch: g.Branch, RepositoryURL: g.OriginURL}
}

// recordedContext is what the turn runs with, for whoever resumes the thread.
func (tn *turn) recordedContext() rollout.Record {
	s := tn.settings
	approval, _ := protocol.Append(nil, s.Approval) // a value of the protocol always has a wire form
	mode, _ := protocol.Append(nil, s.CollaborationMode())
	return rollout.TurnContext{
		TurnID: tn.id, Cwd: s.Cwd, Model: s.Model, Effort: s.Effort, Summary: s.Summary, Personality: s.Personality,
		ApprovalPolicy: approval, SandboxPolicy: recordedSandbox(s.Sandbox), CollaborationMode: mode,
	}.Record()
}

// recordedSandbox is a sandbox policy in the file's spelling.
func recordedSandbox(p protocol.SandboxPolicy) json.RawMessage {
	type policy struct {
		Type                string   `json:"type"`
		WritableRoots       []string `json:"writable_roots,omitempty"`
		NetworkAccess       any      `json:"network_access,omitempty"`
		ExcludeTmpdirEnvVar *bool    `json:"exclude_tmpdir_env_var,omitempty"`
		ExcludeSlashTmp     *bool    `json:"exclude_slash_tmp,omitempty"`
	}
	var r policy
	switch p := p.(type) {
	case *protocol.SandboxPolicyWorkspaceWrite:
		r = policy{"workspace-write", p.WritableRoots, p.NetworkAccess, &p.ExcludeTmpdirEnvVar, &p.ExcludeSlashTmp}
	case *protocol.SandboxPolicyReadOnly:
		r = policy{Type: "read-only"}
		if p.NetworkAccess {
			r.NetworkAccess = true
		}
	case *protocol.SandboxPolicyExternalSandbox:
		r = policy{Type: "external-sandbox", NetworkAccess: p.NetworkAccess}
	default:
		r = policy{Type: "danger-full-access"}
	}
	raw, _ := json.Marshal(r) // strings and booleans always have a JSON form
	return raw
}
