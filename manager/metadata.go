package manager

import (
	"context"
	"strings"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// UpdateMetadata changes what is known of a thread's repository, and returns the
// thread. The rest of what the wire's method changes there belongs to products
// that this host is no part of.
func (m *Manager) UpdateMetadata(ctx context.Context, p *protocol.ThreadMetadataUpdateParams) (protocol.Thread, error) {
	var none protocol.Thread
	if err := checkID(p.ThreadID, "session"); err != nil {
		return none, err
	}
	if p.ProjectID != nil {
		return none, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "project not found: " + *p.ProjectID, Remedy: "leave projectId out: this host has no projects"}
	}
	if p.GitInfo == nil && p.DaybreakEnabled == nil {
		return none, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "thread metadata update must include at least one field", Remedy: "send gitInfo"}
	}
	if m.loaded(p.ThreadID) == nil {
		if _, err := m.store.Find(p.ThreadID); err != nil {
			return none, storeRefusal(err, p.ThreadID)
		}
	}
	if p.GitInfo != nil {
		change, err := gitChange(p.GitInfo)
		if err != nil {
			return none, err
		}
		if err := m.store.SetGit(p.ThreadID, change); err != nil {
			return none, &thread.Failure{Kind: thread.KindStorage, Remedy: "see that the home folder can be written", Err: err}
		}
	}
	r, err := m.Read(ctx, p.ThreadID, false)
	return r.Thread, err
}

// gitChange reads a change of the wire: an absent member stays, null forgets.
func gitChange(p *protocol.ThreadMetadataGitInfoUpdateParams) (c rollout.GitChange, err error) {
	if !p.Sha.Set && !p.Branch.Set && !p.OriginURL.Set {
		return c, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "gitInfo must include at least one field", Remedy: "send sha, branch or originUrl"}
	}
	for _, f := range []struct {
		name string
		from protocol.Opt[string]
		to   **string
	}{{"sha", p.Sha, &c.CommitHash}, {"branch", p.Branch, &c.Branch}, {"originUrl", p.OriginURL, &c.RepositoryURL}} {
		if !f.from.Set {
			continue
		}
		if f.from.Value != nil && strings.TrimSpace(*f.from.Value) == "" {
			return c, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "gitInfo." + f.name + " must not be empty", Remedy: "send null to forget it"}
		}
		*f.to = ptr(strings.TrimSpace(value(f.from.Value)))
	}
	return c, nil
}
