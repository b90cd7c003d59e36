package protocol

// ProviderPlugin is one plugin process of this host, as codexhost/plugin/list and codexhost/plugin/statusChanged show it.
// (The protocol's own plugin/... methods are about the reference's plugin bundles, which are something else.)
type ProviderPlugin struct {
	Name string `wire:"name"`
	Kind string `wire:"kind"` // skill, mcp
	// State is idle (not needed yet), starting, ready, broken (it died too often, see retryAt) or closed.
	State string `wire:"state"`
	// ContractVersion is that of the contract that is spoken; null while no process is there, as all of the next three.
	ContractVersion *int64 `wire:"contractVersion,nullable"`
	PID             *int64 `wire:"pid,nullable"`
	StartedAt       *int64 `wire:"startedAt,nullable"` // Unix seconds
	Generation      *int64 `wire:"generation,nullable"`
	Restarts        int64  `wire:"restarts"` // processes that took the place of a dead one
	// Version is the plugin's own, as it says itself; null for built-in ones.
	Version *string `wire:"version,nullable"`
	// MemoryBytes is the resident memory of the process. Notifications do not say it.
	MemoryBytes *int64 `wire:"memoryBytes,nullable"`
	// Checksum is the SHA-256 to which the program is pinned; null if any may run.
	Checksum *string `wire:"checksum,nullable"`
	// Env names the variables that it may see beyond the usual ones, Asks those that it would like to.
	Env  []string                 `wire:"env,optional,omit"`
	Asks []ProviderPluginVariable `wire:"asks,optional,omit"`
	// LastError is the last failure in words, kept after a recovery.
	LastError *string `wire:"lastError,nullable"`
	// Stderr are the last lines that the plugin wrote before that failure, oldest first.
	Stderr []string `wire:"stderr,optional,omit"`
	// RetryAt is when a broken plugin may start again, in Unix seconds.
	RetryAt *int64 `wire:"retryAt,nullable"`
}

// ProviderPluginVariable is a variable of the environment that a plugin asks for.
type ProviderPluginVariable struct {
	Name     string `wire:"name"`
	Why      string `wire:"why"`      // in words, may be empty
	Required bool   `wire:"required"` // without it the plugin is of no use
}

// ProviderPluginListParams is the params of codexhost/plugin/list.
type ProviderPluginListParams struct {
	Unknown Members `wire:",unknown"`
}

// ProviderPluginListResponse is the answer to codexhost/plugin/list: all plugins, built-in ones included, by name.
type ProviderPluginListResponse struct {
	Data []ProviderPlugin `wire:"data"`
}

// ProviderPluginStatusChangedNotification is the params of codexhost/plugin/statusChanged: the plugin as it is now.
type ProviderPluginStatusChangedNotification struct {
	Plugin ProviderPlugin `wire:"plugin"`
}
