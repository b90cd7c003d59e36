package model

import "encoding/json"

// Request is one sampling request. The raw values are sent as they are: valid compact JSON,
// shared with the caller and never written to.
type Request struct {
	Model             string
	Instructions      string            // left out when empty: 0.169 sends them as the first input item
	Input             []json.RawMessage // response items, oldest first
	Tools             []json.RawMessage
	ParallelToolCalls bool
	Reasoning         *Reasoning // nil for models without reasoning
	ServiceTier       string     // as configured; "fast" is sent as "priority"
	Verbosity         string
	OutputSchema      json.RawMessage // a JSON schema for the final message
	Include           []string        // beside reasoning.encrypted_content, which Reasoning brings along
	PromptCacheKey    string          // Metadata.ThreadID when empty

	Metadata Metadata
}

// Reasoning are the knobs of a reasoning model; an empty field is left out, as is Summary "none".
type Reasoning struct {
	Effort, Summary string
}

// Metadata says on whose behalf a request is made. Every empty value is left out of the request.
type Metadata struct {
	Originator, UserAgent string

	SessionID, ThreadID string
	TurnID, RootTurnID  string
	InstallationID      string
	WindowID            string // "<thread id>:<n>", n grows with each compaction
	Subagent            string // "review", "compact", "collab_spawn", ...
	ParentThreadID      string
	BetaFeatures        string          // comma list
	TurnMetadata        json.RawMessage // an object
	TurnState           string          // from ResponseHeader.TurnState of the same turn
}
