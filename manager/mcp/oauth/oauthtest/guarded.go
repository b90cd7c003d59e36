package oauthtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// Guarded is an MCP server at URL that wants a token of an authorization server.
// Its tool "whoami" answers with the scopes of the token.
type Guarded struct {
	URL string

	authority *Authority
	mu        sync.Mutex // guards what follows
	spent     []string   // tokens that are refused, whatever the authorization server says
	seen      []string   // tokens that were let in, each once
}

// Guard starts such a server.
func Guard(t testing.TB, a *Authority) *Guarded {
	t.Helper()
	g := &Guarded{authority: a}
	server := mcp.NewServer(&mcp.Implementation{Name: "guarded", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "who is logged in", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}},
		func(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			scopes := strings.Join(r.Extra.TokenInfo.Scopes, " ")
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "a user with " + scopes}}}, nil, nil
		})
	mux := http.NewServeMux()
	http := httptest.NewServer(mux)
	t.Cleanup(func() {
		for s := range server.Sessions() {
			_ = s.Close()
		}
	})
	t.Cleanup(http.Close)
	t.Cleanup(http.CloseClientConnections) // runs first: streams stay open until then
	g.URL = http.URL + "/mcp"
	description := "/.well-known/oauth-protected-resource/mcp"
	mux.Handle("/mcp", auth.RequireBearerToken(g.check, &auth.RequireBearerTokenOptions{ResourceMetadataURL: http.URL + description})(
		mcp.NewStreamableHTTPHandler(requestless(server), nil)))
	mux.Handle(description, auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: g.URL, AuthorizationServers: []string{a.Issuer}, ScopesSupported: []string{"tools"}}))
	return g
}

func requestless(s *mcp.Server) func(*http.Request) *mcp.Server {
	return func(*http.Request) *mcp.Server { return s }
}

// check lets tokens in that are good, made for this server, and not spent.
func (g *Guarded) check(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	i, err := g.authority.introspect(ctx, token)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !i.Active || i.Aud != g.URL || slices.Contains(g.spent, token) {
		return nil, auth.ErrInvalidToken
	}
	if !slices.Contains(g.seen, token) {
		g.seen = append(g.seen, token)
	}
	return &auth.TokenInfo{UserID: "user", Scopes: strings.Fields(i.Scope), Expiration: time.Unix(i.Exp, 0)}, nil
}

// Expire refuses all tokens from now on that were let in before, as if their time had come.
func (g *Guarded) Expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spent = slices.Clone(g.seen)
}

// Seen is the tokens that were let in, in the order of their first use.
func (g *Guarded) Seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.seen)
}
