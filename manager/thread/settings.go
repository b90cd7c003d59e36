package thread

import (
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Settings are what a thread's next turn runs with.
type Settings struct {
	Model       string
	Provider    string // id of the model provider; fixed for the life of a thread
	Effort      string // reasoning effort; empty takes the model's own
	Summary     string // reasoning summary; empty takes "auto"
	Verbosity   string
	ServiceTier string
	Personality string

	Cwd            string   // absolute
	WorkspaceRoots []string // absolute; what "the workspace" means to the client

	Approval protocol.AskForApproval
	Sandbox  protocol.SandboxPolicy

	Mode             protocol.ModeKind // how user and model work together; empty is the default
	ModeInstructions string            // what the model is told of the mode; empty until a client named one

	BaseInstructions      string // replaces the model's own; empty takes these
	DeveloperInstructions string

	ReviewModel string // reviews instead of Model; empty takes Model

	CompactPrompt    string // replaces the built-in one
	AutoCompactLimit int64  // tokens; 0 takes 90 % of the context window

	ShowRawReasoning bool
	StreamMaxRetries int
	DisabledPlugins  []string
	NoAgents         bool // no sub-agents may be started
}

// Overrides change a thread's settings from one turn on. Nil leaves a setting
// as it is.
type Overrides struct {
	Model, Effort, Summary, Cwd, ServiceTier, Personality *string
	Approval                                              protocol.AskForApproval
	Sandbox                                               protocol.SandboxPolicy
	WorkspaceRoots                                        []string
	Collaboration                                         *protocol.CollaborationMode // its model and effort win over those above
}

// with is s as o changes it, and whether that is a change at all.
func (s Settings) with(o Overrides) (Settings, bool) {
	changed := false
	set := func(to *string, from *string) {
		if from != nil && *from != *to {
			*to, changed = *from, true
		}
	}
	set(&s.Model, o.Model)
	set(&s.Effort, o.Effort)
	set(&s.Summary, o.Summary)
	set(&s.ServiceTier, o.ServiceTier)
	set(&s.Personality, o.Personality)
	if o.Cwd != nil && *o.Cwd != s.Cwd {
		s.Cwd, changed = *o.Cwd, true
		s.WorkspaceRoots = []string{s.Cwd}
	}
	if o.WorkspaceRoots != nil {
		s.WorkspaceRoots, changed = o.WorkspaceRoots, true
	}
	if o.Approval != nil && !sameOnWire(o.Approval, s.Approval) {
		s.Approval, changed = o.Approval, true
	}
	if o.Sandbox != nil && !sameOnWire(o.Sandbox, s.Sandbox) {
		s.Sandbox, changed = o.Sandbox, true
	}
	if o.Collaboration != nil {
		in, other := s.inMode(*o.Collaboration)
		s, changed = in, changed || other
	}
	return s, changed
}

// sameOnWire compares two values of the protocol by what they look like on the wire.
func sameOnWire(a, b any) bool {
	x, errX := protocol.Append(nil, a)
	y, errY := protocol.Append(nil, b)
	return errX == nil && errY == nil && string(x) == string(y)
}
