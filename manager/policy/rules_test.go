package policy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func TestBrokenRules(t *testing.T) {
	for text, want := range map[string]string{
		`prefix_rule(pattern=[`:                                        "1:22: ",
		`prefix_rule(pattern=[])`:                                      "pattern cannot be empty",
		`prefix_rule(pattern=["a", []])`:                               "pattern alternatives cannot be empty",
		`prefix_rule(pattern=["a", 1])`:                                "pattern element must be a string or list of strings (got int)",
		`prefix_rule(pattern="a")`:                                     "pattern",
		`prefix_rule()`:                                                "missing argument for pattern",
		`prefix_rule(pattern=["a"], foo=1)`:                            "foo",
		`prefix_rule(pattern=["a"], decision="maybe")`:                 "invalid decision: maybe",
		`prefix_rule(pattern=["a"], justification="  ")`:               "justification cannot be empty",
		`prefix_rule(pattern=["a"], match=["b c"])`:                    "unmatched example: b c",
		`prefix_rule(pattern=["a"], match=[["a"], ["b"]])`:             "unmatched example: b",
		`prefix_rule(pattern=["a"], not_match=["a b"])`:                "expected example to not match rule: a b",
		`prefix_rule(pattern=["a"], match=["a; b"])`:                   "not one plain command",
		`prefix_rule(pattern=["a"], match=[[]])`:                       "example cannot be empty",
		"\n\nfrob(x=1)":                                                "3:1: undefined: frob",
		`load("x.rules", "y")`:                                         "load not implemented",
		`network_rule(host="*", protocol="https", decision="allow")`:   "wildcards are not allowed",
		`network_rule(host="a.b", protocol="ftp", decision="allow")`:   "protocol must be one of http, https, socks5_tcp, socks5_udp (got ftp)",
		`network_rule(host="a.b", protocol="https", decision="maybe")`: "invalid decision: maybe",
		`host_executable(name="git", paths=["rel/git"])`:               "paths must be absolute (got rel/git)",
		`host_executable(name="a/b", paths=["/x"])`:                    "name must be a bare executable name (got a/b)",
		`host_executable(name="git", paths=["/usr/bin/hg"])`:           "path `/usr/bin/hg` must have basename `git`",
		"\nx = 1 // 0": "2:7: ",
		"def f(n):\n  for i in range(1 << 30):\n    n += i\n  return n\nf(0)": "it runs for too long",
	} {
		_, err := policy.ParseRules("a.rules", text)
		if e, ok := errors.AsType[*policy.RulesError](err); !ok || !strings.Contains(err.Error(), want) || e.At.Line < 1 || e.At.Column < 1 {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestRulesMatch(t *testing.T) {
	rules := mustParse(t, `
prefix_rule(pattern=["git", ["pull", "fetch"]], decision="prompt", justification="network",
    match=["git pull", ["git", "fetch", "-a"], "/usr/bin/git pull"], not_match=["git push", "git", "pull", "./git pull"])
host_executable(name="hg", paths=["/opt/hg/hg"])
prefix_rule(pattern=["hg"], decision="forbidden")
prefix_rule(pattern=["npm"], decision="forbidden")
prefix_rule(pattern=["make"])
for tool in ["a", "b"]:
    prefix_rule(pattern=[tool])
network_rule(host="example.org", protocol="https", decision="deny")
`)
	for script, want := range map[string]policy.Verdict{
		"git pull": policy.Ask, "git fetch x": policy.Ask, "git push": policy.Run, "hg x": policy.Refuse, "/opt/hg/hg x": policy.Refuse,
		"/usr/bin/hg x": policy.Run, // listed elsewhere, so this one is another program
		"/w/npm x":      policy.Refuse, "a": policy.Run, "b x": policy.Run,
	} {
		d := policy.Decide(rules, policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: readOnly}, policy.Command{Argv: bash(script)})
		if d.Verdict != want {
			t.Errorf("%q: %v, want %v", script, d.Verdict, want)
		}
	}
	if n := rules.Network(); len(n) != 1 || n[0].Host != "example.org" || n[0].Ruling != policy.Forbidden {
		t.Errorf("network rules %v", n)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func verdict(r *policy.Rules, script string) policy.Verdict {
	return policy.Decide(r, policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: full}, policy.Command{Argv: bash(script)}).Verdict
}

func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd [name]*")
	write(t, filepath.Join(dir, "a.rules"), `prefix_rule(pattern=["ls"])`)
	write(t, filepath.Join(dir, "b.rules"), `prefix_rule(pattern=["npm"], decision="forbidden")`)
	write(t, filepath.Join(dir, "c.txt"), `broken(`)
	rules, broken := policy.Load(filepath.Join(dir, "none"), dir)
	if len(broken) > 0 || verdict(rules, "ls") != policy.Run || verdict(rules, "npm") != policy.Refuse {
		t.Fatalf("%v, ls %v, npm %v", broken, verdict(rules, "ls"), verdict(rules, "npm"))
	}
	write(t, filepath.Join(dir, "d.rules"), `broken(`)
	if err := os.MkdirAll(filepath.Join(dir, "e.rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	rules, broken = policy.Load(dir)
	if len(broken) != 2 {
		t.Errorf("errors: %v", broken)
	}
	if verdict(rules, "ls") != policy.Ask {
		t.Error("something is allowed though a file could not be read")
	}
	if verdict(rules, "npm") != policy.Refuse {
		t.Error("what is forbidden is not any more, for an error in another file")
	}
}

func TestAmend(t *testing.T) {
	home := t.TempDir()
	rules := filepath.Join(home, "rules")
	store, broken := policy.Open(home, rules)
	if len(broken) > 0 {
		t.Fatal(broken)
	}
	ctx := context.Background()
	before := store.Rules()
	for range 2 {
		if err := store.Amend(ctx, []string{"touch"}); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(rules, "default.rules")
	if got, _ := os.ReadFile(file); string(got) != "prefix_rule(pattern=[\"touch\"], decision=\"allow\")\n" {
		t.Errorf("file holds %q", got)
	}
	if verdict(store.Rules(), "touch x") != policy.Run || verdict(before, "touch x") != policy.Ask {
		t.Error("the rule is not used at once, or changed the rules of somebody else")
	}
	write(t, file, "# no newline at the end")
	odd := []string{"/bin/bash", "-lc", "echo \"<&>\" 'x\\y' \u00e9 \u2028 \x01 {}\n"}
	if err := store.Amend(ctx, odd); err != nil {
		t.Fatal(err)
	}
	again, broken := policy.Open(home, rules)
	if len(broken) > 0 {
		t.Fatal(broken)
	}
	d := policy.Decide(again.Rules(), policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: full}, policy.Command{Argv: odd})
	if d.Verdict != policy.Run || !d.Unbound {
		t.Errorf("the rule does not survive the file: %+v", d)
	}
	if err := store.Amend(ctx, nil); err == nil {
		t.Error("a rule without words was taken")
	}
	info, err := os.Stat(rules)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder mode %v %v", info.Mode(), err)
	}
}

func TestAmendSideBySide(t *testing.T) {
	home := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		store, _ := policy.Open(home)
		wg.Go(func() {
			for j := range 25 {
				for _, words := range [][]string{{"same", fmt.Sprint(j)}, {"own", fmt.Sprint(i, j)}} {
					if err := store.Amend(context.Background(), words); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(filepath.Join(home, "rules", "default.rules"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "\n"); got != 25+4*25 {
		t.Errorf("%d lines, want %d", got, 25+4*25)
	}
}
