package rpc_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// A command is confined as asked for. The workspace of a policy, and of the
// configuration, is the host's folder; that of a profile is the command's.
func TestCommandExecWorkspace(t *testing.T) {
	if !sandbox.Probe(t.Context()).Enforced {
		t.Skip("nothing can be confined here")
	}
	h := newHost(t)
	config := "sandbox_mode = \"workspace-write\"\n[sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n"
	if err := os.WriteFile(filepath.Join(h.home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	other := realTemp(t)
	c := h.connect()
	c.initialize()
	script := fmt.Sprintf("cd / ; touch %s/f && echo host; touch %s/f && echo other", h.cwd, other)
	for _, x := range []struct{ name, params, want string }{
		{"by the configuration", ``, "host\n"},
		{"by a policy", `,"sandboxPolicy":{"type":"workspaceWrite","excludeSlashTmp":true,"excludeTmpdirEnvVar":true}`, "host\n"},
		{"by a policy with another root", `,"sandboxPolicy":{"type":"workspaceWrite","excludeSlashTmp":true,"excludeTmpdirEnvVar":true,"writableRoots":["` + other + `"]}`, "host\nother\n"},
		{"by a profile", `,"permissionProfile":":workspace"`, "other\n"},
		{"read only", `,"permissionProfile":":read-only"`, ""},
		{"not at all", `,"sandboxPolicy":{"type":"dangerFullAccess"}`, "host\nother\n"},
	} {
		var r struct{ Stdout string }
		c.call("command/exec", fmt.Sprintf(`{"command":["sh","-c",%q],"cwd":%q%s}`, script, other, x.params), &r)
		if r.Stdout != x.want {
			t.Errorf("%s: wrote %q, want %q", x.name, r.Stdout, x.want)
		}
	}
}

// A client that wants no output is told none, and its command does not wait.
func TestOutputOptedOut(t *testing.T) {
	c := newHost(t).connect()
	c.call("initialize", `{"clientInfo":{"name":"test","version":"1"},"capabilities":{"experimentalApi":true,"optOutNotificationMethods":["command/exec/outputDelta","process/outputDelta","process/exited"]}}`, nil)
	var r struct{ ExitCode int }
	c.call("command/exec", `{"command":["sh","-c","head -c 3000000 /dev/zero; exit 7"],"processId":"p","streamStdoutStderr":true,"disableOutputCap":true}`, &r)
	if r.ExitCode != 7 {
		t.Errorf("ended with %d", r.ExitCode)
	}
	c.call("process/spawn", fmt.Sprintf(`{"command":["sh","-c","echo x"],"processHandle":"p","streamStdoutStderr":true,"cwd":%q}`, t.TempDir()), nil)
	c.hangUp()
	for _, m := range c.history() {
		if strings.HasPrefix(m.Method, "command/") || strings.HasPrefix(m.Method, "process/") {
			t.Errorf("the client was told %s", m.line)
		}
	}
}

// Two connections do not see each other's processes, and one that ends takes its
// own with it.
func TestProcessesBelongToTheConnection(t *testing.T) {
	h := newHost(t)
	a, b := h.connect(), h.connect()
	a.initialize()
	b.initialize()
	spawn := fmt.Sprintf(`{"command":["sleep","1000"],"processHandle":"same","cwd":%q,"timeoutMs":null}`, h.cwd)
	a.call("process/spawn", spawn, nil)
	if m := b.try("process/kill", `{"processHandle":"same"}`); m.Error == nil {
		t.Error("a client killed the process of another")
	}
	b.call("process/spawn", spawn, nil)
	a.hangUp()
	ended := a.notified("process/exited", `"same"`)
	var e struct{ ExitCode int }
	if err := json.Unmarshal(ended.Params, &e); err != nil || e.ExitCode != 137 {
		t.Errorf("the process of a client that is gone: %s", ended.line)
	}
	b.call("process/kill", `{"processHandle":"same"}`, nil) // its own still runs
	b.notified("process/exited", `"same"`)
	h.clients = h.clients[1:]
}

// Requests about other things are answered while commands run, wait for input and
// flood their client.
func TestCommandsHoldUpNobody(t *testing.T) {
	c := newHost(t).connect()
	c.initialize()
	for i := range 20 {
		c.request("command/exec", fmt.Sprintf(`{"command":["sleep","1000"],"processId":"s%d","streamStdin":true,"disableTimeout":true}`, i))
	}
	c.request("command/exec", `{"command":["yes"],"processId":"yes","streamStdoutStderr":true,"disableTimeout":true}`)
	c.call("model/list", `{}`, nil)
	var echo struct{ Stdout string }
	c.call("command/exec", `{"command":["echo","hello"]}`, &echo)
	if echo.Stdout != "hello\n" {
		t.Errorf("got %q", echo.Stdout)
	}
	c.call("command/exec/terminate", `{"processId":"yes"}`, nil)
	c.call("command/exec/terminate", `{"processId":"s19"}`, nil)
}
