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
}
