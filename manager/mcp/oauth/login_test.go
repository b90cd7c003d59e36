package oauth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
	"github.com/codexhost/codexhost/manager/mcp/oauth/oauthtest"
)

// world is a guarded MCP server, its authorization server and a home folder.
type world struct {
	authority *oauthtest.Authority
	guarded   *oauthtest.Guarded
	store     *oauth.Store
	server    oauth.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := &world{authority: oauthtest.Shared(t), store: oauth.NewStore(t.TempDir())}
	w.guarded = oauthtest.Guard(t, w.authority)
	w.server = oauth.Server{Name: "guarded", URL: w.guarded.URL}
	return w
}

func (w *world) begin(t *testing.T, o oauth.Options) *oauth.Login {
	t.Helper()
	o.Store = w.store
	l, err := oauth.Begin(t.Context(), w.server, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// login logs in and returns what is kept.
func (w *world) login(t *testing.T) *oauth.Credentials {
	t.Helper()
	l := w.begin(t, oauth.Options{})
	if status, page, _ := oauthtest.Browse(t, l.URL, oauthtest.Accept); status != http.StatusOK {
		t.Fatalf("the browser ends with %d %s", status, page)
	}
	if err := l.Wait(); err != nil {
		t.Fatal(err)
	}
	return w.kept(t)
}

func (w *world) kept(t *testing.T) *oauth.Credentials {
	t.Helper()
	c, err := w.store.Get(w.server.Name, w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// knock is the status that the guarded server answers a token with.
func (w *world) knock(t *testing.T, token string) int {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.guarded.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestLogin(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{})
	q := query(t, l.URL)
	if q.Get("code_challenge_method") != "S256" || q.Get("resource") != w.guarded.URL || q.Get("scope") != "tools offline_access" || len(q.Get("state")) < 20 {
		t.Errorf("the user is sent to %s", l.URL)
	}
	status, page, address := oauthtest.Browse(t, l.URL, oauthtest.Accept)
	if err := l.Wait(); err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK || !strings.Contains(page, "You are logged in to guarded") {
		t.Errorf("the browser ends with %d %s", status, page)
	}
	c := w.kept(t)
	if c == nil || c.AccessToken == "" || c.RefreshToken == "" || c.Issuer != w.authority.Issuer || c.ClientID == "" || strings.Join(c.Scopes, " ") != "tools" {
		t.Fatalf("what is kept: %+v", c)
	}
	if left := time.Until(c.Expires); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the token is good for %v", left)
	}
	if got := w.knock(t, c.AccessToken); got != http.StatusOK {
		t.Errorf("the server answers the token with %d", got)
	}
	if info, err := os.Stat(w.store.Path()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if _, err := http.Get(address); err == nil {
		t.Error("the callback still listens")
	}
}

func TestRefusedConsent(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{})
	status, page, _ := oauthtest.Browse(t, l.URL, oauthtest.Refuse)
	err := l.Wait()
	var refused *oauth.Refused
	if !errors.As(err, &refused) || err.Error() != "OAuth provider returned `access_denied`: the user said no" {
		t.Errorf("got %v", err)
	}
	if status != http.StatusBadRequest || !strings.Contains(page, "the user said no") {
		t.Errorf("the browser ends with %d %s", status, page)
	}
	if c := w.kept(t); c != nil {
		t.Errorf("kept %+v", c)
	}
}

// Anybody on the machine can ask the callback for something.
func TestStrayAnswersDoNotEndALogin(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{})
	back := query(t, l.URL).Get("redirect_uri")
	state := query(t, l.URL).Get("state")
	for path, want := range map[string]int{
		back + "?code=x&state=wrong": http.StatusBadRequest, back + "?error=access_denied&state=wrong": http.StatusBadRequest,
		back + "?code=x": http.StatusBadRequest, back + "?state=" + state: http.StatusBadRequest, back: http.StatusBadRequest,
		strings.TrimSuffix(back, "callback") + "favicon.ico": http.StatusNotFound,
	} {
		r, err := http.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, r.StatusCode, want)
		}
	}
	oauthtest.Browse(t, l.URL, oauthtest.Accept)
	if err := l.Wait(); err != nil {
		t.Error(err)
	}
}

// An answer that another authorization server gave is refused, and the code is
// not sent anywhere.
func TestForeignIssuer(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{})
	q := query(t, l.URL)
	r, err := http.Get(q.Get("redirect_uri") + "?code=x&iss=https%3A%2F%2Fevil.example&state=" + q.Get("state"))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if err := l.Wait(); err == nil || err.Error() != "OAuth callback issuer does not match this login" {
		t.Errorf("got %v", err)
	}
}

// A code that was made up is refused by the authorization server.
func TestWrongCode(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{})
	q := query(t, l.URL)
	err := l.Answer(t.Context(), q.Get("redirect_uri")+"?code=secret-code&iss="+url.QueryEscape(w.authority.Issuer)+"&state="+q.Get("state"))
	if waited := l.Wait(); err == nil || waited == nil || waited.Error() != err.Error() || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), "secret-code") {
		t.Errorf("got %v, then %v", err, waited)
	}
}

