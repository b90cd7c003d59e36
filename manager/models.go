package manager

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
)

// models are the model clients of the process: one connection pool, one client
// for each distinct provider, and the catalogue.
type models struct {
	home      string
	transport *model.Transport

	mu       sync.Mutex                // guards the maps
	clients  map[string]model.Client   // by provider
	catalogs map[string]*model.Catalog // by path of the file; empty for the built-in one
}

func newModels(home string) *models {
	return &models{home: home, transport: model.NewTransport(), clients: make(map[string]model.Client), catalogs: make(map[string]*model.Catalog)}
}

// close ends idle connections. Requests under way belong to their turns.
func (m *models) close() { m.transport.Close() }

// client is the client for a provider; equal providers share one.
func (m *models) client(p model.Provider) (model.Client, error) {
	if p.ID == model.OfflineProviderID {
		return model.NewOffline(), nil
	}
	key, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.clients[string(key)]
	if c == nil {
		auth := model.Auth{LookupEnv: os.LookupEnv}
		if p.RequiresOpenAIAuth {
			auth.Token = m.openAIToken
		}
		c = model.NewResponses(m.transport, p, auth)
		m.clients[string(key)] = c
	}
	return c, nil
}

// providerFor is the provider that a thread uses: the one that is named, else
// the configured one, else OpenAI where there is a key for it, else the built-in
// offline model, which says what it is.
func (m *Manager) providerFor(cfg *config.Config, named string) (model.Provider, error) {
	id := named
	if id == "" {
		id = cfg.ModelProvider
	}
	if id == "" {
		id = "openai"
		if cfg.Host.OfflineFallback && !m.models.hasOpenAIKey() {
			id = model.OfflineProviderID
		}
	}
	if id == model.OfflineProviderID {
		if _, err := cfg.Provider(id); err != nil { // unless the user defines one of that name
			return model.Provider{ID: id, Name: "Offline"}, nil
		}
	}
	p, err := cfg.Provider(id)
	if err != nil {
		return model.Provider{}, &thread.Refusal{Kind: thread.KindConfigInvalid, Message: err.Error(),
			Remedy: "define it in [model_providers." + id + "] or name another model_provider"}
	}
	return model.Provider{
		ID: p.ID, Name: p.Name, BaseURL: p.BaseURL, QueryParams: p.QueryParams,
		EnvKey: p.EnvKey, EnvKeyInstructions: p.EnvKeyInstructions, BearerToken: p.BearerToken, RequiresOpenAIAuth: p.RequiresOpenAIAuth,
		HTTPHeaders: p.HTTPHeaders, EnvHTTPHeaders: p.EnvHTTPHeaders,
		RequestMaxRetries: &p.RequestMaxRetries, StreamMaxRetries: &p.StreamMaxRetries, StreamIdleTimeout: p.StreamIdleTimeout,
	}, nil
}

// authFile is what a login leaves in auth.json.
type authFile struct {
	OpenAIKey *string `json:"OPENAI_API_KEY"`
	Tokens    *struct {
		AccessToken string `json:"access_token"`
	} `json:"tokens"`
}

// openAIKey is the key of the environment, else that of the login.
func (m *models) openAIKey() string {
	if key := os.Getenv("OPENAI_API_KEY"); key != "" {
		return key
	}
	b, err := os.ReadFile(filepath.Join(m.home, "auth.json"))
	if err != nil {
		return ""
	}
	var a authFile
	switch err := json.Unmarshal(b, &a); {
	case err != nil:
		return ""
	case a.OpenAIKey != nil && *a.OpenAIKey != "":
		return *a.OpenAIKey
	case a.Tokens != nil:
		return a.Tokens.AccessToken
	}
	return ""
}

func (m *models) hasOpenAIKey() bool { return m.openAIKey() != "" }

// catalog is the list of models that a configuration names.
func (m *models) catalog(cfg *config.Config) *model.Catalog {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.catalogs[cfg.ModelCatalogJSON]
	if c == nil {
		c = model.NewCatalog(cfg.ModelCatalogJSON)
		m.catalogs[cfg.ModelCatalogJSON] = c
	}
	return c
}

// defaultFor is the model of a thread for which nobody chose one.
func (m *models) defaultFor(cfg *config.Config, provider string) string {
	if provider == model.OfflineProviderID {
		return model.OfflineModel
	}
	return m.catalog(cfg).Default()
}

// openAIToken is the key for one request, so that a login takes effect on the next.
func (m *models) openAIToken(context.Context, bool) (string, error) { return m.openAIKey(), nil }
