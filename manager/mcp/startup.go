package mcp

import (
	"errors"
	"fmt"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// startupText says why a server did not start, in the words that clients know.
func startupText(name string, err error, limit time.Duration) string {
	e, ok := errors.AsType[*provider.StartError](err)
	if !ok {
		return fmt.Sprintf("MCP client for `%s` failed to start: %v", name, err)
	}
	switch e.Stage {
	case provider.StageTimeout:
		return fmt.Sprintf("MCP client for `%s` timed out after %d seconds. Add or adjust `startup_timeout_sec` in your config.toml:\n[mcp_servers.%s]\nstartup_timeout_sec = XX",
			name, int(limit.Seconds()), name)
	case provider.StageAuth:
		d, ok := errors.AsType[*deniedError](err)
		if !ok {
			d = &deniedError{StartError: e}
		}
		return d.text(name)
	}
	return fmt.Sprintf("MCP client for `%s` failed to start: MCP startup failed: %s", name, e.Reason)
}

// toolsError says the same in a status row.
func toolsError(s *Server, err error) string {
	e, ok := errors.AsType[*provider.StartError](err)
	if !ok {
		return err.Error()
	}
	if e.Stage == provider.StageTimeout || e.Stage == provider.StageAuth {
		return startFailure(s, err, s.startupTimeout())
	}
	return "MCP startup failed: " + e.Reason + diagnose(s, err).said()
}

// failedStartup is the news of a failed start.
func failedStartup(server *Server, err error, limit time.Duration) Startup {
	s := Startup{State: Failed, Error: startFailure(server, err, limit)}
	if e, ok := errors.AsType[*provider.StartError](err); ok {
		switch e.Stage {
		case provider.StageCancelled:
			s.State, s.Error = Cancelled, ""
		case provider.StageAuth:
			s.NeedsLogin = true
			if d, ok := errors.AsType[*deniedError](err); ok {
				s.LoginAgain = d.token != ""
			}
		}
	}
	return s
}
