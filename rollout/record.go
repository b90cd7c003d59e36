package rollout

import (
	"encoding/json"
	"strconv"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Types of lines that mean something here; every other type is kept in the file and passed over.
const (
	kindMeta      = "session_meta"
	kindItem      = "response_item"
	kindEvent     = "event_msg"
	kindContext   = "turn_context"
	kindCompacted = "compacted"
)

// Record is one line to be written, without its timestamp and ordinal, which the recorder gives it.
// Records are made by the functions of this file and are not to be used twice.
type Record struct {
	kind    string
	payload []byte
	done    *completedItem // for item_completed, whose spelling depends on the mode of the file
}

// size is about how many bytes the line takes.
func (r *Record) size() int {
	n := 128 + len(r.payload)
	if r.done != nil {
		n += 256 + len(r.done.wire)
	}
	return n
}

// completedItem is a finished item in its wire form.
type completedItem struct {
	threadID, turnID         string
	wire                     []byte
	startedAtMs, completedAt int64
}

// ResponseItem is a model-visible item, kept verbatim. raw is taken over, not copied.
func ResponseItem(raw json.RawMessage) Record { return Record{kind: kindItem, payload: raw} }

// RawRecord is a line of any type. payload must be a JSON object; it is taken over.
func RawRecord(kind string, payload json.RawMessage) Record {
	return Record{kind: kind, payload: payload}
}

const hostPrefix = "codexhost_"

// HostEvent is a record of our own: an event_msg of type codexhost_<name> with the members of body, a JSON
// object. Other readers of the file pass over it.
func HostEvent(name string, body json.RawMessage) Record {
	b := append([]byte(`{"type":"`+hostPrefix), name...)
	b = append(b, '"')
	if inner := body[1:]; skipSpace(inner, 0) < len(inner)-1 {
		b = append(append(b, ','), inner...)
	} else {
		b = append(b, '}')
	}
	return Record{kind: kindEvent, payload: b}
}

func event(name string) objectWriter {
	w := objectWriter{make([]byte, 0, 320)}
	w.b = append(append(append(w.b, `{"type":"`...), name...), '"')
	return w
}

func (w *objectWriter) record() Record {
	return Record{kind: kindEvent, payload: append(w.b, '}')}
}

// TurnStart opens a turn. Times are Unix seconds.
type TurnStart struct {
	TurnID            string
	RootTurnID        string // empty: TurnID
	ParentTurnID      string
	StartedAt         int64
	ContextWindow     int64  // tokens; 0 if not known
	CollaborationMode string // "default" if empty
}

// TaskStarted is the event that opens a turn.
func TaskStarted(t TurnStart) Record {
	w := event("task_started")
	w.str("turn_id", t.TurnID)
	w.str("root_turn_id", orElse(t.RootTurnID, t.TurnID))
	w.opt("parent_turn_id", t.ParentTurnID)
	w.int("started_at", t.StartedAt)
	w.optInt("model_context_window", t.ContextWindow)
	w.str("collaboration_mode_kind", orElse(t.CollaborationMode, "default"))
	return w.record()
}

// TurnEnd closes a turn. Times are Unix seconds, durations milliseconds.
type TurnEnd struct {
	TurnID             string
	RootTurnID         string          // empty: TurnID
	LastAgentMessage   *string         // nil: null; a long one is left to its item
	Error              json.RawMessage // a turn error as on the wire; makes the turn a failed one
	Reason             string          // of an abort: interrupted, replaced, review_ended, ...
	StartedAt          int64
	CompletedAt        int64
	DurationMs         int64
	TimeToFirstTokenMs int64
}

// mostRepeated is the longest message, in bytes, that the end of a turn says again. It is for those who follow the file;
// whoever reads it whole has the message in its item, and in what the model said.
const mostRepeated = 16 << 10

// TaskComplete is the event that ends a turn, well or with t.Error.
func TaskComplete(t TurnEnd) Record {
	w := event("task_complete")
	w.str("root_turn_id", orElse(t.RootTurnID, t.TurnID))
	w.str("turn_id", t.TurnID)
	if t.LastAgentMessage != nil && len(*t.LastAgentMessage) <= mostRepeated {
		w.str("last_agent_message", *t.LastAgentMessage)
	} else {
		w.raw("last_agent_message", []byte("null"))
	}
	if !isNull(t.Error) {
		w.raw("error", errorToFile(t.Error))
	}
	w.optInt("started_at", t.StartedAt)
	w.optInt("completed_at", t.CompletedAt)
	w.int("duration_ms", t.DurationMs)
	w.optInt("time_to_first_token_ms", t.TimeToFirstTokenMs)
	return w.record()
}

// TurnAborted is the event that ends a turn early.
func TurnAborted(t TurnEnd) Record {
	w := event("turn_aborted")
	w.opt("root_turn_id", orElse(t.RootTurnID, t.TurnID))
	w.opt("turn_id", t.TurnID)
	w.str("reason", orElse(t.Reason, "interrupted"))
	w.optInt("started_at", t.StartedAt)
	w.optInt("completed_at", t.CompletedAt)
	w.optInt("duration_ms", t.DurationMs)
	return w.record()
}

// TokenUsage counts tokens, of one response or of a whole thread.
type TokenUsage struct {
	Input, CachedInput, CacheWriteInput, Output, ReasoningOutput, Total int64
}

// TokenInfo is what a token_count event says.
type TokenInfo struct {
	Total, Last   TokenUsage
	ContextWindow int64 // effective window in tokens; 0 if not known
}

func (w *objectWriter) usage(name string, u TokenUsage) {
	w.key(name)
	in := objectWriter{append(w.b, '{')}
	in.int("input_tokens", u.Input)
	in.int("cached_input_tokens", u.CachedInput)
	in.int("cache_write_input_tokens", u.CacheWriteInput)
	in.int("output_tokens", u.Output)
	in.int("reasoning_output_tokens", u.ReasoningOutput)
	in.int("total_tokens", u.Total)
	w.b = append(in.b, '}')
}

// TokenCount is the event that reports token usage. rateLimits is null where nil.
func TokenCount(info TokenInfo, rateLimits json.RawMessage) Record {
	w := event("token_count")
	w.key("info")
	in := objectWriter{append(w.b, '{')}
	in.usage("total_token_usage", info.Total)
	in.usage("last_token_usage", info.Last)
	if in.key("model_context_window"); info.ContextWindow != 0 {
		in.b = appendInt(in.b, info.ContextWindow)
	} else {
		in.b = append(in.b, "null"...)
	}
	w.b = append(in.b, '}')
	if isNull(rateLimits) {
		rateLimits = json.RawMessage("null")
	}
	w.raw("rate_limits", rateLimits)
	return w.record()
}

// ContextCompacted is the legacy event that shows a compaction; paginated files have an item for it.
func ContextCompacted() Record { w := event("context_compacted"); return w.record() }

// ThreadRolledBack drops the last n user turns of a legacy file.
func ThreadRolledBack(n int) Record {
	w := event("thread_rolled_back")
	w.int("num_turns", int64(n))
	return w.record()
}

// TurnContext is what a turn ran with. The raw members are written as given; a nil one is left out.
type TurnContext struct {
	TurnID            string
	RootTurnID        string // empty: TurnID
	Cwd               string
	ApprovalPolicy    json.RawMessage // "never", {"granular":{...}}, ...; required by the other reader
	ApprovalsReviewer string          // "user" if empty
	SandboxPolicy     json.RawMessage // {"type":"read-only"} etc., file spelling; required by the other reader
	PermissionProfile json.RawMessage
	Model             string
	Effort            string
	Summary           string // "auto" if empty
	Personality       string
	CollaborationMode json.RawMessage
	Extra             []Member
}

// Record gives the turn_context line.
func (c TurnContext) Record() Record {
	w := objectWriter{append(make([]byte, 0, 512), '{')}
	w.str("turn_id", c.TurnID)
	w.str("root_turn_id", orElse(c.RootTurnID, c.TurnID))
	w.str("cwd", c.Cwd)
	w.raw("approval_policy", c.ApprovalPolicy)
	w.str("approvals_reviewer", orElse(c.ApprovalsReviewer, "user"))
	w.raw("permission_profile", c.PermissionProfile)
	w.str("model", c.Model)
	w.opt("personality", c.Personality)
	w.raw("collaboration_mode", c.CollaborationMode)
	w.raw("realtime_active", []byte("false"))
	w.opt("effort", c.Effort)
	w.str("summary", orElse(c.Summary, "auto"))
	w.raw("sandbox_policy", c.SandboxPolicy)
	for _, x := range c.Extra {
		w.raw(x.Name, x.Value)
	}
	return Record{kind: kindContext, payload: append(w.b, '}')}
}

// Compacted replaces the model-visible history: message is the summary, replacement the new list of items,
// each one verbatim.
func Compacted(message string, replacement []json.RawMessage) Record {
	size := len(message) + 64
	for _, item := range replacement {
		size += len(item) + 1
	}
	w := objectWriter{append(make([]byte, 0, size), '{')}
	w.str("message", message)
	w.key("replacement_history")
	w.b = append(w.b, '[')
	for i, item := range replacement {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(w.b, item...)
	}
	w.b = append(w.b, ']', '}')
	return Record{kind: kindCompacted, payload: w.b}
}

// ItemCompletedRaw is a finished item of a turn, given as wire JSON (taken over). Times are Unix milliseconds.
func ItemCompletedRaw(threadID, turnID string, wire json.RawMessage, startedAtMs, completedAtMs int64) Record {
	return Record{kind: kindEvent, done: &completedItem{threadID, turnID, wire, startedAtMs, completedAtMs}}
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// ItemCompleted is a finished item of a turn. Times are Unix milliseconds. An item that cannot be encoded is a
// fault of the program; it is recorded as far as it goes.
func ItemCompleted(threadID, turnID string, item protocol.ThreadItem, startedAtMs, completedAtMs int64) Record {
	wire, err := protocol.Append(make([]byte, 0, 512), item)
	if err != nil {
		wire = append([]byte(`{"type":"error","message":`), appendString(nil, err.Error())...)
		wire = append(wire, '}')
	}
	return ItemCompletedRaw(threadID, turnID, wire, startedAtMs, completedAtMs)
}
