package mcp

import (
	"encoding/json"
	"fmt"
	"slices"
)

// ApprovalMode says when calls of a tool are approved without asking.
type ApprovalMode string

// The modes of the configuration.
const (
	ApprovalAuto    ApprovalMode = "auto"    // ask for tools that may do harm
	ApprovalPrompt  ApprovalMode = "prompt"  // ask every time
	ApprovalWrites  ApprovalMode = "writes"  // ask unless the tool says that it only reads
	ApprovalApprove ApprovalMode = "approve" // never ask
)

// Policy is what a turn's settings say about asking.
type Policy struct {
	// Never: the approval policy is "never".
	Never bool
	// FullAccess: commands run unconfined, or in a sandbox that is not ours.
	FullAccess bool
	// NoElicitations: a granular policy forbids MCP questions.
	NoElicitations bool
}

// Annotations are a tool's own hints about itself; nil is unsaid.
type Annotations struct {
	Title           string `json:"title"`
	ReadOnlyHint    *bool  `json:"readOnlyHint"`
	DestructiveHint *bool  `json:"destructiveHint"`
	IdempotentHint  *bool  `json:"idempotentHint"`
	OpenWorldHint   *bool  `json:"openWorldHint"`
}

// risky says whether a call needs approval. Hints that are missing count
// against the tool.
func (a *Annotations) risky() bool {
	is := func(hint *bool, unsaid bool) bool {
		if hint == nil {
			return unsaid
		}
		return *hint
	}
	switch {
	case is(a.DestructiveHint, false):
		return true
	case is(a.ReadOnlyHint, false):
		return false
	}
	return is(a.DestructiveHint, true) || is(a.OpenWorldHint, true)
}

// harmless says whether a call may be repeated without a second thought.
func (a *Annotations) harmless() bool {
	return a.ReadOnlyHint != nil && *a.ReadOnlyHint || a.IdempotentHint != nil && *a.IdempotentHint
}

// Verdict says what is to be done with a call.
type Verdict int

// The verdicts.
const (
	Run Verdict = iota
	Ask
	Refuse
)

// Decision is the outcome of Decide.
type Decision struct {
	Verdict Verdict
	// Reason is what the model and the item are told when it is Refuse.
	Reason string
	// Offer lists for how long an approval may be given beyond the one call:
	// any of "session" and "always".
	Offer []string
}

const refusedByNever = "MCP tool call requires approval, but approval policy is never"

// Decide says whether a call of a tool runs, is asked about or is refused.
// remembered means that the user has approved the tool for the session.
func Decide(mode ApprovalMode, a *Annotations, p Policy, remembered bool) Decision {
	if p.Never && p.FullAccess {
		return Decision{Verdict: Run}
	}
	ask := a.risky()
	switch mode {
	case ApprovalApprove:
		ask = false
	case ApprovalPrompt:
		ask, remembered = true, false
	case ApprovalWrites:
		ask = a.ReadOnlyHint == nil || !*a.ReadOnlyHint || (a.DestructiveHint != nil && *a.DestructiveHint)
	}
	switch {
	case !ask || remembered:
		return Decision{Verdict: Run}
	case p.Never:
		return Decision{Verdict: Refuse, Reason: refusedByNever}
	case p.NoElicitations:
		return Decision{Verdict: Refuse, Reason: "MCP tool call requires approval, but the approval policy does not allow MCP elicitations"}
	}
	d := Decision{Verdict: Ask}
	if mode != ApprovalPrompt {
		d.Offer = []string{"session", "always"}
	}
	return d
}

// approvalMeta is the _meta of a question about a tool call, by which clients
// tell it from a server's own.
type approvalMeta struct {
	Kind        string          `json:"codex_approval_kind"`
	Persist     []string        `json:"persist,omitempty"`
	Tool        string          `json:"tool_name"`
	Title       string          `json:"tool_title,omitempty"`
	Description string          `json:"tool_description,omitempty"`
	Annotations json.RawMessage `json:"tool_annotations,omitempty"`
	Params      json.RawMessage `json:"tool_params,omitempty"`
	Display     []displayParam  `json:"tool_params_display,omitzero"`
}

type displayParam struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	Shown string          `json:"display_name"`
}

// Question is the params of the mcpServer/elicitation/request that asks whether
// a call may run.
func (t *Tool) Question(threadID, turnID string, d Decision, arguments json.RawMessage) json.RawMessage {
	meta := approvalMeta{
		Kind: "mcp_tool_call", Persist: d.Offer, Tool: t.Name, Title: t.Title, Description: t.Description,
		Annotations: t.annotations, Params: arguments, Display: display(arguments),
	}
	if len(arguments) == 0 {
		meta.Params = nil
	}
	raw, err := json.Marshal(meta)
	if err != nil { // a part that is not JSON; the question must be put all the same
		raw = json.RawMessage(`{"codex_approval_kind":"mcp_tool_call"}`)
	}
	return elicitation{
		ThreadID: threadID, TurnID: optional(turnID), Server: t.Server, Mode: "form", Meta: raw,
		Message: fmt.Sprintf("Allow the %s MCP server to run tool %q?", t.Server, t.Name),
		Schema:  json.RawMessage(`{"type":"object","properties":{}}`),
	}.encode()
}

// display lists the arguments by name, sorted.
func display(arguments json.RawMessage) []displayParam {
	var members map[string]json.RawMessage
	if json.Unmarshal(arguments, &members) != nil {
		return nil
	}
	out := make([]displayParam, 0, len(members))
	for name, value := range members {
		out = append(out, displayParam{Name: name, Value: value, Shown: name})
	}
	slices.SortFunc(out, func(a, b displayParam) int { return compare(a.Name, b.Name) })
	return out
}

// Answer is the client's to a Question.
type Answer struct {
	Accepted bool
	// Persist is "", "session" or "always".
	Persist string
	// Reason is what the model and the item are told when not Accepted.
	Reason string
}

// ParseAnswer reads the client's response to a Question. What cannot be
// understood counts as a refusal.
func ParseAnswer(response json.RawMessage) Answer {
	var r struct {
		Action string `json:"action"`
		Meta   struct {
			Persist string `json:"persist"`
		} `json:"_meta"`
	}
	if json.Unmarshal(response, &r) != nil {
		r.Action = "cancel"
	}
	switch r.Action {
	case "accept":
		return Answer{Accepted: true, Persist: r.Meta.Persist}
	case "decline":
		return Answer{Reason: "user rejected MCP tool call"}
	}
	return Answer{Reason: "user cancelled MCP tool call"}
}
