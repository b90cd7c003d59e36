package rollout

import (
	"encoding/json"
	"strconv"
	"time"
)

// History modes of a file. A file keeps its mode for life.
const (
	ModePaginated = "paginated" // ordinals on every line, items as item_completed
	ModeLegacy    = "legacy"    // no ordinals, items as user_message, agent_message, ...
)

// Meta is the session_meta of a thread: its first line. Empty members are not written.
type Meta struct {
	ID              string // thread id
	SessionID       string // id of the root session; equals ID except for sub-agents
	ForkedFromID    string
	ForkedFromEnd   *uint64 // first ordinal of the source that was not inherited
	ParentThreadID  string
	Timestamp       time.Time // creation
	Cwd             string    // absolute
	WorkspaceRoots  []string
	Originator      string // name of the client that made the thread
	CLIVersion      string
	Source          json.RawMessage // "vscode", "exec", {"subagent":...}; absent means vscode
	ThreadSource    string
	AgentNickname   string
	AgentRole       string
	AgentPath       string
	ModelProvider   string
	Instructions    json.RawMessage // base_instructions: {"text":...} or null
	DynamicTools    json.RawMessage // array of tool specifications
	MemoryMode      string
	HistoryMode     string // ModePaginated or ModeLegacy; Create takes empty as paginated, reading as legacy
	Base            *Base  // where the inherited prefix lies
	ContextWindowID string // id of the first context window
	Git             *Git
	Extra           []Member // members not known here, as they came
}

// Base names the prefix that a fork or a reverted thread inherits: the history of a thread up to an ordinal.
type Base struct {
	ThreadID   string
	EndOrdinal uint64 // exclusive
	EndOffset  int64  // of the first byte not inherited, in the file that holds the last inherited line; a hint
}

// Git is what was known of the repository when the thread was first written.
type Git struct {
	CommitHash    string
	Branch        string
	RepositoryURL string
}

// Member is one member of an object, its value raw.
type Member struct {
	Name  string
	Value json.RawMessage
}

const stampLayout = "2006-01-02T15:04:05.000Z"

func appendStamp(dst []byte, t time.Time) []byte { return t.UTC().AppendFormat(dst, stampLayout) }

// objectWriter appends members to an object under construction.
type objectWriter struct{ b []byte }

func (w *objectWriter) key(name string) {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(appendString(w.b, name), ':')
}

func (w *objectWriter) str(name, s string) {
	w.key(name)
	w.b = appendString(w.b, s)
}

// opt writes a string member unless it is empty.
func (w *objectWriter) opt(name, s string) {
	if s != "" {
		w.str(name, s)
	}
}

// raw writes a raw member unless it is absent.
func (w *objectWriter) raw(name string, v []byte) {
	if len(v) > 0 {
		w.key(name)
		w.b = append(w.b, v...)
	}
}

