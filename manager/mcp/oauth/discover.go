package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// Server is a server as far as logging in to it goes.
type Server struct {
	Name string
	URL  string
	// Headers are sent along with what is asked of the server itself.
	Headers map[string]string
	// Scopes to ask for; nil asks for those that the server names.
	Scopes []string
	// Resource is what tokens are asked for; empty is what the server calls itself.
	Resource string
	// ClientID and ClientSecret are those of a client that was registered by hand.
	// Without, one is registered for each login.
	ClientID     string
	ClientSecret string
}

// authority is who gives out tokens for a server, and for what.
type authority struct {
	resource string
	scopes   []string // that the server names
	meta     *oauthex.AuthServerMeta
}

// Offered says whether a server offers a login. It asks the server, within ctx.
func Offered(ctx context.Context, s Server) (bool, error) {
	client := newHTTP(ctx, &s)
	defer client.CloseIdleConnections()
	a, err := discover(ctx, client, &s)
	return a != nil, err
}

// discover finds the authority of a server; nil if the server has none. What the
// server says in refusing a request comes first, then the well-known places.
func discover(ctx context.Context, client *http.Client, s *Server) (*authority, error) {
	base, err := url.Parse(s.URL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of an MCP server", s.URL)
	}
	challenge, err := probe(ctx, client, s)
	if err != nil {
		return nil, fmt.Errorf("asking the MCP server how to log in: %w", err)
	}
	a := &authority{resource: s.URL, scopes: strings.Fields(challenge["scope"])}
	issuer := origin(base)
	described, err := describe(ctx, client, s, base, challenge["resource_metadata"])
	if described != nil {
		issuer, a.resource = described.AuthorizationServers[0], described.Resource
		if len(a.scopes) == 0 {
			a.scopes = described.ScopesSupported
		}
	}
	if s.Resource != "" {
		a.resource = s.Resource
	}
	meta, asked := auth.GetAuthServerMetadata(ctx, issuer, client)
	switch {
	case asked != nil:
		return nil, errors.Join(err, fmt.Errorf("asking the authorization server %s how to log in: %w", issuer, asked))
	case meta == nil && described != nil:
		return nil, fmt.Errorf("the authorization server %s does not say how to log in: it has no metadata at the well-known places", issuer)
	case meta == nil:
		return nil, err
	}
	a.meta = meta
	return a, nil
}

// probeLimit bounds the wait for a server that says nothing until it has something to say.
const probeLimit = 5 * time.Second

// probe asks the server without a token and returns the parameters of its challenge.
func probe(ctx context.Context, client *http.Client, s *Server) (map[string]string, error) {
	short, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	r, err := get(short, client, s, s.URL, "text/event-stream, application/json")
	switch {
	case err != nil && ctx.Err() == nil && short.Err() != nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	_ = r.Body.Close()
	if r.StatusCode != http.StatusUnauthorized {
		return nil, nil
	}
	challenges, err := oauthex.ParseWWWAuthenticate(r.Header.Values("WWW-Authenticate"))
	if err != nil {
		return nil, nil // the well-known places are left
	}
	for _, c := range challenges {
		if c.Scheme == "bearer" {
			return c.Params, nil
		}
	}
	return nil, nil
}

// describe fetches the server's description of itself as a protected resource:
// from where it says, or from the well-known places. It is nil if there is none.
func describe(ctx context.Context, client *http.Client, s *Server, base *url.URL, said string) (*oauthex.ProtectedResourceMetadata, error) {
	const wellKnown = "/.well-known/oauth-protected-resource"
	places := []string{origin(base) + wellKnown}
	if path := strings.Trim(base.Path, "/"); path != "" {
		places = slices.Insert(places, 0, origin(base)+wellKnown+"/"+path)
	}
	if said != "" {
		places = slices.Insert(places, 0, said)
	}
	var errs []error
	for _, place := range places {
		d, err := describeAt(ctx, client, s, base, place)
		if d != nil {
			return d, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// maxDescription is more than any description of a server has.
const maxDescription = 1 << 20

func describeAt(ctx context.Context, client *http.Client, s *Server, base *url.URL, place string) (*oauthex.ProtectedResourceMetadata, error) {
	if err := checkAddress(place); err != nil {
		return nil, err
	}
	r, err := get(ctx, client, s, place, "application/json")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	switch {
	case 400 <= r.StatusCode && r.StatusCode < 500:
		return nil, nil
	case r.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answered with status %s", place, r.Status)
	}
	var d oauthex.ProtectedResourceMetadata
	if err := json.NewDecoder(io.LimitReader(r.Body, maxDescription)).Decode(&d); err != nil {
		return nil, fmt.Errorf("reading %s: %w", place, err)
	}
	switch {
	case !covers(d.Resource, base):
		return nil, fmt.Errorf("%s describes %q, which is not the server at %s", place, d.Resource, base.Redacted())
	case len(d.AuthorizationServers) == 0:
		return nil, fmt.Errorf("%s names no authorization server", place)
	}
	if err := checkAddress(d.AuthorizationServers[0]); err != nil {
		return nil, err
	}
	return &d, nil
}

// covers says whether a description of resource is one of the server at base: it
// has its origin, and its path or one above.
func covers(resource string, base *url.URL) bool {
	r, err := url.Parse(resource)
	if err != nil || !strings.EqualFold(origin(r), origin(base)) {
		return false
	}
	above, path := strings.TrimSuffix(r.Path, "/"), strings.TrimSuffix(base.Path, "/")
	return path == above || strings.HasPrefix(path, above+"/")
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// checkAddress refuses what could be read on its way.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%q is no URL", address)
	}
	if u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s is neither https nor on this machine", u.Redacted())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get asks for address, with the server's headers where the server is asked.
func get(ctx context.Context, client *http.Client, s *Server, address, accept string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if own, err := url.Parse(s.URL); err == nil && origin(own) == origin(r.URL) {
		for name, value := range s.Headers {
			r.Header.Set(name, value)
		}
	}
	r.Header.Set("Accept", accept)
	response, err := client.Do(r)
	if e, ok := errors.AsType[*url.Error](err); ok { // it shows the query, in which some servers have a key
		return nil, fmt.Errorf("%s: %w", origin(r.URL), e.Err)
	}
	return response, err
}
