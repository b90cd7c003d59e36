package thread

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// modelRequest is the request that sends the model the whole history.
func (tn *turn) modelRequest(offer tool.Offer) *model.Request {
	tn.thread.takeInjected()
	r := tn.baseRequest(tn.thread.history.prompt())
	r.Tools = offer.Specs()
	r.ParallelToolCalls = tn.info.SupportsParallelToolCalls
	r.OutputSchema = tn.schema
	return r
}

// baseRequest is a request that sends the model the given items, behind the
// thread's instructions, and offers no tools.
func (tn *turn) baseRequest(history []json.RawMessage) *model.Request {
	t, s := tn.thread, tn.settings
	items := make([]json.RawMessage, 0, len(history)+1)
	if base := tn.baseInstructions(); base != "" {
		items = append(items, textMessage(stableID(base), "developer", base))
	}
	r := &model.Request{
		Model:       s.Model,
		Input:       append(items, history...),
		ServiceTier: s.ServiceTier,
		Verbosity:   s.Verbosity,
		Metadata: model.Metadata{
			Originator: t.spec.Client.Originator, UserAgent: t.spec.Client.UserAgent,
			SessionID: t.spec.SessionID, ThreadID: t.id, TurnID: tn.id, RootTurnID: tn.root, WindowID: t.id + ":0",
			Subagent: t.spec.Subagent, ParentThreadID: t.spec.ParentThreadID,
		},
	}
	if tn.info.SupportsReasoningSummaries {
		effort := s.Effort
		if effort == "" {
			effort = tn.info.DefaultReasoningLevel
		}
		summary := s.Summary
		if summary == "" {
			summary = "auto"
		}
		r.Reasoning = &model.Reasoning{Effort: effort, Summary: summary}
	}
	return r
}

// baseInstructions are the thread's own, or those of its model.
func (tn *turn) baseInstructions() string {
	if b := tn.settings.BaseInstructions; b != "" {
		return b
	}
	return tn.info.BaseInstructions
}

// stableID names a text by what it says, so that a prompt cache sees one prefix
// in every request.
func stableID(text string) string {
	return "msg_" + uuid.NewSHA1(uuid.NameSpaceOID, []byte(text)).String()
}

// TokenUsage is a thread's usage as the wire shows it.
func TokenUsage(total, last model.Usage, window int64) protocol.ThreadTokenUsage {
	u := protocol.ThreadTokenUsage{Total: breakdown(total), Last: breakdown(last)}
	if window > 0 {
		u.ModelContextWindow = ptr(window)
	}
	return u
}

func breakdown(u model.Usage) protocol.TokenUsageBreakdown {
	return protocol.TokenUsageBreakdown{InputTokens: u.Input, CachedInputTokens: u.CachedInput, CacheWriteInputTokens: u.CacheWrite,
		OutputTokens: u.Output, ReasoningOutputTokens: u.Reasoning, TotalTokens: u.Total}
}

// settingsUpdated tells that the thread's settings are no longer what they were.
func (t *Thread) settingsUpdated(s Settings) *protocol.ThreadSettingsUpdatedNotification {
	n := &protocol.ThreadSettingsUpdatedNotification{ThreadID: t.id, ThreadSettings: protocol.ThreadSettings{
		Model: s.Model, ModelProvider: s.Provider, Cwd: s.Cwd,
		ApprovalPolicy: s.Approval, ApprovalsReviewer: protocol.ApprovalsReviewerUser, SandboxPolicy: s.Sandbox,
		MultiAgentMode:    protocol.MultiAgentModeExplicitRequestOnly,
		CollaborationMode: s.CollaborationMode(),
		Effort:            named[protocol.ReasoningEffort](s.Effort),
		Summary:           named[protocol.ReasoningSummary](s.Summary),
		Personality:       named[protocol.Personality](s.Personality),
		ServiceTier:       named[string](s.ServiceTier),
		Environments:      Environments(s.Cwd, s.WorkspaceRoots),
		DisabledPluginIDs: s.DisabledPlugins,
	}}
	return n
}

// Environments is where a thread works: always on this machine.
func Environments(cwd string, roots []string) []protocol.ThreadEnvironment {
	if len(roots) == 0 {
		roots = []string{cwd}
	}
	return []protocol.ThreadEnvironment{{EnvironmentID: "local", Cwd: cwd, RuntimeWorkspaceRoots: roots}}
}

// named is a value that the wire leaves null where it is not set.
func named[T ~string](s string) *T {
	if s == "" {
		return nil
	}
	return ptr(T(s))
}

// plus adds up the tokens of two uses.
func plus(a, b model.Usage) model.Usage {
	return model.Usage{Input: a.Input + b.Input, CachedInput: a.CachedInput + b.CachedInput, CacheWrite: a.CacheWrite + b.CacheWrite,
		Output: a.Output + b.Output, Reasoning: a.Reasoning + b.Reasoning, Total: a.Total + b.Total}
}
