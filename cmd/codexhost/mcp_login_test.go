package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp/oauth"
	"github.com/codexhost/codexhost/manager/mcp/oauth/oauthtest"
	"github.com/codexhost/codexhost/rollout/codextest"
)

// authority is an authorization server for tests that start processes.
func authority(t *testing.T) *oauthtest.Authority {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	return oauthtest.Shared(t)
}

// guardedHome is a home with a server that wants a login, and that server.
func guardedHome(t *testing.T, by *oauthtest.Authority) (home string, guarded *oauthtest.Guarded) {
	t.Helper()
	guarded = oauthtest.Guard(t, by)
	url, _ := mockModel(t)
	home = sharedHome(t, url)
	path := filepath.Join(home, "config.toml")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config = append([]byte("mcp_oauth_credentials_store = \"file\"\n"), config...)
	config = fmt.Appendf(config, "[mcp_servers.guarded]\nurl = %q\n", guarded.URL)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return home, guarded
}

// mcpCommand runs "codexhost mcp" and returns what it prints.
func mcpCommand(t *testing.T, home string, args ...string) string {
	t.Helper()
	out, err := mcpProgram(t, home, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mcp %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func mcpProgram(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := exec.LookPath("codexhost") // the test binary by that name
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, exe, append([]string{"mcp"}, args...)...)
	c.Dir = home
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CODEX_HOME=" + home, "TMPDIR=" + t.TempDir(), "SystemRoot=" + os.Getenv("SystemRoot"), "GORACE=" + os.Getenv("GORACE")}
	return c
}

// mcpLogin logs in with the command line; the user brings the address by hand,
// or the browser finds the callback.
func mcpLogin(t *testing.T, home string, byHand bool) {
	t.Helper()
	c := mcpProgram(t, home, "login", "--no-browser", "guarded")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var url string
	for !strings.HasPrefix(url, "http") {
		if url, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("no address: %v\n%s", err, &errs)
		}
	}
	if byHand {
		fmt.Fprintf(in, "not this\n%s\n", oauthtest.Decide(t, strings.TrimSpace(url), oauthtest.Accept))
	} else {
		oauthtest.Browse(t, strings.TrimSpace(url), oauthtest.Accept)
	}
	rest, _ := io.ReadAll(lines)
	if err := c.Wait(); err != nil || !strings.Contains(string(rest), "Successfully logged in to MCP server 'guarded'.") {
		t.Fatalf("mcp login: %v\n%s%s", err, rest, &errs)
	}
	if byHand != strings.Contains(errs.String(), "That is not the address") {
		t.Errorf("it says %q", &errs)
	}
}

func TestMcpLoginOnTheCommandLine(t *testing.T) {
	home, guarded := guardedHome(t, authority(t))
	if got := mcpCommand(t, home, "list"); !strings.Contains(got, guarded.URL) || !strings.Contains(got, "Not logged in") {
		t.Errorf("before: %s", got)
	}
	for _, byHand := range []bool{false, true} {
		mcpLogin(t, home, byHand)
		if got := mcpCommand(t, home, "list", "--json"); !strings.Contains(got, `"auth_status": "o_auth"`) {
			t.Errorf("logged in: %s", got)
		}
		if got := mcpCommand(t, home, "logout", "guarded"); got != "Removed OAuth credentials for 'guarded'.\n" {
			t.Errorf("logout: %s", got)
		}
		if got := mcpCommand(t, home, "logout", "guarded"); got != "No OAuth credentials stored for 'guarded'.\n" {
			t.Errorf("logout again: %s", got)
		}
	}
	out, err := mcpProgram(t, home, "login", "nobody").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no MCP server named 'nobody' found") {
		t.Errorf("%v: %s", err, out)
	}
}

// whoami calls the guarded server's tool as a client does.
func (c *talk) whoami(thread string) {
	c.t.Helper()
	var result struct {
		Content []struct{ Text string }
	}
	c.call("mcpServer/tool/call", fmt.Sprintf(`{"threadId":%q,"server":"guarded","tool":"whoami","arguments":{}}`, thread), &result)
	if len(result.Content) != 1 || result.Content[0].Text != "a user with tools" {
		c.t.Fatalf("the tool answers %+v", result)
	}
}

// thread starts a thread and waits until its server is in a state.
func (c *talk) thread(state string) string {
	c.t.Helper()
	var started readThread
	c.call("thread/start", `{}`, &started)
	c.server(state)
	return started.Thread.ID
}

func (c *talk) server(state string) *demoMessage {
	c.t.Helper()
	is := func(m *demoMessage) bool {
		return m.Method == "mcpServer/startupStatus/updated" && strings.Contains(string(m.Params), `"status":"`+state+`"`)
	}
	for _, m := range c.told {
		if is(m) {
			return m
		}
	}
	return c.until("the server to be "+state, is)
}

