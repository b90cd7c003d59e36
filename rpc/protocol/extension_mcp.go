package protocol

// McpWaitForParams is the params of codexhost/mcp/waitFor.
type McpWaitForParams struct {
	// ThreadID is the thread whose servers are waited for. Without one they are those that the configuration names, which
	// are started for it, and stopped after a while unless a thread wants them.
	ThreadID *string `wire:"threadId,optional,nullable"`
	// Servers are their names; none means all that are enabled.
	Servers []string `wire:"servers,optional"`
	// TimeoutMs is how long to wait; a minute unless said, an hour at most. Each start is bounded by its own
	// startup_timeout_sec all the same.
	TimeoutMs *int64  `wire:"timeoutMs,optional,nullable"`
	Unknown   Members `wire:",unknown"`
}

// McpWaitForResponse is the answer to codexhost/mcp/waitFor: the servers by name, none of which is starting any more. That
// one failed is no error. When the time is over first, the answer is an error of the kind serverFailed, whose data has the
// names of what is still starting ("starting") and this list as it was then ("servers").
type McpWaitForResponse struct {
	Data []McpServerReadiness `wire:"data"`
}

// McpServerReadiness is what became of the start of one server.
type McpServerReadiness struct {
	Name string `wire:"name"`
	// State is ready, failed, cancelled, disabled, or starting, the last in an error only.
	State     string  `wire:"state"`
	Error     *string `wire:"error,nullable"` // why it failed
	ToolCount int64   `wire:"toolCount"`      // after the filters of the configuration
	// Diagnosis is there when it failed.
	Diagnosis *McpServerDiagnosis `wire:"diagnosis,optional,omit"`
}

// McpServerDiagnosis is what is known of a server that did not start.
type McpServerDiagnosis struct {
	ExitCode *int64  `wire:"exitCode,nullable"` // null where it was ended by a signal, or is no process
	Signal   *string `wire:"signal,nullable"`
	// Stderr are its last lines, oldest first.
	Stderr []string `wire:"stderr"`
	// Noise is the first line of its standard output that was no MCP message.
	Noise *string `wire:"noise,nullable"`
	// Advice is what to try.
	Advice string `wire:"advice"`
}

// McpToolsChangedNotification is the params of codexhost/mcp/toolsChanged: a server that is up changed its tools, of which
// the next request to the model knows. Names are the server's own, sorted, without those that the configuration filters out.
type McpToolsChangedNotification struct {
	ThreadID string   `wire:"threadId"`
	Server   string   `wire:"server"`
	Added    []string `wire:"added"`
	Removed  []string `wire:"removed"`
	Changed  []string `wire:"changed"`
}

// McpResourcesChangedNotification is the params of codexhost/mcp/resourcesChanged: the list of a server's resources, or of
// their templates, is another one now.
type McpResourcesChangedNotification struct {
	ThreadID string `wire:"threadId"`
	Server   string `wire:"server"`
}

// McpWaitingNotification is the params of codexhost/mcp/waiting: a turn's next request to the model waits for these
// servers, for a second at most. No servers mean that it waits no longer.
type McpWaitingNotification struct {
	ThreadID string   `wire:"threadId"`
	Servers  []string `wire:"servers"`
}
