//go:build unix

package tool_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// judge answers in the user's place, and notes what it was asked.
type judge struct {
	verdict tool.Judgement
	asked   []string
}

func (j *judge) Judge(_ context.Context, callID string, q tool.Question) tool.Judgement {
	input, _ := json.Marshal(q.Input)
	j.asked = append(j.asked, strings.Join(append([]string{callID, q.Tool}, q.Aliases...), " ")+" "+string(input))
	return j.verdict
}

type judgedExec struct {
	*execTurn
	*judge
}

type judgedPatch struct {
	*patchTurn
	*judge
}

// A judge that has an opinion spares the user the question; a refused command
// or patch is no item.
func TestJudges(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict tool.Judgement
		asked   int // the user
		ran     bool
		reads   string
	}{
		{"allowed", tool.Judgement{Allowed: true}, 0, true, ""},
		{"refused", tool.Judgement{Refused: true, Why: "not here"}, 0, false, "not here"},
		{"no opinion", tool.Judgement{}, 1, false, "rejected by user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, turn := newExec(t)
			turn.approval, turn.answer = protocol.AskForApprovalUntrusted, `"decline"`
			j := &judge{verdict: c.verdict}
			out := call(t, e, judgedExec{turn, j}, "exec_command", map[string]any{"cmd": "touch made"})
			_, err := os.Stat(filepath.Join(turn.cwd, "made"))
			if (err == nil) != c.ran || turn.asked != c.asked || !strings.Contains(out, c.reads) {
				t.Errorf("command: ran %v, user asked %d times, model reads %q", err == nil, turn.asked, out)
			}
			if c.verdict.Refused && len(turn.items) > 0 {
				t.Error("a refused command is an item")
			}
			if want := []string{`call-1 Bash {"command":"touch made"}`}; !slices.Equal(j.asked, want) {
				t.Errorf("asked %q, want %q", j.asked, want)
			}
		})
		t.Run(c.name+" patch", func(t *testing.T) {
			turn, p := newPatchTurn(t, protocol.AskForApprovalUntrusted, noSandbox)
			turn.answers = []string{`{"decision":"decline"}`}
			j := &judge{verdict: c.verdict}
			out := output(t, p.Run(t.Context(), judgedPatch{turn, j}, tool.Call{ID: "call-1", Name: "apply_patch", Arguments: addPatch("a", "x"), Custom: true}))
			_, err := os.Stat(filepath.Join(turn.dir, "a"))
			if (err == nil) != c.ran || 1-len(turn.answers) != c.asked || !strings.Contains(out, c.reads) {
				t.Errorf("patch: written %v, %d answers left, model reads %q", err == nil, len(turn.answers), out)
			}
			if c.verdict.Refused && len(turn.log) > 0 {
				t.Errorf("a refused patch told %q", turn.log)
			}
			if len(j.asked) != 1 || !strings.HasPrefix(j.asked[0], `call-1 apply_patch Edit Write {"command":"*** Begin Patch\n`) {
				t.Errorf("asked %q", j.asked)
			}
		})
	}
}
