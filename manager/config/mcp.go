package config

import (
	"encoding/json"
	"fmt"
	"time"
)

// McpServer is one [mcp_servers.<name>] table. Exactly one of Command and URL is set.
type McpServer struct {
	Name string
	// Err says why the server cannot be started although its table is well formed (a name that cannot be used).
	Err error

	Command string
	Args    []string
	Env     map[string]string
	EnvVars []EnvVar // variables forwarded from the host
	Cwd     string   // as written; empty: the thread's

	URL               string
	BearerTokenEnvVar string
	HTTPHeaders       map[string]string
	EnvHTTPHeaders    map[string]string // header to variable
	Scopes            []string
	OAuthResource     string
	OAuthClientID     string // of a client that was registered by hand; empty: one is registered for each login
	OAuthClientSecret string

	StartupTimeout time.Duration
	ToolTimeout    time.Duration
	Enabled        bool
	Required       bool
	ParallelCalls  bool
	PerThread      bool // a process of its own for each thread; this host's own key
	// EnabledTools nil allows every tool; DisabledTools is applied after it. Both hold raw tool names.
	EnabledTools   []string
	DisabledTools  []string
	ApprovalMode   string            // auto, prompt, writes, approve
	ToolApproval   map[string]string // per raw tool name
	FromProject    bool              // named by a project's own file, so gated by trust
	ToolTimeoutSet bool
	EnvironmentID  string
	Raw            json.RawMessage // the whole table as JSON, unknown keys included
}

// EnvVar is a forwarded variable; Source is local or remote.
type EnvVar struct {
	Name   string
	Source string
}

// Stdio says whether the server is a process of ours.
func (s McpServer) Stdio() bool { return s.Command != "" || s.URL == "" }

func readMcpServers(root *node) map[string]McpServer {
	t := root.table("mcp_servers", "a map")
	if t == nil {
		return nil
	}
	out := make(map[string]McpServer, len(t.vals))
	for _, name := range t.keys() {
		if n := t.child(name, "struct RawMcpServerConfig"); n != nil {
			out[name] = readMcpServer(n, name)
		}
	}
	return out
}

func readMcpServer(n *node, name string) McpServer {
	defer n.done()
	s := McpServer{Name: name, Raw: rawJSON(n.vals)}
	if !validServerName(name) {
		//lint:ignore ST1005 a text that clients know
		s.Err = fmt.Errorf("Invalid MCP server name '%s': must match pattern ^[a-zA-Z0-9_:@/.-]+$", name)
	}
	readTransport(n, &s)
	s.StartupTimeout, s.ToolTimeout = 30*time.Second, 120*time.Second
	if f, ok := n.seconds("startup_timeout_sec"); ok {
		s.StartupTimeout = time.Duration(f * float64(time.Second))
	} else if n.has("startup_timeout_ms") {
		s.StartupTimeout = millis(n.integer("startup_timeout_ms", "u64", 30_000))
	}
	if f, ok := n.seconds("tool_timeout_sec"); ok {
		s.ToolTimeout, s.ToolTimeoutSet = time.Duration(f*float64(time.Second)), true
	}
	s.Enabled, s.Required = n.boolean("enabled", true), n.boolean("required", false)
	s.ParallelCalls, s.PerThread = n.boolean("supports_parallel_tool_calls", false), n.boolean("per_thread", false)
	s.EnabledTools, s.DisabledTools = n.strs("enabled_tools"), n.strs("disabled_tools")
	s.ApprovalMode = orWord(n.oneOf("default_tools_approval_mode", approvalModes...), "auto")
	s.ToolApproval = readToolModes(n)
	s.Scopes = n.strs("scopes")
	s.EnvironmentID = n.str("environment_id")
	n.known("name", "experimental_environment", "startup_timeout_ms", "description")
	return s
}

// readOAuth reads the client that the user has registered with the server's authorization server.
func readOAuth(n *node, s *McpServer) {
	t := n.table("oauth", "struct McpServerOAuthConfig")
	if t == nil {
		return
	}
	s.OAuthClientID, s.OAuthClientSecret = t.str("client_id"), t.str("client_secret")
	t.done()
	switch {
	case t.has("client_secret") && s.OAuthClientSecret == "":
		t.fail("MCP OAuth client_secret must not be empty")
	case s.OAuthClientSecret != "" && s.OAuthClientID == "":
		t.fail("MCP OAuth client_secret requires a nonempty client_id")
	}
}

var approvalModes = []string{"auto", "prompt", "writes", "approve"}

func readToolModes(n *node) map[string]string {
	t := n.table("tools", "a map")
	if t == nil {
		return nil
	}
	out := map[string]string{}
	for _, tool := range t.keys() {
		if e := t.child(tool, "struct McpServerToolConfig"); e != nil {
			if mode := e.oneOf("approval_mode", approvalModes...); mode != "" {
				out[tool] = mode
			}
			e.known("enabled")
			e.done()
		}
	}
	return out
}

// readTransport picks stdio or HTTP by the key that names it and refuses the other one's keys.
func readTransport(n *node, s *McpServer) {
	stdio := []string{"args", "env", "env_vars", "cwd"}
	http := []string{"url", "bearer_token_env_var", "http_headers", "env_http_headers", "oauth_resource", "bearer_token"}
	foreign, transport := http, "stdio"
	switch {
	case n.has("command"):
	case n.has("url"):
		foreign, transport = append(stdio, "bearer_token"), "streamable_http"
	default:
		n.fail("invalid transport")
	}
	for _, key := range foreign {
		if n.has(key) {
			n.fail(key + " is not supported for " + transport)
		}
	}
	s.Command, s.Args, s.Env, s.Cwd = n.str("command"), n.strs("args"), n.strMap("env"), n.str("cwd")
	s.EnvVars = readEnvVars(n)
	s.URL, s.BearerTokenEnvVar = n.str("url"), n.str("bearer_token_env_var")
	s.HTTPHeaders, s.EnvHTTPHeaders = n.strMap("http_headers"), n.strMap("env_http_headers")
	s.OAuthResource = n.str("oauth_resource")
	readOAuth(n, s)
	n.known("bearer_token")
}

func readEnvVars(n *node) []EnvVar {
	v, ok := n.get("env_vars")
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		n.wrong(v, "a sequence", "env_vars")
		return nil
	}
	var out []EnvVar
	for i, e := range list {
		switch x := e.(type) {
		case string:
			out = append(out, EnvVar{x, "local"})
			continue
		case map[string]any:
			name, named := x["name"].(string)
			source, _ := x["source"].(string)
			source = orWord(source, "local")
			if source != "local" && source != "remote" {
				n.fail("unsupported env_vars source `" + source + "`; expected `local` or `remote`")
			}
			if named {
				out = append(out, EnvVar{name, source})
				continue
			}
		}
		n.fail("data did not match any variant of untagged enum McpServerEnvVar", "env_vars", index(i))
	}
	return out
}

func validServerName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case isBare(c), c == ':', c == '@', c == '/', c == '.':
		default:
			return false
		}
	}
	return name != ""
}
