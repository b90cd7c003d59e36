package policy_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// words runs a script in a real shell that prints NUL after each word and ^A after each command.
func shellWords(t *testing.T, script string) [][]string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash to compare with")
	}
	out, err := exec.Command(bash, "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00\x01"), "\x00\x01") {
		all = append(all, strings.Split(line, "\x00"))
	}
	return all
}

// TestSplitAgreesWithTheShell has bash say what the words of the plain samples are.
func TestSplitAgreesWithTheShell(t *testing.T) {
	var script strings.Builder
	var want [][]string
	for _, s := range samples(t) {
		commands, plain := policy.Split(bash(s.Script))
		if !plain || len(commands) != 1 || strings.ContainsAny(s.Script, "\n;") || strings.HasPrefix(s.Script, "time ") {
			continue
		}
		fmt.Fprintf(&script, "set -- %s\nprintf '%%s\\0' \"$@\"; printf '\\1'\n", s.Script)
		want = append(want, commands[0])
	}
	got := shellWords(t, script.String())
	if len(got) != len(want) || len(want) < 100 {
		t.Fatalf("%d commands, want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("the shell reads %q, we read %q", got[i], want[i])
		}
	}
}

func TestJoinIsReadBack(t *testing.T) {
	alphabet := []string{"a", " ", "'", "\"", "\\", "$", "`", "!", "^", "*", "~", "\n", "\t", "{", "}", "=", ";", "&", "|", "<", ">", "(", "#", "\u00e9", "-"}
	var script strings.Builder
	var want [][]string
	add := func(words ...string) {
		want = append(want, words)
		fmt.Fprintf(&script, "set -- %s\nprintf '%%s\\0' \"$@\"; printf '\\1'\n", protocol.JoinCommand(words))
	}
	add("", "", "x")
	for _, a := range alphabet {
		for _, b := range alphabet {
			add(a+b, "x"+b+a+"y", b+"x"+a)
		}
	}
	got := shellWords(t, script.String())
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("%q is written so that the shell reads %q", want[i], got[i])
		}
	}
}

// FuzzSplit holds what is taken apart to what is put together again, and looks for scripts that break something.
func FuzzSplit(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.Script)
	}
	f.Add("rm -rf $(cat <<'EOF'\nx\nEOF\n)")
	f.Fuzz(func(t *testing.T, script string) {
		argv := bash(script)
		policy.Actions(argv, "/w/p")
		policy.Dangerous(argv)
		policy.Redact(script)
		commands, plain := policy.Split(argv)
		if !plain {
			if len(commands) != 1 || len(commands[0]) != 3 {
				t.Fatalf("an opaque script became %q", commands)
			}
			return
		}
		if strings.ContainsAny(script, "$`><&()\\") && !strings.ContainsAny(script, "'\"#") && !strings.Contains(script, "&&") && !strings.Contains(script, "\\\n") {
			t.Errorf("%q is taken for plain: %q", script, commands)
		}
		for _, words := range commands {
			again, plain := policy.Split(bash(protocol.JoinCommand(words)))
			if plain && (len(again) != 1 || !slices.Equal(again[0], words)) {
				t.Errorf("%q of %q is read back as %q", words, script, again)
			}
		}
	})
}

func FuzzRules(f *testing.F) {
	f.Add("prefix_rule(pattern=[\"git\", [\"pull\"]], decision=\"prompt\", match=[\"git pull\"])")
	f.Add("host_executable(name=\"git\", paths=[\"/usr/bin/git\"])\nnetwork_rule(host=\"a\", protocol=\"https\", decision=\"deny\")")
	f.Add("[x for x in range(10)]")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := policy.ParseRules("f.rules", text)
		if (rules == nil) == (err == nil) {
			t.Fatal("neither rules nor an error")
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	rules := mustParse(b, `prefix_rule(pattern=["go", ["test", "build"]])`)
	argv := bash("cd sub && go test ./... | head -n 20")
	b.ReportAllocs()
	for b.Loop() {
		policy.Decide(rules, columns[4], policy.Command{Argv: argv})
	}
}

func BenchmarkActions(b *testing.B) {
	argv := bash("cd sub && rg -n foo src | head -n 20")
	b.ReportAllocs()
	for b.Loop() {
		policy.Actions(argv, "/w")
	}
}