// Three hosts share one login. The authorization server ends the grant when a
// refresh token comes twice; so one renews at a time, and the others take what it
// got. Nobody is logged out, and no token gets out of the file.
func TestThreeHostsShareALogin(t *testing.T) {
	home, guarded := guardedHome(t, authority(t))
	mcpLogin(t, home, false)
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	hosts := make([]*talk, 3)
	threads := make([]string, 3)
	for i := range hosts {
		hosts[i] = startTalk(t, exe, home)
		threads[i] = hosts[i].thread("ready")
	}
	const rounds = 5
	for range rounds {
		guarded.Expire()
		var all sync.WaitGroup
		for i := range hosts {
			all.Go(func() { hosts[i].whoami(threads[i]) })
		}
		all.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	for i := range hosts {
		hosts[i].turn(threads[i], "a turn, to have a rollout")
		hosts[i].end()
	}
	tokens := guarded.Seen()
	if len(tokens) != rounds+1 {
		t.Errorf("%d rounds took %d tokens", rounds, len(tokens))
	}
	c, err := oauth.NewStore(home).Get("guarded", guarded.URL)
	if err != nil || c == nil || c.RefreshToken == "" || c.AccessToken != tokens[len(tokens)-1] {
		t.Fatalf("kept %+v, %v", c, err)
	}
	for i := range hosts {
		said := hosts[i].host.stderr.String()
		for _, token := range append(tokens, c.RefreshToken) {
			if strings.Contains(said, token) {
				t.Errorf("a token is in the log: %s", said)
			}
		}
	}
	noTokens(t, home, append(tokens, c.RefreshToken))
}

// noTokens looks for tokens in all files but the one that is for them.
func noTokens(t *testing.T, home string, tokens []string) {
	t.Helper()
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err == nil && filepath.Base(path) == ".credentials.json" {
			if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%s is %v", path, info.Mode())
			}
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, token := range tokens {
			if bytes.Contains(raw, []byte(token)) {
				t.Errorf("a token is in %s", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A host hears of it when another program logs in, and of a login that ends.
func TestHostHearsOfLogins(t *testing.T) {
	home, guarded := guardedHome(t, authority(t))
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	host := startTalk(t, exe, home)
	thread := host.thread("failed")
	mcpLogin(t, home, false)
	host.server("ready")
	host.whoami(thread)

	c, err := oauth.NewStore(home).Get("guarded", guarded.URL)
	if err != nil {
		t.Fatal(err)
	}
	authority(t).Revoke(t, c.ClientID, c.RefreshToken)
	guarded.Expire()
	host.host.calls++
	if err := host.host.send(fmt.Sprintf(`{"id":%d,"method":"mcpServer/tool/call","params":{"threadId":%q,"server":"guarded","tool":"whoami","arguments":{}}}`, host.host.calls, thread)); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(host.host.calls)
	m := host.until("the refusal", func(m *demoMessage) bool { return m.Method == "" && string(m.ID) == id })
	const want = "The guarded MCP server requires OAuth reauthentication. Run `codexhost mcp login guarded`."
	if m.Error == nil || m.Error.Message != want {
		t.Errorf("got %+v", m.Error)
	}
	if m := host.server("failed"); !strings.Contains(string(m.Params), "reauthenticationRequired") || !strings.Contains(string(m.Params), want) {
		t.Errorf("told %s", m.Params)
	}
	if row := host.guarded(thread); row.RuntimeStatus != "authenticationRequired" || row.AuthStatus != "notLoggedIn" {
		t.Errorf("the row is %+v", row)
	}
	host.told = nil
	mcpLogin(t, home, false)
	host.server("ready")
	host.whoami(thread)
	host.end()
}

type guardedRow struct{ RuntimeStatus, AuthStatus string }

// guarded is the row of the guarded server.
func (c *talk) guarded(thread string) guardedRow {
	c.t.Helper()
	var list struct{ Data []guardedRow }
	told := c.told
	c.call("mcpServerStatus/list", fmt.Sprintf(`{"threadId":%q,"detail":"toolsAndAuthOnly"}`, thread), &list)
	c.told = append(told, c.told...)
	if len(list.Data) != 1 {
		c.t.Fatalf("the list is %+v", list)
	}
	return list.Data[0]
}

// login logs in over the wire.
func (c *talk) login() {
	c.t.Helper()
	var answer struct{ AuthorizationURL string }
	c.call("mcpServer/oauth/login", `{"name":"guarded"}`, &answer)
	oauthtest.Browse(c.t, answer.AuthorizationURL, oauthtest.Accept)
	m := c.until("the end of the login", func(m *demoMessage) bool { return m.Method == "mcpServer/oauthLogin/completed" })
	var end struct{ Success bool }
	if err := json.Unmarshal(m.Params, &end); err != nil || !end.Success {
		c.t.Fatalf("the login ends with %s", m.Params)
	}
}

// A login with one of the two programs serves the other; both renew it, and
// neither logs the other out.
func TestLoginIsSharedWithTheReference(t *testing.T) {
	ours, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	theirs := codextest.Binary(t)
	// It asks for offline_access with each renewal where that is advertised, and then this server refuses.
	online := oauthtest.Start(t, oauthtest.Settings{Online: true})
	for _, c := range []struct{ name, first, second string }{{"logged in here", ours, theirs}, {"logged in there", theirs, ours}} {
		t.Run(c.name, func(t *testing.T) {
			home, guarded := guardedHome(t, online)
			a := startTalk(t, c.first, home)
			a.login()
			one := a.thread("ready")
			a.whoami(one)
			b := startTalk(t, c.second, home)
			two := b.thread("ready")
			if row := b.guarded(two); row.AuthStatus != "oAuth" {
				t.Errorf("the row is %+v", row)
			}
			for range 2 {
				guarded.Expire()
				b.whoami(two)
				guarded.Expire()
				a.whoami(one)
			}
			a.end()
			b.end()
		})
	}
}
