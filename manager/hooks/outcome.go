package hooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A run is what became of a hook that was started.
type run struct {
	code     int
	out, err string // what it printed, cut at both ends' limit
	cut      bool   // out is not all of it
	failure  string // it could not be run to its end
}

// An outcome is what a run means.
type outcome struct {
	status   protocol.HookRunStatus
	entries  []protocol.HookOutputEntry
	contexts []string
	stop     string          // why the turn shall end; with status stopped
	block    string          // why what was about to happen shall not; with status blocked
	allow    bool            // of a permission
	input    json.RawMessage // instead of the tool's
}

func (o *outcome) say(kind protocol.HookOutputEntryKind, text string) {
	o.entries = append(o.entries, protocol.HookOutputEntry{Kind: kind, Text: text})
}

func failed(format string, args ...any) outcome {
	o := outcome{status: protocol.HookRunStatusFailed}
	o.say(protocol.HookOutputEntryKindError, fmt.Sprintf(format, args...))
	return o
}

// An answer is the JSON object that a hook may print.
type answer struct {
	Continue       *bool           `json:"continue"`
	StopReason     string          `json:"stopReason"`
	SuppressOutput bool            `json:"suppressOutput"`
	SystemMessage  string          `json:"systemMessage"`
	Decision       string          `json:"decision"`
	Reason         string          `json:"reason"`
	Specific       *specificAnswer `json:"hookSpecificOutput"`
}

type specificAnswer struct {
	Event    Event           `json:"hookEventName"`
	Context  string          `json:"additionalContext"`
	Decision json.RawMessage `json:"decision"` // of a permission
	Verdict  string          `json:"permissionDecision"`
	Why      string          `json:"permissionDecisionReason"`
	Input    json.RawMessage `json:"updatedInput"`
}

// meaning is what a run of a hook of the event means.
func meaning(e Event, r run) outcome {
	switch {
	case r.failure != "":
		return failed("%s", r.failure)
	case r.code == 2 && e.blockable():
		return blockedBy(e, strings.TrimSpace(r.err))
	case r.code != 0 && e.blockable() || r.code != 0 && e.begins():
		return failed("hook exited with code %d", r.code)
	case r.code != 0:
		if text := strings.TrimSpace(r.err); text != "" {
			return failed("%s", text)
		}
		return failed("hook exited with code %d", r.code)
	}
	out := strings.TrimSpace(r.out)
	ok := outcome{status: protocol.HookRunStatusCompleted}
	switch {
	case out == "" || e.silent():
		return ok
	case !e.ends() && out[0] != '{' && out[0] != '[':
		if e.begins() || e == UserPromptSubmit {
			ok.add(out)
		}
		return ok
	}
	a, err := parseAnswer(e, out)
	if err != nil || r.cut {
		return failed("hook returned invalid %s JSON output", e.title())
	}
	return a.meaning(e)
}

// begins and ends are the events at either end of a thread's, or an agent's, work.
func (e Event) begins() bool { return e == SessionStart || e == SubagentStart }
func (e Event) ends() bool   { return e == Stop || e == SubagentStop }

// blockable events stand before or after something that a hook may refuse.
func (e Event) blockable() bool {
	switch e {
	case UserPromptSubmit, PreToolUse, PermissionRequest, PostToolUse, Stop, SubagentStop:
		return true
	}
	return false
}

// silent events are told only: nothing that a hook prints matters.
func (e Event) silent() bool {
	return e.hurried() || e == PreModelRequest || e == PostModelRequest
}

// title is the event in sentences about its output.
func (e Event) title() string {
	switch e {
	case UserPromptSubmit:
		return "user prompt submit"
	case SessionStart:
		return "session start"
	case SubagentStart:
		return "subagent start"
	case Stop:
		return "stop hook"
	case SubagentStop:
		return "subagent stop hook"
	case PreCompact, PostCompact:
		return string(e) + " hook"
	}
	return e.label('-')
}

func (o *outcome) add(context string) {
	if strings.TrimSpace(context) != "" {
		o.contexts = append(o.contexts, context)
		o.say(protocol.HookOutputEntryKindContext, context)
	}
}

func blockedBy(e Event, reason string) outcome {
	if reason == "" {
		what := "blocking reason"
		if e.ends() {
			what = "continuation prompt"
		}
		return failed("%s hook exited with code 2 but did not write a %s to stderr", e, what)
	}
	var o outcome
	o.blocks(reason)
	return o
}

func (o *outcome) blocks(reason string) {
	o.status, o.block = protocol.HookRunStatusBlocked, reason
	o.say(protocol.HookOutputEntryKindFeedback, reason)
}

