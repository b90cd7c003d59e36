package mcp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// refusedKey is where the context of a call has the flag that says that the
// server refused to let the call in. The flag of the session would not do: what
// refused there may have been another request.
type refusedKey struct{}

// rewriter sends requests with the configured headers, the user's login and the
// real method names.
type rewriter struct {
	next         *http.Transport
	headers      map[string]string
	agent        string
	login        *oauth.Source // nil where the settings bring the authorization along
	unauthorized atomic.Bool   // the last answer was that
}

// loginOf is the login of a server's settings.
func loginOf(c *provider.Config) *oauth.Source {
	if c.Login == nil {
		return nil
	}
	return oauth.NewSource(oauth.NewStore(c.Login.Home), oauth.Server{Name: c.Login.Name, URL: c.URL, Headers: c.Headers,
		Resource: c.Login.Resource, ClientID: c.Login.ClientID, ClientSecret: c.Login.ClientSecret})
}

// close ends what requests have left; it waits for a renewal that is under way.
func (t *rewriter) close() {
	t.next.CloseIdleConnections()
	if t.login != nil {
		t.login.Close()
	}
}

// RoundTrip implements http.RoundTripper. A request that is refused for its token
// is sent once more, with another.
func (t *rewriter) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := realMethod(r)
	if err != nil {
		return nil, err
	}
	token := ""
	if t.login != nil {
		if token, err = t.login.Token(r.Context()); err != nil {
			return nil, err
		}
	}
	response, err := t.send(r, body, token)
	if err == nil && response.StatusCode == http.StatusUnauthorized && token != "" {
		renewed, failed := t.login.Renew(r.Context(), token)
		switch {
		case failed == nil:
			_ = response.Body.Close()
			response, err = t.send(r, body, renewed)
		case !errors.Is(failed, oauth.ErrLogin):
			_ = response.Body.Close()
			return nil, failed
		}
	}
	if err != nil {
		return nil, err
	}
	denied := response.StatusCode == http.StatusUnauthorized
	t.unauthorized.Store(denied)
	if refused, ok := r.Context().Value(refusedKey{}).(*atomic.Bool); ok {
		refused.Store(denied)
	}
	if body != nil && strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := bound(response, body); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// realMethod is the body of a request that has one, with the real name of the method.
func realMethod(r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost || r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	return bytes.Replace(body, []byte(`"method":"`+rawPrefix), []byte(`"method":"`), 1), nil
}

// send sends r once, with body in the place of its own.
func (t *rewriter) send(r *http.Request, body []byte, token string) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", t.agent)
	for name, value := range t.headers {
		r.Header.Set(name, value)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Header.Del("Mcp-Method") // of the newest revision; it would name the custom method
	}
	return t.next.RoundTrip(r)
}

// codeTooLarge marks an answer that stands for one which was too large. It is
// outside of what servers may use.
const codeTooLarge = -31999

// bound replaces an answer that is too large; the SDK would read it whole, and
// end the session at one that it cannot read.
func bound(response *http.Response, request []byte) error {
	if 0 <= response.ContentLength && response.ContentLength <= maxLine {
		return nil
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxLine+1))
	_ = response.Body.Close()
	if err != nil {
		return fmt.Errorf("reading the answer of an MCP server: %w", err)
	}
	if e, ok := open(request); ok && len(answer) > maxLine {
		answer = fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":"the result has more than %d bytes, which is the limit"}}`, e.id, codeTooLarge, maxResult)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	return nil
}

// sameOrigin keeps the configured headers, which may hold a key, where they
// were meant to go.
func sameOrigin(r *http.Request, via []*http.Request) error {
	if len(via) >= 10 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}
