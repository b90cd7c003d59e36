package manager

import (
	"bytes"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// liveView is a loaded thread as clients see it, without turns.
func (m *Manager) liveView(l *live) protocol.Thread {
	s := l.thread.Snapshot()
	v := metaView(l.meta)
	v.Cwd = s.Settings.Cwd
	v.Environments = thread.Environments(s.Settings.Cwd, s.Settings.WorkspaceRoots)
	v.Status = s.Status
	v.CanAcceptDirectInput = ptr(true)
	v.Model = &s.Settings.Model
	v.ReasoningEffort = effort(s.Settings.Effort)
	v.ModelProvider = s.Settings.Provider
	v.Preview = s.Preview
	v.Name = nonEmpty(m.store.Name(l.id))
	v.Ephemeral = l.path == ""
	v.UpdatedAt = s.Updated.Unix()
	v.RecencyAt = ptr(s.Updated.Unix())
	if l.path != "" {
		v.Path = &l.path
	} else {
		v.Preview = "" // nothing of it is stored, so nothing is shown in lists
	}
	v.GitInfo = m.gitView(l.id, recordedGit(s.Git))
	return v
}

// metaView is what a thread's first line says of it.
func metaView(meta rollout.Meta) protocol.Thread {
	v := protocol.Thread{
		ID: meta.ID, SessionID: meta.SessionID, Cwd: meta.Cwd, Environments: thread.Environments(meta.Cwd, meta.WorkspaceRoots),
		CreatedAt: meta.Timestamp.Unix(), UpdatedAt: meta.Timestamp.Unix(), CliVersion: meta.CLIVersion,
		ModelProvider: meta.ModelProvider, HistoryMode: protocol.ThreadHistoryMode(meta.HistoryMode),
		Source: sessionSource(meta.Source), Status: &protocol.ThreadStatusNotLoaded{},
		ForkedFromID: nonEmpty(meta.ForkedFromID), ParentThreadID: nonEmpty(meta.ParentThreadID), Originator: nonEmpty(meta.Originator),
		AgentNickname: nonEmpty(meta.AgentNickname), AgentRole: nonEmpty(meta.AgentRole), ThreadSource: (*protocol.ThreadSource)(nonEmpty(meta.ThreadSource)),
	}
	return v
}

// gitView is what is known of a thread's repository by now; nil if that is nothing.
func (m *Manager) gitView(id string, recorded *rollout.Git) *protocol.GitInfo {
	g := m.store.Git(id, recorded)
	if g == nil {
		return nil
	}
	return &protocol.GitInfo{Sha: nonEmpty(g.CommitHash), Branch: nonEmpty(g.Branch), OriginURL: nonEmpty(g.RepositoryURL)}
}

// recordedGit is a repository as a thread's file has it.
func recordedGit(g *thread.GitInfo) *rollout.Git {
	if g == nil {
		return nil
	}
	return &rollout.Git{CommitHash: g.Commit, Branch: g.Branch, RepositoryURL: g.OriginURL}
}

// sessionSource is the recorded source of a thread; an unknown spelling is kept.
// Files spell sub-agents in another way than the wire.
func sessionSource(raw []byte) protocol.SessionSource {
	var s protocol.SessionSource
	raw = bytes.Replace(raw, []byte(`{"subagent":`), []byte(`{"subAgent":`), 1)
	if len(raw) > 0 && protocol.Decode(raw, &s) == nil && s != nil {
		if name, ok := s.(protocol.SessionSourceName); ok && name == "mcp" {
			return protocol.SessionSourceAppServer
		}
		return s
	}
	return protocol.SessionSourceVscode
}

func effort(e string) *protocol.ReasoningEffort {
	if e == "" {
		return nil
	}
	return ptr(protocol.ReasoningEffort(e))
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func ptr[T any](v T) *T { return &v }