// parseAnswer reads the object. What is not known in it makes it no answer: a
// hook that was misspelled must not seem to work.
func parseAnswer(e Event, out string) (answer, error) {
	var a answer
	dec := json.NewDecoder(bytes.NewReader([]byte(out)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, err
	}
	if dec.More() {
		return a, errors.New("more than one value")
	}
	if s := a.Specific; s != nil {
		switch {
		case s.Event != e:
			return a, fmt.Errorf("hookEventName %q", s.Event)
		case e.ends() || e == PreCompact || e == PostCompact,
			e != PreToolUse && (s.Verdict != "" || s.Why != "" || s.Input != nil),
			e != PermissionRequest && s.Decision != nil:
			return a, errors.New("a member that the event does not have")
		}
	}
	return a, nil
}

// meaning is what an answer means at an event.
func (a answer) meaning(e Event) outcome {
	o := outcome{status: protocol.HookRunStatusCompleted}
	if a.SystemMessage != "" {
		o.say(protocol.HookOutputEntryKindWarning, a.SystemMessage)
	}
	stops := a.Continue != nil && !*a.Continue
	tool := e == PreToolUse || e == PermissionRequest || e == PostToolUse
	switch {
	case tool && a.SuppressOutput:
		return failed("%s hook returned unsupported suppressOutput", e)
	case stops && (e == PreToolUse || e == PermissionRequest):
		return failed("%s hook returned unsupported continue:false", e)
	}
	if s := a.Specific; s != nil {
		o.add(s.Context)
	}
	if stops && e != SubagentStart { // that an agent shall not start is for its spawner's hooks to say
		o.status, o.stop = protocol.HookRunStatusStopped, a.StopReason
		if o.stop == "" {
			o.stop = string(e) + " hook stopped execution"
		}
		o.say(protocol.HookOutputEntryKindStop, o.stop)
		return o
	}
	switch e {
	case PreToolUse:
		return a.beforeTool(o)
	case PermissionRequest:
		return a.permission(o)
	case UserPromptSubmit, PostToolUse, Stop, SubagentStop:
		return a.decided(e, o)
	}
	return o
}

// decided carries out `"decision": "block"`.
func (a answer) decided(e Event, o outcome) outcome {
	switch {
	case a.Decision == "":
		return o
	case a.Decision != "block":
		return failed("hook returned invalid %s JSON output", e.title())
	case strings.TrimSpace(a.Reason) == "":
		return failed("%s hook returned decision:block without a non-empty reason", e)
	}
	o.blocks(a.Reason)
	return o
}

// beforeTool carries out what a hook says of a tool call: refuse it, in the
// present or an older spelling, or change its input.
func (a answer) beforeTool(o outcome) outcome {
	s := a.Specific
	if s == nil {
		s = &specificAnswer{}
	}
	switch {
	case s.Verdict == "deny" && strings.TrimSpace(s.Why) == "":
		return failed("PreToolUse hook returned permissionDecision:deny without a non-empty permissionDecisionReason")
	case s.Verdict == "deny":
		o.blocks(s.Why)
		return o
	case s.Verdict == "allow" && s.Input != nil:
		o.input = s.Input
		return o
	case s.Verdict != "":
		return failed("PreToolUse hook returned unsupported permissionDecision:%s", s.Verdict)
	case s.Input != nil:
		return failed("PreToolUse hook returned updatedInput without permissionDecision:allow")
	case a.Decision == "approve":
		return failed("PreToolUse hook returned unsupported decision:approve")
	}
	return a.decided(PreToolUse, o)
}

// permission carries out what a hook says to a question in the user's place.
func (a answer) permission(o outcome) outcome {
	if a.Specific == nil || a.Specific.Decision == nil {
		return o
	}
	var d struct {
		Behavior  string          `json:"behavior"`
		Message   string          `json:"message"`
		Input     json.RawMessage `json:"updatedInput"`
		Perms     json.RawMessage `json:"updatedPermissions"`
		Interrupt bool            `json:"interrupt"`
	}
	err := json.Unmarshal(a.Specific.Decision, &d)
	switch {
	case err != nil || d.Behavior != "allow" && d.Behavior != "deny":
		return failed("hook returned invalid %s JSON output", PermissionRequest.title())
	case d.Input != nil:
		return failed("PermissionRequest hook returned unsupported updatedInput")
	case d.Perms != nil:
		return failed("PermissionRequest hook returned unsupported updatedPermissions")
	case d.Interrupt:
		return failed("PermissionRequest hook returned unsupported interrupt:true")
	case d.Behavior == "allow":
		o.allow = true
		return o
	}
	if d.Message == "" {
		d.Message = "PermissionRequest hook denied approval"
	}
	o.blocks(d.Message)
	return o
}
