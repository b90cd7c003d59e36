package policy_test

import (
	"bufio"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// sample is what the reference shows of a script that it asks about: testdata/commands.jsonl holds answers of release
// 0.169 in the folder /w/p, under the policy untrusted.
type sample struct {
	Script    string
	Command   string
	Actions   []map[string]any
	Amendment []string
}

// differing are the scripts that we describe in another way, and why.
var differing = map[string]string{
	"ls;":             "the reference shows the separator as a part of the name",
	"ls /":            "the reference has no name for the root",
	"find -name foo":  "the reference takes the pattern for the folder",
	"true && true":    "the reference says nothing of a line of no effect",
	"echo a^b ^c a!b": "the reference finds the caret too hard to split",
	"echo a\\\nb":     "the reference splits a continued word in two",
}

func samples(t testing.TB) []sample {
	f, err := os.Open("testdata/commands.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []sample
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestCommandsAreShownAsTheReferenceDoes(t *testing.T) {
	all := samples(t)
	if len(all) < 200 {
		t.Fatalf("only %d samples", len(all))
	}
	for _, s := range all {
		if differing[s.Script] != "" {
			continue
		}
		argv := []string{"/bin/bash", "-lc", s.Script}
		if got := policy.Redact(protocol.JoinCommand(argv)); got != s.Command {
			t.Errorf("%q is shown as %s, want %s", s.Script, got, s.Command)
		}
		if got := wire(t, policy.Actions(argv, "/w/p")); !reflect.DeepEqual(got, s.Actions) {
			t.Errorf("%q: actions %v\nwant %v", s.Script, got, s.Actions)
		}
		d := policy.Decide(nil, policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: &protocol.SandboxPolicyReadOnly{}}, policy.Command{Argv: argv})
		if d.Verdict != policy.Ask || !slices.Equal(d.Amendment, s.Amendment) {
			t.Errorf("%q: verdict %v, amendment %q, want %q", s.Script, d.Verdict, d.Amendment, s.Amendment)
		}
	}
}

func wire(t testing.TB, actions []protocol.CommandAction) []map[string]any {
	t.Helper()
	out := []map[string]any{}
	for _, a := range actions {
		raw, err := protocol.Append(nil, a)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]any{}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}
