package main

import (
	"encoding/base64"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// A command in a sandbox does not see the logins to MCP servers, not even those
// that are made and renewed while it runs.
func TestLoginsAreHiddenFromCommands(t *testing.T) {
	by := authority(t)
	if r := sandbox.Probe(t.Context()); r.Backend != "namespaces" && r.Backend != "bubblewrap" {
		t.Skip("nothing hides files here: ", r.Backend)
	}
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	home, guarded := guardedHome(t, by)
	host := startTalk(t, exe, home)
	thread := host.thread("failed")

	file := filepath.Join(home, ".credentials.json")
	script := fmt.Sprintf("echo begun; read x; cat %s; echo; read x; cat %s; echo; cat %s/config.toml", file, file, home)
	host.host.calls++
	id := fmt.Sprint(host.host.calls)
	if err := host.host.send(fmt.Sprintf(`{"id":%s,"method":"command/exec","params":{"command":["/bin/sh","-c",%q],"processId":"p","streamStdin":true,"streamStdoutStderr":true,"sandboxPolicy":{"type":"readOnly"},"timeoutMs":25000}}`, id, script)); err != nil {
		t.Fatal(err)
	}
	host.until("the command's beginning", func(m *demoMessage) bool { return m.Method == "command/exec/outputDelta" })
	enter := base64.StdEncoding.EncodeToString([]byte("x\n"))
	for range 2 {
		host.login()
		host.whoami(thread)
		host.call("command/exec/write", fmt.Sprintf(`{"processId":"p","deltaBase64":%q}`, enter), nil)
		guarded.Expire()
		host.whoami(thread)
	}
	ended := func(m *demoMessage) bool { return m.Method == "" && string(m.ID) == id }
	if !slices.ContainsFunc(host.all, ended) {
		host.until("the command's end", ended)
	}
	var said []byte
	for _, m := range host.all {
		if _, rest, ok := strings.Cut(string(m.Params), `"deltaBase64":"`); ok && m.Method == "command/exec/outputDelta" {
			text, _, _ := strings.Cut(rest, `"`)
			raw, _ := base64.StdEncoding.DecodeString(text)
			said = append(said, raw...)
		}
	}
	if !strings.Contains(string(said), "mcp_servers.guarded") || strings.Contains(string(said), "access_token") {
		t.Errorf("the command has read\n%s", said)
	}
	host.end()
}
