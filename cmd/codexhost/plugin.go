package main

import (
	"fmt"
	"os"

	"github.com/codexhost/codexhost/manager"
	builtinmcp "github.com/codexhost/codexhost/plugins/builtin/mcp"
	"github.com/codexhost/codexhost/plugins/builtin/skills"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// servePlugin runs this process as one of the built-in providers. It returns
// only when there is no such role.
func servePlugin(role string) int {
	switch role {
	case manager.SkillsPlugin:
		skill.Serve(skills.New())
	case manager.MCPPlugin:
		mcp.Serve(builtinmcp.New())
	}
	fmt.Fprintf(os.Stderr, "codexhost: no built-in plugin is called %q\n", role)
	return exitUsage
}