func (w *objectWriter) int(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

// optInt writes an integer member unless it is zero.
func (w *objectWriter) optInt(name string, n int64) {
	if n != 0 {
		w.int(name, n)
	}
}

func (m *Meta) appendJSON(dst []byte) []byte {
	w := objectWriter{append(dst, '{')}
	session := m.SessionID
	if session == "" {
		session = m.ID
	}
	w.str("session_id", session)
	w.str("id", m.ID)
	w.opt("forked_from_id", m.ForkedFromID)
	if m.ForkedFromEnd != nil {
		w.raw("forked_from_ordinal_exclusive", strconv.AppendUint(nil, *m.ForkedFromEnd, 10))
	}
	w.opt("parent_thread_id", m.ParentThreadID)
	w.key("timestamp")
	w.b = append(appendStamp(append(w.b, '"'), m.Timestamp), '"')
	w.str("cwd", m.Cwd)
	if m.WorkspaceRoots != nil {
		w.key("runtime_workspace_roots")
		w.b = appendStrings(w.b, m.WorkspaceRoots)
	}
	w.str("originator", m.Originator)
	w.str("cli_version", m.CLIVersion)
	if w.key("source"); isNull(m.Source) {
		w.b = append(w.b, `"vscode"`...)
	} else {
		w.b = append(w.b, m.Source...)
	}
	w.opt("thread_source", m.ThreadSource)
	w.opt("agent_nickname", m.AgentNickname)
	w.opt("agent_role", m.AgentRole)
	w.opt("agent_path", m.AgentPath)
	w.opt("model_provider", m.ModelProvider)
	w.raw("base_instructions", m.Instructions)
	w.raw("dynamic_tools", m.DynamicTools)
	w.opt("memory_mode", m.MemoryMode)
	w.str("history_mode", m.mode())
	m.appendTail(&w)
	return append(w.b, '}')
}

func (m *Meta) appendTail(w *objectWriter) {
	if b := m.Base; b != nil {
		w.key("history_base")
		base := objectWriter{append(w.b, '{')}
		base.str("thread_id", b.ThreadID)
		base.raw("end_ordinal_exclusive", strconv.AppendUint(nil, b.EndOrdinal, 10))
		base.int("end_byte_offset", b.EndOffset)
		w.b = append(base.b, '}')
	}
	if m.ContextWindowID != "" {
		w.key("context_window")
		w.b = append(appendString(append(w.b, `{"window_id":`...), m.ContextWindowID), '}')
	}
	for _, x := range m.Extra {
		w.raw(x.Name, x.Value)
	}
	if w.key("git"); m.Git != nil {
		git := objectWriter{append(w.b, '{')}
		git.opt("commit_hash", m.Git.CommitHash)
		git.opt("branch", m.Git.Branch)
		git.opt("repository_url", m.Git.RepositoryURL)
		w.b = append(git.b, '}')
	} else {
		w.b = append(w.b, "{}"...)
	}
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

// mode is the mode of a file that is written with this meta: absent means legacy only on reading.
func (m *Meta) mode() string {
	if m.HistoryMode == ModeLegacy {
		return ModeLegacy
	}
	return ModePaginated
}

// parseMeta reads a session_meta payload. Values of a wrong type count as absent.
func parseMeta(payload []byte) (m Meta, ok bool) { return parseMetaOnly(payload, nil) }

// parseMetaOnly leaves out members that skip says.
func parseMetaOnly(payload []byte, skip func(key []byte) bool) (m Meta, ok bool) {
	ok = members(payload, func(key, value []byte) bool {
		if p := m.stringMember(key); p != nil {
			*p = decodeString(value)
		} else if skip == nil || !skip(key) {
			m.setMember(string(key), value)
		}
		return true
	})
	m.HistoryMode = orElse(m.HistoryMode, ModeLegacy)
	m.SessionID = orElse(m.SessionID, m.ID)
	return m, ok && m.ID != ""
}

// bulky are the members that lists have no use for.
func bulky(key []byte) bool {
	switch string(key) {
	case "timestamp", "source", "runtime_workspace_roots", "forked_from_ordinal_exclusive", "history_base", "git":
		return false
	}
	return true
}

func (m *Meta) stringMember(key []byte) *string {
	switch string(key) {
	case "id":
		return &m.ID
	case "session_id":
		return &m.SessionID
	case "forked_from_id":
		return &m.ForkedFromID
	case "parent_thread_id":
		return &m.ParentThreadID
	case "cwd":
		return &m.Cwd
	case "originator":
		return &m.Originator
	case "cli_version":
		return &m.CLIVersion
	case "thread_source":
		return &m.ThreadSource
	case "agent_nickname":
		return &m.AgentNickname
	case "agent_role":
		return &m.AgentRole
	case "agent_path":
		return &m.AgentPath
	case "model_provider":
		return &m.ModelProvider
	case "memory_mode":
		return &m.MemoryMode
	case "history_mode":
		return &m.HistoryMode
	}
	return nil
}

func (m *Meta) setMember(key string, value []byte) {
	own := func() json.RawMessage { return append(json.RawMessage(nil), value...) }
	switch key {
	case "timestamp":
		m.Timestamp, _ = time.Parse(time.RFC3339, decodeString(value))
	case "source":
		m.Source = own()
	case "base_instructions":
		m.Instructions = own()
	case "dynamic_tools":
		m.DynamicTools = own()
	case "runtime_workspace_roots":
		elements(value, func(v []byte) bool {
			m.WorkspaceRoots = append(m.WorkspaceRoots, decodeString(v))
			return true
		})
	case "forked_from_ordinal_exclusive":
		if n, ok := decodeUint(value); ok {
			m.ForkedFromEnd = &n
		}
	case "history_base":
		m.Base = parseBase(value)
	case "context_window":
		m.ContextWindowID = memberString(value, "window_id")
	case "git":
		if value[0] == '{' && string(value) != "{}" {
			m.Git = &Git{memberString(value, "commit_hash"), memberString(value, "branch"), memberString(value, "repository_url")}
		}
	default:
		m.Extra = append(m.Extra, Member{key, own()})
	}
}

func parseBase(value []byte) *Base {
	end, ok := decodeUint(member(value, "end_ordinal_exclusive"))
	b := &Base{ThreadID: memberString(value, "thread_id"), EndOrdinal: end}
	if off, found := decodeUint(member(value, "end_byte_offset")); found {
		b.EndOffset = int64(off)
	}
	if !ok || b.ThreadID == "" {
		return nil
	}
	return b
}
