package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

// registered is a client that an authorization server knows.
type registered struct{ id, secret string }

// register makes the client of one login known, unless the user has registered
// one by hand.
func register(ctx context.Context, client *http.Client, s *Server, a *authority, back *callback) (registered, error) {
	if s.ClientID != "" {
		return registered{s.ClientID, s.ClientSecret}, nil
	}
	if a.meta.RegistrationEndpoint == "" {
		return registered{}, fmt.Errorf("%s registers no clients by itself: register one there, for the redirect URI %s, and name it as `oauth = { client_id = \"...\" }` in [mcp_servers.%s]",
			a.meta.Issuer, back.byHand, s.Name)
	}
	kind := "web"
	if u, err := url.Parse(back.redirect); err == nil && loopback(u.Hostname()) {
		kind = "native"
	}
	noting := &statusNoting{next: client.Transport}
	own := *client
	own.Transport = noting
	r, err := oauthex.RegisterClient(ctx, a.meta.RegistrationEndpoint, &oauthex.ClientRegistrationMetadata{
		RedirectURIs: []string{back.redirect}, ClientName: "codexhost", ApplicationType: kind,
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
		TokenEndpointAuthMethod: authMethod(a.meta),
	}, &own)
	if err != nil {
		return registered{}, fmt.Errorf("registering with %s: %w", a.meta.Issuer, noting.failure(err))
	}
	if r.TokenEndpointAuthMethod == "none" {
		r.ClientSecret = ""
	}
	return registered{r.ClientID, r.ClientSecret}, nil
}

// authMethod is how the client is to prove itself: not at all, where it may.
func authMethod(m *oauthex.AuthServerMeta) string {
	methods := m.TokenEndpointAuthMethodsSupported
	for _, method := range []string{"none", "client_secret_post", "client_secret_basic"} {
		if len(methods) == 0 || slices.Contains(methods, method) {
			return method
		}
	}
	return "none" // it will say what it wants
}

// statusNoting remembers with which status a registration was answered. The
// library's errors show the answer, which has a secret in it if the
// registration went well but for a detail.
type statusNoting struct {
	next   http.RoundTripper
	status string
}

// RoundTrip implements http.RoundTripper.
func (n *statusNoting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(r)
	if err == nil {
		n.status = response.Status
	}
	return response, err
}

// failure is err as it can be shown.
func (n *statusNoting) failure(err error) error {
	said, ok := errors.AsType[*oauthex.ClientRegistrationError](err)
	switch {
	case ok:
		return errors.New(clean(said.ErrorCode) + describedAs(said.ErrorDescription))
	case n.status != "":
		return fmt.Errorf("status %s, and an answer of no use", clean(n.status))
	}
	return err // nothing was answered
}

// config is the client as the library takes it.
func (c registered) config(a *authority, redirect string, scopes []string) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	methods := a.meta.TokenEndpointAuthMethodsSupported
	if c.secret != "" && len(methods) > 0 && !slices.Contains(methods, "client_secret_post") {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.id, ClientSecret: c.secret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: a.meta.AuthorizationEndpoint, TokenURL: a.meta.TokenEndpoint, AuthStyle: style},
	}
}

// tokenFailure says why no token was given, without the answer itself.
func tokenFailure(err error) error {
	var said *oauth2.RetrieveError
	switch {
	case !errors.As(err, &said):
		return err // the request failed; its URL has no secrets
	case said.ErrorCode != "":
		return errors.New(clean(said.ErrorCode) + describedAs(said.ErrorDescription))
	case said.Response != nil:
		return fmt.Errorf("status %s", clean(said.Response.Status))
	}
	return errors.New("an answer without a reason")
}

func describedAs(text string) string {
	if text == "" {
		return ""
	}
	return ": " + clean(text)
}

// clean makes a stranger's text one that can be shown: one line, not too long.
func clean(text string) string {
	const most = 300
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
