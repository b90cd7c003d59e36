package sandbox

import "context"

// Report says what the sandbox of this machine can do.
type Report struct {
	OS string `json:"os"`
	// Backend is the means in use: namespaces, bubblewrap, landlock, seatbelt or none.
	Backend string `json:"backend"`
	// Enforced says that both confined modes hold in full.
	Enforced bool `json:"enforced"`
	// Layers are what is put around a confined command, in words.
	Layers []string `json:"layers"`
	// ReadOnly says that the read-only mode holds in full, which may be so where Enforced is not.
	ReadOnly bool `json:"readOnly"`
	// Gaps are what of WorkspaceWrite is not enforced. A command does not start with one, unless Policy.AcceptGaps.
	Gaps []string `json:"gaps,omitempty"`
	// Why says what stands in the way of more, and Fix what the user can do about it.
	Why string `json:"why,omitempty"`
	Fix string `json:"fix,omitempty"`
}

// Probe tries what this machine offers, for real. What is found is remembered: for ever when it is the best there is,
// for a minute otherwise. The first call takes some milliseconds, and never more than ctx allows.
func Probe(ctx context.Context) Report { return probe(ctx) }
