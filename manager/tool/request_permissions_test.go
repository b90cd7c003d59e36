//go:build unix

package tool_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// permissionsTurn is a turn in a sandbox whose user grants what grant says.
type permissionsTurn struct {
	*execTurn
	id    string
	grant string
	asked string // of the last question
}

func (t *permissionsTurn) TurnID() string                  { return t.id }
func (*permissionsTurn) Sandbox() protocol.SandboxPolicy   { return &protocol.SandboxPolicyReadOnly{} }
func (*permissionsTurn) Approval() protocol.AskForApproval { return protocol.AskForApprovalOnRequest }

func (t *permissionsTurn) Ask(_ context.Context, _ tool.Waiting, method string, params any) ([]byte, error) {
	b, err := protocol.Append(nil, params)
	t.asked = method + " " + string(b)
	return []byte(t.grant), err
}

func TestRequestPermissions(t *testing.T) {
	if !sandbox.Probe(t.Context()).Enforced {
		t.Skip("no sandbox can be had here")
	}
	e, inner := newExec(t)
	e.Approvals.Confine = func(cwd string, _ protocol.SandboxPolicy) sandbox.Policy {
		return sandbox.Policy{Mode: sandbox.ReadOnly, Cwd: cwd}
	}
	wanted, other := t.TempDir(), t.TempDir()
	turn := &permissionsTurn{execTurn: inner, id: "one"}
	ask := func(grant string) string {
		t.Helper()
		turn.grant = grant
		return call(t, tool.Permissions{Approvals: e.Approvals}, turn, "request_permissions", map[string]any{
			"reason": "to build", "permissions": map[string]any{"file_system": map[string]any{"write": []string{wanted}}}})
	}
	writes := func(dir string) bool {
		t.Helper()
		file := filepath.Join(dir, "made")
		_ = os.Remove(file)
		out := call(t, e, turn, "exec_command", map[string]any{"cmd": "touch " + file})
		_, err := os.Stat(file)
		if (err == nil) != strings.Contains(out, "exited with code 0") {
			t.Errorf("touch says %q, and the file: %v", out, err)
		}
		return err == nil
	}
	grant := func(paths, scope string) string {
		return `{"permissions":{"fileSystem":{"write":[` + paths + `]},"network":{"enabled":true}},"scope":"` + scope + `"}`
	}
	quoted := func(path string) string { return `"` + path + `"` }

	if writes(wanted) {
		t.Fatal("the sandbox lets it write unasked")
	}
	if out := ask(`{"permissions":{}}`); writes(wanted) || out != `{"permissions":{},"scope":"turn"}` {
		t.Errorf("nothing granted: %s", out)
	}
	if !strings.HasPrefix(turn.asked, "item/permissions/requestApproval ") || !strings.Contains(turn.asked, quoted(wanted)) {
		t.Errorf("asked %s", turn.asked)
	}
	// More than was asked for is granted: the network and the other folder are not given.
	if out := ask(grant(quoted(wanted)+","+quoted(other), "turn")); out != `{"permissions":{"file_system":{"write":[`+quoted(wanted)+`]}},"scope":"turn"}` {
		t.Errorf("granted %s", out)
	}
	if !writes(wanted) || writes(other) {
		t.Error("granted for the turn, and it holds otherwise")
	}
	turn.id = "two"
	if writes(wanted) {
		t.Error("a grant for one turn holds in the next")
	}
	ask(grant(quoted(wanted), "session"))
	turn.id = "three"
	if !writes(wanted) {
		t.Error("a grant for the session is gone with the turn")
	}
	inner.approval = protocol.AskForApprovalNever
	if out := call(t, tool.Permissions{Approvals: e.Approvals}, inner, "request_permissions", map[string]any{"permissions": map[string]any{}}); !strings.Contains(out, "cannot be asked") {
		t.Errorf("never: %s", out)
	}
}
