package model

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Provider says where and how a model is reached. The zero value of a number means its default.
type Provider struct {
	ID, Name string

	BaseURL     string // "/responses" is appended
	QueryParams map[string]string

	EnvKey             string // the variable that holds the bearer
	EnvKeyInstructions string // shown when it is not set
	BearerToken        string
	RequiresOpenAIAuth bool

	HTTPHeaders    map[string]string
	EnvHTTPHeaders map[string]string // header to variable; left out when the variable is unset or empty

	RequestMaxRetries *int          // 4, at most 100
	StreamMaxRetries  *int          // 5, at most 100
	StreamIdleTimeout time.Duration // 5 minutes
}

// OfflineProviderID names the provider that [Offline] stands for.
const OfflineProviderID = "offline"

const (
	defaultRequestRetries = 4
	defaultStreamRetries  = 5
	mostRetries           = 100
	defaultIdleTimeout    = 5 * time.Minute
	openAIBaseURL         = "https://api.openai.com/v1"
)

// Limits are a provider's limits with defaults and caps applied.
type Limits struct {
	RequestMaxRetries int
	StreamMaxRetries  int
	StreamIdleTimeout time.Duration
}

// Limits gives the limits in force.
func (p *Provider) Limits() Limits {
	l := Limits{retries(p.RequestMaxRetries, defaultRequestRetries), retries(p.StreamMaxRetries, defaultStreamRetries), p.StreamIdleTimeout}
	if l.StreamIdleTimeout <= 0 {
		l.StreamIdleTimeout = defaultIdleTimeout
	}
	return l
}

func retries(v *int, dflt int) int {
	if v == nil {
		return dflt
	}
	return min(max(*v, 0), mostRetries)
}

// URL is the address that requests are posted to, query included.
func (p *Provider) URL() string {
	base := p.BaseURL
	if base == "" {
		base = openAIBaseURL
	}
	base, query, _ := strings.Cut(base, "?")
	u := strings.TrimRight(base, "/") + "/responses"
	names := make([]string, 0, len(p.QueryParams))
	for k := range p.QueryParams {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		if query != "" {
			query += "&"
		}
		query += url.QueryEscape(k) + "=" + url.QueryEscape(p.QueryParams[k])
	}
	if query != "" {
		u += "?" + query
	}
	return u
}

// azureHosts mark the endpoints that refuse a request which is not stored.
var azureHosts = [...]string{"openai.azure.", "cognitiveservices.azure.", "aoai.azure.", "azure-api.", "azurefd.", "windows.net/openai"}

// stores reports whether requests must ask the server to keep the response.
func (p *Provider) stores() bool {
	if strings.EqualFold(p.Name, "azure") {
		return true
	}
	base := strings.ToLower(p.BaseURL)
	return slices.ContainsFunc(azureHosts[:], func(h string) bool { return strings.Contains(base, h) })
}

// Auth is where a client gets what it must not hold itself. Both functions may be called
// concurrently and for every request, so that a login takes effect on the next one.
type Auth struct {
	// LookupEnv is os.LookupEnv or a stand-in; nil finds nothing.
	LookupEnv func(name string) (string, bool)
	// Token gives the bearer when the provider has neither EnvKey nor BearerToken: a login, a
	// command's output. It may block within ctx. refresh asks for a new one after a 401 and
	// is tried once. An empty token sends no authorization header. Token may be nil.
	Token func(ctx context.Context, refresh bool) (string, error)
}

// env is a variable without surrounding blanks, "" when it is not set.
func (a *Auth) env(name string) string {
	if a.LookupEnv == nil {
		return ""
	}
	v, _ := a.LookupEnv(name)
	return strings.TrimSpace(v)
}

// bearer resolves the key for one request. canRefresh reports that a 401 is worth a second try.
func (p *Provider) bearer(ctx context.Context, a Auth, refresh bool) (key string, canRefresh bool, err error) {
	switch {
	case p.EnvKey != "":
		v := a.env(p.EnvKey)
		if v == "" {
			return "", false, missingKey(p.EnvKey, p.EnvKeyInstructions)
		}
		return v, false, nil
	case p.BearerToken != "":
		return p.BearerToken, false, nil
	case a.Token != nil:
		key, err = a.Token(ctx, refresh)
		if err != nil && ctx.Err() == nil {
			err = &Error{Kind: FailMissingKey, Message: "getting a token for provider " + p.Name + ": " + err.Error(), Err: err}
		}
		return key, true, err
	}
	return "", false, nil
}
