package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Server is the settings of one server, as effective for a thread.
type Server struct {
	Name string
	// Err says why it cannot be started although its settings are well formed.
	Err error

	Command string
	Args    []string
	Env     map[string]string
	// EnvVars names variables forwarded from the host's environment.
	EnvVars []string
	// Cwd is where it runs; empty means the thread's, and a relative one is below that.
	Cwd string

	// Plugin is the plugin that brings the server along, instead of a command or a URL.
	Plugin string

	URL               string
	BearerTokenEnvVar string
	HTTPHeaders       map[string]string
	EnvHTTPHeaders    map[string]string // header to variable
	// Login is how the user logs in to URL, if the server wants that.
	Login *Login

	StartupTimeout time.Duration // 0 means 30 s
	ToolTimeout    time.Duration // 0 means 120 s
	Enabled        bool
	Required       bool
	ParallelCalls  bool
	PerThread      bool // shares its process with no other thread
	// EnabledTools nil allows every tool; DisabledTools is applied after it. Raw names.
	EnabledTools  []string
	DisabledTools []string
	ApprovalMode  ApprovalMode
	ToolApproval  map[string]ApprovalMode // per raw tool name
}

const (
	defaultStartup = 30 * time.Second
	defaultTool    = 120 * time.Second
)

func (s *Server) startupTimeout() time.Duration {
	if s.StartupTimeout > 0 {
		return s.StartupTimeout
	}
	return defaultStartup
}

func (s *Server) toolTimeout() time.Duration {
	if s.ToolTimeout > 0 {
		return s.ToolTimeout
	}
	return defaultTool
}

// allows says whether the filters let a tool through.
func (s *Server) allows(tool string) bool {
	if s.EnabledTools != nil && !slices.Contains(s.EnabledTools, tool) {
		return false
	}
	return !slices.Contains(s.DisabledTools, tool)
}

func (s *Server) approvalMode(tool string) ApprovalMode {
	if m, ok := s.ToolApproval[tool]; ok {
		return m
	}
	if s.ApprovalMode == "" {
		return ApprovalAuto
	}
	return s.ApprovalMode
}

// origin is the scheme, host and port of an HTTP server, or nil.
func (s *Server) origin() *string {
	if s.Command != "" {
		return nil
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" {
		return nil
	}
	o := u.Scheme + "://" + u.Host
	return &o
}

// launch is the settings in the shape the provider takes, with a key that is
// equal for servers which may share a process. place is the same without the
// working directory: questions that do not depend on it may share more.
type launch struct {
	server provider.Server
	place  string
	plugin string // that brings the server; empty for settings of the user's

	url     string          // of an HTTP server
	login   *provider.Login // nil if there is none to look for
	settled bool            // the settings bring an authorization along
}

func (s *Server) launch(cwd string, client provider.ClientInfo, env func(string) (string, bool)) (launch, error) {
	if s.Err != nil {
		return launch{}, s.Err
	}
	if s.Plugin != "" {
		key := digest(s.Name, []byte("plugin "+s.Plugin))
		return launch{server: provider.Server{Key: key, Name: s.Name}, place: key, plugin: s.Plugin}, nil
	}
	c := provider.Config{Client: client}
	if s.Command != "" {
		c.Command, c.Args, c.Cwd = s.Command, s.Args, workDir(cwd, s.Cwd)
		c.Env = childEnv(s, env)
	} else {
		headers, err := httpHeaders(s, env)
		if err != nil {
			return launch{}, err
		}
		c.URL, c.Headers, c.Login = s.URL, headers, s.login(headers)
	}
	config, err := json.Marshal(c)
	if err != nil {
		return launch{}, fmt.Errorf("encoding the settings of MCP server %s: %w", s.Name, err)
	}
	l := launch{server: provider.Server{Key: digest(s.Name, config), Name: s.Name, Config: config},
		url: c.URL, login: c.Login, settled: authorized(c.Headers)}
	c.Cwd = ""
	config, err = json.Marshal(c)
	if err != nil {
		return launch{}, fmt.Errorf("encoding the settings of MCP server %s: %w", s.Name, err)
	}
	l.place = digest(s.Name, config)
	return l, nil
}

// alone makes a launch one that only the thread shares.
func (l *launch) alone(thread string) {
	l.server.Key = digest("thread "+thread, []byte(l.server.Key))
	l.place = l.server.Key
}

// digest hides the settings, which may hold secrets; the name is part of it, for
// it is part of what the server's users are told.
func digest(name string, config []byte) string {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write(config)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// httpHeaders are the configured headers, those from variables, and the bearer
// token. A header whose variable is unset or blank is left out; a missing token
// is an error, for the server would only say 401.
func httpHeaders(s *Server, env func(string) (string, bool)) (map[string]string, error) {
	headers := make(map[string]string, len(s.HTTPHeaders)+len(s.EnvHTTPHeaders)+1)
	for name, value := range s.HTTPHeaders {
		if validHeader(name) {
			headers[name] = value
		}
	}
	for name, variable := range s.EnvHTTPHeaders {
		if v, ok := env(variable); ok && strings.TrimSpace(v) != "" && validHeader(name) {
			headers[name] = v
		}
	}
	if s.BearerTokenEnvVar == "" {
		return headers, nil
	}
	switch token, ok := env(s.BearerTokenEnvVar); {
	case !ok:
		//lint:ignore ST1005 clients know the text
		return nil, fmt.Errorf("Environment variable %s for MCP server '%s' is not set", s.BearerTokenEnvVar, s.Name)
	case token == "":
		//lint:ignore ST1005 clients know the text
		return nil, fmt.Errorf("Environment variable %s for MCP server '%s' is empty", s.BearerTokenEnvVar, s.Name)
	default:
		headers["Authorization"] = "Bearer " + token
	}
	return headers, nil
}

// validHeader says whether name is a token in the sense of HTTP.
func validHeader(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r)
	})
}
