package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/mcp"
)

// newMcpCommand is "codexhost mcp": the servers of the configuration, and logging
// in to them. Each verb has a file of its own.
func newMcpCommand(f *flags, in *os.File, out, errw io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:   "mcp",
		Short: "List the MCP servers that are configured, log in to them and out",
		Long: `The servers are those of [mcp_servers] in config.toml, the user's and that of the
project in the working folder. Logins are kept in .credentials.json in the home
folder, which codex reads and writes, too (with mcp_oauth_credentials_store =
"file" in config.toml, it does not look in the keyring first).`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newMcpList(f, out), newMcpLogin(f, in, out, errw), newMcpLogout(f, out))
	return c
}

// mcpServers is the servers that are configured for the working folder.
type mcpServers struct {
	config  *config.Config
	service *mcp.Service // starts none
	all     []mcp.Server
}

func openMcpServers(ctx context.Context, f *flags) (*mcpServers, error) {
	home, err := codexHome()
	if err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the working folder: %w", err)
	}
	loader := config.New(config.Options{Home: home, Flags: f.config, Enable: f.enable, Disable: f.disable, Strict: f.strict})
	cfg, err := loader.Load(ctx, config.Query{Cwd: cwd})
	if err != nil {
		return nil, err
	}
	return &mcpServers{config: cfg, service: mcp.New(mcp.Options{Env: os.LookupEnv, Home: home}), all: manager.ConfiguredServers(cfg)}, nil
}

// named is one of them.
func (m *mcpServers) named(name string) (mcp.Server, error) {
	for _, s := range m.all {
		if s.Name == name {
			return s, nil
		}
	}
	return mcp.Server{}, fmt.Errorf("no MCP server named '%s' found; `codexhost mcp list` shows those that there are", name)
}
