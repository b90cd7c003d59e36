package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// listedServer is one server as "mcp list --json" shows it. Values that may be
// secrets are masked.
type listedServer struct {
	Name      string          `json:"name"`
	Enabled   bool            `json:"enabled"`
	Why       *string         `json:"disabled_reason"`
	Transport listedTransport `json:"transport"`
	Startup   *float64        `json:"startup_timeout_sec"` // null: the default
	Tool      *float64        `json:"tool_timeout_sec"`
	Auth      string          `json:"auth_status"`
}

type listedTransport struct {
	Type       string            `json:"type"` // stdio, streamable_http, plugin
	Command    string            `json:"command,omitempty"`
	Args       []string          `json:"args,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	EnvVars    []string          `json:"env_vars,omitempty"`
	Cwd        string            `json:"cwd,omitempty"`
	URL        string            `json:"url,omitempty"`
	TokenVar   string            `json:"bearer_token_env_var,omitempty"`
	Headers    map[string]string `json:"http_headers,omitempty"`
	EnvHeaders map[string]string `json:"env_http_headers,omitempty"`
}

func newMcpList(f *flags, out io.Writer) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the servers, and whether you are logged in to them",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := openMcpServers(c.Context(), f)
			if err != nil {
				return err
			}
			auth := m.auth(c.Context())
			if asJSON {
				all := make([]listedServer, 0, len(m.all))
				for i, s := range m.all {
					all = append(all, describeServer(s, auth[i]))
				}
				return printJSON(out, all)
			}
			if len(m.all) == 0 {
				fmt.Fprintln(out, "No MCP servers configured yet. Add a table [mcp_servers.NAME] to config.toml.")
				return nil
			}
			return m.print(out, auth)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON array instead of tables")
	return c
}

// authLimit bounds the question to a server whether it offers a login.
const authLimit = 10 * time.Second

// auth asks about all servers side by side.
func (m *mcpServers) auth(ctx context.Context) []protocol.McpAuthStatus {
	ctx, cancel := context.WithTimeout(ctx, authLimit)
	defer cancel()
	out := make([]protocol.McpAuthStatus, len(m.all))
	var wg sync.WaitGroup
	for i, s := range m.all {
		wg.Go(func() { out[i] = m.service.Auth(ctx, s) })
	}
	wg.Wait()
	return out
}

const masked = "*****"

func describeServer(s mcp.Server, auth protocol.McpAuthStatus) listedServer {
	l := listedServer{Name: s.Name, Enabled: s.Enabled, Startup: secondsOf(s.StartupTimeout, 30*time.Second), Tool: secondsOf(s.ToolTimeout, 120*time.Second)}
	t := &l.Transport
	switch {
	case s.Plugin != "":
		t.Type, t.Command = "plugin", s.Plugin
	case s.Command != "":
		*t = listedTransport{Type: "stdio", Command: s.Command, Args: s.Args, Env: mask(s.Env), EnvVars: s.EnvVars, Cwd: s.Cwd}
	default:
		*t = listedTransport{Type: "streamable_http", URL: s.URL, TokenVar: s.BearerTokenEnvVar, Headers: mask(s.HTTPHeaders), EnvHeaders: s.EnvHTTPHeaders}
	}
	for _, r := range string(auth) { // as the reference writes them here: not_logged_in
		if 'A' <= r && r <= 'Z' {
			l.Auth += "_" + strings.ToLower(string(r))
		} else {
			l.Auth += string(r)
		}
	}
	return l
}

func mask(values map[string]string) map[string]string {
	out := maps.Clone(values)
	for name := range out {
		out[name] = masked
	}
	return out
}

// secondsOf is a time limit, nil for the usual one.
func secondsOf(d, usual time.Duration) *float64 {
	if d == 0 || d == usual {
		return nil
	}
	s := d.Seconds()
	return &s
}

// print writes a table for programs and one for URLs.
func (m *mcpServers) print(out io.Writer, auth []protocol.McpAuthStatus) error {
	var programs, urls strings.Builder
	p, u := tabwriter.NewWriter(&programs, 0, 0, 2, ' ', 0), tabwriter.NewWriter(&urls, 0, 0, 2, ' ', 0)
	fmt.Fprintln(p, "Name\tCommand\tArgs\tEnv\tCwd\tStatus\tAuth")
	fmt.Fprintln(u, "Name\tUrl\tBearer Token Env Var\tStatus\tAuth")
	some := [2]bool{}
	for i, s := range m.all {
		state := map[bool]string{true: "enabled", false: "disabled"}[s.Enabled]
		if s.URL != "" {
			some[1] = true
			fmt.Fprintf(u, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.URL, cmp.Or(s.BearerTokenEnvVar, "-"), state, authWords(auth[i]))
			continue
		}
		some[0] = true
		var env []string
		for _, name := range append(slices.Sorted(maps.Keys(s.Env)), s.EnvVars...) {
			env = append(env, name+"="+masked)
		}
		command := cmp.Or(s.Command, "plugin "+s.Plugin)
		fmt.Fprintf(p, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, command, cmp.Or(strings.Join(s.Args, " "), "-"), cmp.Or(strings.Join(env, ", "), "-"),
			cmp.Or(s.Cwd, "-"), state, authWords(auth[i]))
	}
	if err := cmp.Or(p.Flush(), u.Flush()); err != nil {
		return err
	}
	var tables []string
	for i, table := range []string{programs.String(), urls.String()} {
		if some[i] {
			tables = append(tables, table)
		}
	}
	_, err := io.WriteString(out, strings.Join(tables, "\n"))
	return err
}

func authWords(a protocol.McpAuthStatus) string {
	switch a {
	case protocol.McpAuthStatusUnsupported:
		return "Unsupported"
	case protocol.McpAuthStatusNotLoggedIn:
		return "Not logged in"
	case protocol.McpAuthStatusBearerToken:
		return "Bearer token"
	case protocol.McpAuthStatusOAuth:
		return "OAuth"
	}
	return "Unknown"
}
