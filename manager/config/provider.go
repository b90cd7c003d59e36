package config

import (
	"encoding/json"
	"sort"
	"strings"
	"time"
)

// Provider is one model provider: a built-in one or a [model_providers.<id>] table with its defaults filled in.
type Provider struct {
	ID                      string
	Name                    string
	BaseURL                 string // without /responses
	WireAPI                 string // responses
	EnvKey                  string // variable that holds the bearer token
	EnvKeyInstructions      string
	BearerToken             string
	Auth                    *ProviderAuth
	AWS                     json.RawMessage
	QueryParams             map[string]string
	HTTPHeaders             map[string]string
	EnvHTTPHeaders          map[string]string // header to variable
	RequestMaxRetries       int
	StreamMaxRetries        int
	StreamIdleTimeout       time.Duration
	WebsocketConnectTimeout time.Duration
	SupportsWebsockets      bool
	RequiresOpenAIAuth      bool
	BuiltIn                 bool
}

// ProviderAuth is a command whose standard output is the token.
type ProviderAuth struct {
	Command         string
	Args            []string
	Timeout         time.Duration
	RefreshInterval time.Duration // 0: never by itself
	Cwd             string
}

const maxRetries = 100

func defaultProvider(id, name, url string) Provider {
	return Provider{
		ID: id, Name: name, BaseURL: url, WireAPI: "responses", RequestMaxRetries: 4, StreamMaxRetries: 5,
		StreamIdleTimeout: 300 * time.Second, WebsocketConnectTimeout: 15 * time.Second,
	}
}

// builtInProviders need no table. getenv serves the two variables that move the local ones.
func builtInProviders(openAIBase string, getenv func(string) string) map[string]Provider {
	openai := defaultProvider("openai", "OpenAI", orWord(openAIBase, "https://api.openai.com/v1"))
	openai.RequiresOpenAIAuth = true
	openai.EnvHTTPHeaders = map[string]string{
		"OpenAI-Organization": "OPENAI_ORGANIZATION", "OpenAI-Project": "OPENAI_PROJECT",
	}
	local := func(port string) string {
		if u := getenv("CODEX_OSS_BASE_URL"); u != "" {
			return u
		}
		return "http://localhost:" + orWord(getenv("CODEX_OSS_PORT"), port) + "/v1"
	}
	out := map[string]Provider{
		"openai":   openai,
		"ollama":   defaultProvider("ollama", "gpt-oss", local("11434")),
		"lmstudio": defaultProvider("lmstudio", "gpt-oss", local("1234")),
	}
	for id, p := range out {
		p.BuiltIn = true
		out[id] = p
	}
	return out
}

func readProviders(root *node, openAIBase string, getenv func(string) string) map[string]Provider {
	out := builtInProviders(openAIBase, getenv)
	t := root.table("model_providers", "a map")
	if t == nil {
		return out
	}
	var reserved []string
	for _, id := range t.keys() {
		n := t.child(id, "struct ModelProviderInfo")
		if n == nil {
			continue
		}
		switch id {
		case "openai", "ollama", "lmstudio":
			reserved = append(reserved, "`"+id+"`")
		case "amazon-bedrock", "amazon-bedrock-runtime":
			// Not served by this host; only its own part may be set, and it is kept.
			continue
		}
		out[id] = readProvider(n, id)
	}
	if len(reserved) > 0 {
		sort.Strings(reserved)
		root.fail("model_providers contains reserved built-in provider IDs: "+strings.Join(reserved, ", ")+
			". Built-in providers cannot be overridden. Rename your custom provider (for example, `openai-custom`).", "model_providers")
	}
	return out
}

func readProvider(n *node, id string) Provider {
	p := defaultProvider(id, n.str("name"), n.str("base_url"))
	defer n.done()
	if v := n.str("wire_api"); v != "" && v != "responses" {
		if v == "chat" {
			n.fail("`wire_api = \"chat\"` is no longer supported.\nHow to fix: set `wire_api = \"responses\"` in your provider config.", "wire_api")
		} else {
			n.fail("unknown variant `"+v+"`, expected `responses`", "wire_api")
		}
	}
	p.EnvKey, p.EnvKeyInstructions = n.str("env_key"), n.str("env_key_instructions")
	p.BearerToken = n.str("experimental_bearer_token")
	p.Auth = readAuth(n)
	if v, ok := n.get("aws"); ok {
		p.AWS = rawJSON(v)
	}
	p.QueryParams, p.HTTPHeaders, p.EnvHTTPHeaders = n.strMap("query_params"), n.strMap("http_headers"), n.strMap("env_http_headers")
	p.RequestMaxRetries = int(min(n.integer("request_max_retries", "u64", 4), maxRetries))
	p.StreamMaxRetries = int(min(n.integer("stream_max_retries", "u64", 5), maxRetries))
	p.StreamIdleTimeout = millis(n.integer("stream_idle_timeout_ms", "u64", 300_000))
	p.WebsocketConnectTimeout = millis(n.integer("websocket_connect_timeout_ms", "u64", 15_000))
	p.SupportsWebsockets = n.boolean("supports_websockets", false)
	p.RequiresOpenAIAuth = n.boolean("requires_openai_auth", false)
	n.known("model_catalog_url", "gateway_oauth", "project_id", "location", "credential_file", "capabilities", "supports_standalone_web_search")
	checkProvider(n, p)
	return p
}

// checkProvider holds the rules between fields. The error is placed at the model_providers table as a whole.
func checkProvider(n *node, p Provider) {
	bad := func(why string) { n.parent.parent.fail("model_providers."+p.ID+": "+why, "model_providers") }
	switch {
	case strings.TrimSpace(p.Name) == "":
		bad("provider name must not be empty")
	case p.AWS != nil:
		bad("provider aws is only supported for `amazon-bedrock` or `amazon-bedrock-runtime`")
	case p.Auth == nil:
	case strings.TrimSpace(p.Auth.Command) == "":
		bad("provider auth.command must not be empty")
	case p.EnvKey != "":
		bad("provider auth cannot be combined with env_key")
	case p.BearerToken != "":
		bad("provider auth cannot be combined with experimental_bearer_token")
	case p.RequiresOpenAIAuth:
		bad("provider auth cannot be combined with requires_openai_auth")
	}
}

func readAuth(n *node) *ProviderAuth {
	t := n.table("auth", "struct ModelProviderAuthInfo")
	if t == nil {
		return nil
	}
	defer t.done()
	a := &ProviderAuth{
		Command: t.str("command"), Args: t.strs("args"), Cwd: t.str("cwd"),
		Timeout:         millis(t.integer("timeout_ms", "a nonzero u64", 5000)),
		RefreshInterval: millis(t.integer("refresh_interval_ms", "u64", 300_000)),
	}
	if !t.has("command") {
		t.fail("missing field `command`")
	}
	if a.Timeout == 0 {
		t.fail("invalid value: integer `0`, expected a nonzero u64", "timeout_ms")
	}
	return a
}

// millis keeps a huge number of milliseconds from wrapping round.
func millis(ms int64) time.Duration {
	const most = int64(1<<62) / int64(time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond
}

// Provider finds a provider by id; the error is the one clients know.
func (c *Config) Provider(id string) (Provider, error) {
	if p, ok := c.Providers[id]; ok {
		return p, nil
	}
	return Provider{}, &LoadError{Why: "Model provider `" + id + "` not found"}
}
