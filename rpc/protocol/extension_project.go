package protocol

// ProjectTrustParams is the params of codexhost/project/trust.
type ProjectTrustParams struct {
	Cwd *string `wire:"cwd,optional,nullable"` // the host's own folder if absent
	// Accept takes the servers as they are now for those that were trusted. It gives no trust to a project that has none.
	Accept  bool    `wire:"accept,optional"`
	Unknown Members `wire:",unknown"`
}

// ProjectTrustResponse is the answer to codexhost/project/trust.
type ProjectTrustResponse struct {
	Root  string `wire:"root"`
	Trust string `wire:"trust"` // undecided, trusted, untrusted
	// Servers are the MCP servers that the project's files name, or say something of; none of a project that is not trusted.
	Servers []ProjectServer `wire:"servers"`
}

// ProjectServer is an MCP server of a project.
type ProjectServer struct {
	Name    string   `wire:"name"`
	Command *string  `wire:"command,optional,omit"`
	Args    []string `wire:"args,optional,omit"`
	URL     *string  `wire:"url,optional,omit"`
	// Accepted is false for one that is new, or different, since the project was trusted: it does not run.
	Accepted bool `wire:"accepted"`
}