// A browser elsewhere cannot reach the callback; the user brings the address.
func TestAnswerByHand(t *testing.T) {
	w := newWorld(t)
	w.server.Scopes = []string{"files"}
	l := w.begin(t, oauth.Options{CallbackURL: "http://127.0.0.1:1/elsewhere"})
	if got := query(t, l.URL); got.Get("scope") != "files" || got.Get("redirect_uri") != "http://127.0.0.1:1/elsewhere" {
		t.Errorf("the user is sent to %s", l.URL)
	}
	address := oauthtest.Decide(t, l.URL, oauthtest.Accept)
	for _, wrong := range []string{"", "::", "http://127.0.0.1:1/elsewhere", strings.Replace(address, "state=", "state=x", 1)} {
		if err := l.Answer(t.Context(), wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	if err := l.Answer(t.Context(), " "+address+"\r\n"); err != nil {
		t.Error(err)
	}
	if err := l.Answer(t.Context(), address); !errors.Is(err, oauth.ErrStray) {
		t.Errorf("the same address again: %v", err)
	}
	if c := w.kept(t); l.Wait() != nil || c == nil || strings.Join(c.Scopes, " ") != "files" {
		t.Errorf("kept %+v", c)
	}
}

func TestTimeoutAndCancel(t *testing.T) {
	w := newWorld(t)
	l := w.begin(t, oauth.Options{Timeout: time.Millisecond})
	if err := l.Wait(); !errors.Is(err, oauth.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	l = w.begin(t, oauth.Options{})
	back := query(t, l.URL).Get("redirect_uri")
	l.Close()
	if err := l.Wait(); !errors.Is(err, oauth.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	if _, err := http.Get(back); err == nil {
		t.Error("the callback still listens")
	}
	l.Close()
}

func TestCallbackPortInUse(t *testing.T) {
	w := newWorld(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = oauth.Begin(t.Context(), w.server, oauth.Options{Store: w.store, CallbackPort: port})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) || !strings.Contains(err.Error(), "mcp_oauth_callback_port") {
		t.Errorf("got %v", err)
	}
}

// A client that the user has registered has a redirect URI of its own for each
// server, which the authorization server must know.
func TestClientRegisteredByHand(t *testing.T) {
	w := newWorld(t)
	w.server.ClientID = "not yet"
	redirect := query(t, w.begin(t, oauth.Options{}).URL).Get("redirect_uri")
	if redirect[strings.LastIndex(redirect, "/"):] != "/"+oauth.Mark(w.server.URL) {
		t.Errorf("the redirect URI is %s", redirect)
	}
	body, _ := json.Marshal(map[string]any{"redirect_uris": []string{redirect}, "application_type": "native",
		"token_endpoint_auth_method": "client_secret_basic", "grant_types": []string{"authorization_code", "refresh_token"}})
	r, err := http.Post(w.authority.Issuer+"/reg", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.NewDecoder(r.Body).Decode(&client); err != nil || client.Secret == "" {
		t.Fatalf("%+v, %v", client, err)
	}
	w.server.ClientID, w.server.ClientSecret = client.ID, client.Secret
	c := w.login(t) // another port of this machine counts as the same redirect URI
	if c.ClientID != client.ID || c.ClientSecret != "" {
		t.Errorf("kept %+v", c)
	}
	if _, err := oauth.NewSource(w.store, w.server).Renew(t.Context(), c.AccessToken); err != nil {
		t.Errorf("renewing: %v", err)
	}
}

func TestNoRegistration(t *testing.T) {
	no := false
	w := newWorld(t)
	w.server.URL = oauthtest.Guard(t, oauthtest.Start(t, oauthtest.Settings{Registration: &no})).URL
	_, err := oauth.Begin(t.Context(), w.server, oauth.Options{Store: w.store})
	if err == nil || !strings.Contains(err.Error(), "client_id") || !regexp.MustCompile(` http://127\.0\.0\.1/callback/[\w-]{12}, `).MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
}

func TestServerWithoutLogin(t *testing.T) {
	for name, status := range map[string]int{"open": http.StatusOK, "closed": http.StatusUnauthorized} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "well-known") {
				http.NotFound(w, r)
				return
			}
			w.WriteHeader(status)
		}))
		defer server.Close()
		s := oauth.Server{Name: name, URL: server.URL + "/mcp"}
		if offered, err := oauth.Offered(t.Context(), s); offered || err != nil {
			t.Errorf("%s: %v, %v", name, offered, err)
		}
		if _, err := oauth.Begin(t.Context(), s, oauth.Options{Store: oauth.NewStore(t.TempDir())}); err == nil || !strings.Contains(err.Error(), "offers no OAuth login") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a registration answers may hold a secret, and what a token endpoint
// answers a token, even where something is wrong with it.
func TestErrorsShowNoSecrets(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	var reg, token string
	mux.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/auth","token_endpoint":"%[2]s/token","registration_endpoint":"%[2]s/reg","code_challenge_methods_supported":["S256"]}`, server.URL, server.URL)
	})
	mux.HandleFunc("/reg", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, reg)
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(token, "refused") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, token)
	})
	s := oauth.Server{Name: "s", URL: server.URL + "/mcp?key=hush", Headers: map[string]string{"X-Key": "hush"}}
	store := oauth.NewStore(t.TempDir())
	for _, reg = range []string{`{"client_id":1,"client_secret":"hush"}`, `{"client_secret":"hush"}`, `hush`} {
		if _, err := oauth.Begin(t.Context(), s, oauth.Options{Store: store}); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("registration answered %s: %v", reg, err)
		}
	}
	reg = `{"client_id":"c"}`
	for _, token = range []string{`{"access_token":"","refresh_token":"hush"}`, `refused hush`, `{"refused":1,"refresh_token":"hush"}`, `[hush`} {
		l, err := oauth.Begin(t.Context(), s, oauth.Options{Store: store})
		if err != nil {
			t.Fatal(err)
		}
		err = l.Answer(t.Context(), "x?code=hush&state="+query(t, l.URL).Get("state"))
		l.Close()
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("token answered %s: %v", token, err)
		}
	}
}
