package hooks

import (
	"slices"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// An Event is something that happens to a thread, by its name in the files.
type Event string

// The events that files may name, in the order in which hooks are listed.
const (
	PreModelRequest   Event = "PreModelRequest"
	PostModelRequest  Event = "PostModelRequest"
	PreToolUse        Event = "PreToolUse"
	PermissionRequest Event = "PermissionRequest"
	PostToolUse       Event = "PostToolUse"
	PreCompact        Event = "PreCompact"
	PostCompact       Event = "PostCompact"
	SessionStart      Event = "SessionStart"
	SessionEnd        Event = "SessionEnd"
	UserPromptSubmit  Event = "UserPromptSubmit"
	SubagentStart     Event = "SubagentStart"
	SubagentStop      Event = "SubagentStop"
	Stop              Event = "Stop"
	Interrupt         Event = "Interrupt"
)

func allEvents() []Event {
	return []Event{PreModelRequest, PostModelRequest, PreToolUse, PermissionRequest, PostToolUse, PreCompact, PostCompact,
		SessionStart, SessionEnd, UserPromptSubmit, SubagentStart, SubagentStop, Stop, Interrupt}
}

// wire is the event as the protocol spells it: preToolUse.
func (e Event) wire() protocol.HookEventName {
	return protocol.HookEventName(string(e[0]|0x20) + string(e[1:]))
}

// label is the event in lower case, its words joined: pre_tool_use, pre-tool-use.
func (e Event) label(joint byte) string {
	var b []byte
	for i := range len(e) {
		c := e[i]
		if c >= 'A' && c <= 'Z' {
			if c |= 0x20; i > 0 {
				b = append(b, joint)
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// unmatched are the events whose hooks run whatever their matcher says.
func (e Event) unmatched() bool {
	return slices.Contains([]Event{PreModelRequest, PostModelRequest, UserPromptSubmit, Stop, Interrupt}, e)
}

// ToldOfPermissions says whether hooks of the event are told if the user is asked.
func (e Event) ToldOfPermissions() bool {
	switch e {
	case PreModelRequest, PostModelRequest, PreCompact, PostCompact, SessionEnd:
		return false
	}
	return true
}

// hurried events come when somebody waits for an end.
func (e Event) hurried() bool { return e == SessionEnd || e == Interrupt }

// hurriedMost is how long a hook of a hurried event may take.
const hurriedMost = 3 * time.Second

// limit is how long a hook of the event may take when its file does not say.
func (e Event) limit() time.Duration {
	if e.hurried() {
		return time.Second
	}
	return 600 * time.Second
}

func (e Event) scope() protocol.HookScope {
	if e == SessionStart || e == SessionEnd || e == SubagentStart {
		return protocol.HookScopeThread
	}
	return protocol.HookScopeTurn
}
