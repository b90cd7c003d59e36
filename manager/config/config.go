package config

import (
	"encoding/json"
	"time"
)

// Config is what one thread, or the host as a whole, is configured with. It is immutable and shared: read it, never
// change it, maps and slices included.
type Config struct {
	Home        string // the codex home folder
	Cwd         string // the folder the layers were looked up for; empty when none was asked for
	ProjectRoot string // nearest ancestor of Cwd with a root marker, else Cwd
	Trust       Trust  // of Cwd

	Model              string // empty: the first model of the catalogue
	ModelProvider      string // empty: nothing chose one, the caller decides
	ReviewModel        string
	ReasoningEffort    string // any word: models define their own levels
	ReasoningSummary   string // auto, concise, detailed, none or empty
	Verbosity          string // low, medium, high or empty
	ServiceTier        string
	Personality        string // none, friendly, pragmatic or empty
	ContextWindow      *int64 // tokens; nil: the model's
	AutoCompactLimit   *int64 // tokens; nil: the model's
	ToolOutputLimit    *int64 // tokens; nil: the model's
	ModelCatalogJSON   string // absolute path
	HideReasoning      bool
	ShowRawReasoning   bool
	WebSearch          string // disabled, cached, indexed, live or empty
	Instructions       string // legacy key, of no effect
	DeveloperText      string // developer_instructions
	InstructionsFile   string // model_instructions_file, absolute; the caller reads it
	CompactPrompt      string
	CompactPromptFile  string // absolute
	BackgroundTerminal time.Duration

	Approval          Approval
	ApprovalSet       bool // false: Approval is the default that trust gives
	ApprovalsReviewer string
	Sandbox           string // read-only, workspace-write, danger-full-access
	SandboxSet        bool   // false: Sandbox is the default that trust gives
	WorkspaceWrite    WorkspaceWrite
	PermissionProfile string // default_permissions
	AllowLoginShell   bool
	Shell             ShellEnvironment

	Providers  map[string]Provider // built-in ones included
	McpServers map[string]McpServer
	OAuth      OAuth
	Skills     Skills
	Docs       ProjectDocs
	Include    Include
	Agents     Agents
	Features   map[string]bool // as set; ask Feature for the effective value
	Notify     []string
	Hooks      json.RawMessage // the [hooks] table as JSON; nil when absent
	History    History
	AuthStore  string // file, keyring, auto, ephemeral
	ForceLogin string
	Tools      json.RawMessage // the [tools] table as JSON; nil when absent
	Host       Host            // [codexhost]

	// Warnings are what this configuration makes a host say (configWarning), in order.
	Warnings []Warning
	// Layers are all layers, strongest first, disabled ones included.
	Layers []Layer
	// Overrides and Role are those of the Query. They must not be changed.
	Overrides map[string]any
	Role      string

	merged map[string]any
	role   map[string]any // what the file of the role says
	trusts map[string]Trust
}

// Feature is the effective value of a switch.
func (c *Config) Feature(name string) bool {
	if v, ok := c.Features[name]; ok {
		return v
	}
	return FeatureDefault(name)
}

// OAuth is how the user logs in to MCP servers.
type OAuth struct {
	Store        string // auto, file, keyring
	CallbackPort int    // 0: any that is free
	CallbackURL  string // what a browser reaches the callback by, where that is not its address
}

// Approval is the approval policy: a mode, or a table of switches (Mode "granular").
type Approval struct {
	Mode     string // untrusted, on-request, never, granular
	Granular Granular
}

// Granular says which questions may be asked; what may not be asked is refused.
type Granular struct {
	SandboxApproval    bool `json:"sandbox_approval"`
	Rules              bool `json:"rules"`
	SkillApproval      bool `json:"skill_approval"`
	RequestPermissions bool `json:"request_permissions"`
	McpElicitations    bool `json:"mcp_elicitations"`
}

// WorkspaceWrite holds the settings of the workspace-write sandbox.
type WorkspaceWrite struct {
	WritableRoots    []string // absolute
	NetworkAccess    bool
	ExcludeTmpdirEnv bool
	ExcludeSlashTmp  bool
}

// ShellEnvironment is the policy that makes the environment of commands. Patterns are case-insensitive globs.
type ShellEnvironment struct {
	Inherit string // all, core, none
	// IgnoreDefaultExcludes false drops names that look like secrets. DefaultExcludesSet tells whether the user said so:
	// the reference keeps secrets by default, a careful host does not.
	IgnoreDefaultExcludes bool
	DefaultExcludesSet    bool
	Exclude               []string
	Set                   map[string]string
	IncludeOnly           []string
	UseProfile            bool
}

// Skills are the rules and switches of the [skills] table.
type Skills struct {
	Rules               []SkillRule // weakest layer first, file order inside; later rules win
	Bundled             bool
	IncludeInstructions bool
}

// SkillRule switches skills by exact name or by the path of a SKILL.md. Exactly one of Name and Path is set.
type SkillRule struct {
	Name    string
	Path    string
	Enabled bool
	Layer   LayerType
}

// ProjectDocs says which AGENTS.md files are read and how much of them.
type ProjectDocs struct {
	MaxBytes    int64
	Fallbacks   []string
	RootMarkers []string
}

// Include switches parts of the prompt.
type Include struct {
	Permissions        bool
	EnvironmentContext bool
	Apps               bool
	CollaborationMode  bool
}

// Agents limits sub-agents and names their roles.
type Agents struct {
	MaxThreads int64
	MaxDepth   int64
	Roles      map[string]AgentRole
}

// AgentRole is one [agents.<role>] table.
type AgentRole struct {
	Description string
	ConfigFile  string // absolute
	Nicknames   []string
}

// History is about history.jsonl, which a host does not write.
type History struct {
	Persistence string // save-all, none
	MaxBytes    *int64
}

// RoleSays tells whether the role's file sets the dotted key.
func (c *Config) RoleSays(key string) bool {
	_, ok := lookup(c.role, flagPath(key))
	return ok
}

// Explicit says whether some layer sets the dotted key.
func (c *Config) Explicit(key string) bool {
	_, ok := lookup(c.merged, flagPath(key))
	return ok
}

// Raw is the merged value at a dotted key as JSON, nil when absent.
func (c *Config) Raw(key string) json.RawMessage {
	v, ok := lookup(c.merged, flagPath(key))
	if !ok {
		return nil
	}
	return rawJSON(v)
}

func rawJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func lookup(m map[string]any, path []string) (any, bool) {
	var v any = m
	for _, p := range path {
		t, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = t[p]; !ok {
			return nil, false
		}
	}
	return v, true
}
