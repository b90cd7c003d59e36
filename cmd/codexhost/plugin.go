package main

import (
	"fmt"
	"os"

	"github.com/codexhost/codexhost/manager"
	builtinmcp "github.com/codexhost/codexhost/plugins/builtin/mcp"
	"github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// servePlugin runs this process as one of the built-in providers. It returns
// only when there is no such role.
func servePlugin(role string) int {
	switch role {
	case manager.SkillsPlugin:
		skill.Serve(skills.New(), about(role, "Finds SKILL.md files in folders."))
	case manager.MCPPlugin:
		mcp.Serve(builtinmcp.New(), about(role, "Runs the MCP servers of the configuration."))
	}
	fmt.Fprintf(os.Stderr, "codexhost: no built-in plugin is called %q\n", role)
	return exitUsage
}

func about(role, description string) serve.Option {
	return serve.About(serve.Manifest{Name: role, Version: version, Description: description})
}
