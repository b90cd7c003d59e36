package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func bash(script string) []string { return []string{"/bin/bash", "-lc", script} }

// columns are the policies and sandboxes of the measured matrix.
var columns = []policy.Settings{
	{Approval: protocol.AskForApprovalUntrusted, Sandbox: readOnly}, {Approval: protocol.AskForApprovalUntrusted, Sandbox: workspace}, {Approval: protocol.AskForApprovalUntrusted, Sandbox: full},
	{Approval: protocol.AskForApprovalOnRequest, Sandbox: readOnly}, {Approval: protocol.AskForApprovalOnRequest, Sandbox: workspace}, {Approval: protocol.AskForApprovalOnRequest, Sandbox: full},
	{Approval: protocol.AskForApprovalNever, Sandbox: readOnly}, {Approval: protocol.AskForApprovalNever, Sandbox: workspace}, {Approval: protocol.AskForApprovalNever, Sandbox: full},
	{Approval: noSandbox, Sandbox: readOnly}, {Approval: noSandbox, Sandbox: workspace}, {Approval: noSandbox, Sandbox: full},
}

var (
	readOnly  = &protocol.SandboxPolicyReadOnly{}
	workspace = &protocol.SandboxPolicyWorkspaceWrite{}
	full      = &protocol.SandboxPolicyDangerFullAccess{}
	noSandbox = &protocol.AskForApprovalGranular{Rules: true, SkillApproval: true, RequestPermissions: true, McpElicitations: true}
)

// letters of the matrix: A asks, R runs (F, in the sandbox and so in vain, is the sandbox's to tell), X is refused.
func letter(v policy.Verdict) string { return "RAX"[v : v+1] }

func TestMatrix(t *testing.T) {
	escalated := func(script string) policy.Command {
		return policy.Command{Argv: bash(script), Escalated: true, Justification: "Because."}
	}
	for _, row := range []struct {
		name    string
		command policy.Command
		want    string // untrusted, on-request, never, granular without sandbox_approval; each read-only, workspace, full
	}{
		{"ls", policy.Command{Argv: bash("ls")}, "AAA RRR RRR RRR"},
		{"git status", policy.Command{Argv: bash("git status --short")}, "AAA RRR RRR RRR"},
		{"write in workspace", policy.Command{Argv: bash("touch made.txt")}, "AAA RRR RRR RRR"},
		{"write outside", policy.Command{Argv: bash("touch ../made.txt")}, "AAA RRR RRR RRR"},
		{"rm -rf", policy.Command{Argv: bash("rm -rf x")}, "AAA AAA XXX AAA"},
		{"require_escalated", escalated("touch x"), "AAA AAR XXX XXX"},
	} {
		var got strings.Builder
		for i, s := range columns {
			d := policy.Decide(nil, s, row.command)
			if i%3 == 0 && i > 0 {
				got.WriteByte(' ')
			}
			got.WriteString(letter(d.Verdict))
			if d.Unbound != (row.command.Escalated && d.Verdict == policy.Ask) {
				t.Errorf("%s, column %d: unbound is %t", row.name, i, d.Unbound)
			}
			if (d.Amendment != nil) != (d.Verdict == policy.Ask) {
				t.Errorf("%s, column %d: amendment %q", row.name, i, d.Amendment)
			}
			if (d.Reason != "") != (d.Verdict == policy.Refuse || row.command.Escalated && d.Verdict == policy.Ask) {
				t.Errorf("%s, column %d: reason %q", row.name, i, d.Reason)
			}
		}
		if got.String() != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got.String(), row.want)
		}
	}
	for _, row := range []struct {
		name   string
		inside bool
		want   string
	}{
		{"patch inside workspace", true, "AAA ARR XRR XRR"},
		{"patch outside", false, "AAA AAR XXR XXR"},
	} {
		var got strings.Builder
		for i, s := range columns {
			if i%3 == 0 && i > 0 {
				got.WriteByte(' ')
			}
			got.WriteString(letter(policy.DecidePatch(s, row.inside).Verdict))
		}
		if got.String() != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got.String(), row.want)
		}
	}
}

func TestTexts(t *testing.T) {
	rules := mustParse(t, `
prefix_rule(pattern=["echo", ["pa", "pb"]], decision="prompt", justification="because prompt")
prefix_rule(pattern=["echo", "np"], decision="prompt")
prefix_rule(pattern=["echo", "fb"], decision="forbidden", justification="never do it")
prefix_rule(pattern=["echo", "fn"], decision="forbidden")
prefix_rule(pattern=["touch"])
`)
	noRules := &protocol.AskForApprovalGranular{SandboxApproval: true}
	const dash = "\u2014"
	for _, c := range []struct {
		name   string
		s      policy.Settings
		c      policy.Command
		want   policy.Verdict
		reason string
		whole  bool
	}{
		{"prompt", policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: full}, policy.Command{Argv: bash("echo pb z")}, policy.Ask, "`/bin/bash -lc 'echo pb z'` requires approval: because prompt", false},
		{"prompt without words", policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: full}, policy.Command{Argv: bash("echo np")}, policy.Ask, "`/bin/bash -lc 'echo np'` requires approval by policy", false},
		{"prompt before the model's reason", policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: workspace}, policy.Command{Argv: bash("echo zz && echo pa"), Escalated: true, Justification: "Because."}, policy.Ask, "`/bin/bash -lc 'echo zz && echo pa'` requires approval: because prompt", false},
		{"prompt, never", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: full}, policy.Command{Argv: bash("touch t && echo pa")}, policy.Refuse, "approval required by policy, but AskForApproval is set to Never", false},
		{"prompt, granular", policy.Settings{Approval: noRules, Sandbox: workspace}, policy.Command{Argv: bash("echo pa")}, policy.Refuse, "approval required by policy rule, but AskForApproval::Granular.rules is false", false},
		{"forbidden", policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: full}, policy.Command{Argv: bash("touch t4 && echo fb")}, policy.Refuse, "`/bin/bash -lc 'touch t4 && echo fb'` rejected: never do it", false},
		{"forbidden without words", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: full}, policy.Command{Argv: bash("echo fn x")}, policy.Refuse, "`/bin/bash -lc 'echo fn x'` rejected: policy forbids commands starting with `echo fn`", false},
		{"rm -f, never", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: full}, policy.Command{Argv: bash("rm -rf x")}, policy.Refuse, "`/bin/bash -lc 'rm -rf x'` rejected: rm -f style commands are not permitted. Use a safer approach", false},
		{"escalated, never", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: readOnly}, policy.Command{Argv: bash("ls"), Escalated: true}, policy.Refuse, "approval policy is Never; reject command " + dash + " you cannot ask for escalated permissions if the approval policy is Never", true},
		{"escalated, granular", policy.Settings{Approval: noSandbox, Sandbox: readOnly}, policy.Command{Argv: bash("ls"), Escalated: true}, policy.Refuse,
			"approval policy is Granular(GranularApprovalConfig { sandbox_approval: false, rules: true, skill_approval: true, request_permissions: true, mcp_elicitations: true }); reject command " + dash +
				" you cannot ask for escalated permissions if the approval policy is Granular(GranularApprovalConfig { sandbox_approval: false, rules: true, skill_approval: true, request_permissions: true, mcp_elicitations: true })", true},
		{"the model's reason", policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: workspace}, policy.Command{Argv: bash("ls"), Escalated: true, Justification: "Because."}, policy.Ask, "Because.", false},
		{"a policy from later", policy.Settings{Approval: protocol.AskForApprovalRaw(`"sometimes"`), Sandbox: protocol.SandboxPolicyRaw(`{}`)}, policy.Command{Argv: bash("ls")}, policy.Ask, "", false},
		{"no sandbox here, on-request", policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: readOnly, Unenforceable: true}, policy.Command{Argv: bash("ls")}, policy.Ask, "", false},
		{"no sandbox here, never", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: readOnly, Unenforceable: true}, policy.Command{Argv: bash("ls")}, policy.Refuse, "the sandbox cannot be enforced on this machine; rejected by user approval settings", false},
		{"no sandbox needed", policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: full, Unenforceable: true}, policy.Command{Argv: bash("ls")}, policy.Run, "", false},
		{"safe commands trusted", policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: readOnly, TrustSafe: true}, policy.Command{Argv: bash("ls && cat x | wc -l")}, policy.Run, "", false},
		{"safe commands trusted, not in the sandbox", policy.Settings{Approval: protocol.AskForApprovalUntrusted, Sandbox: readOnly, TrustSafe: true, Unenforceable: true}, policy.Command{Argv: bash("ls")}, policy.Ask, "", false},
	} {
		d := policy.Decide(rules, c.s, c.c)
		if d.Verdict != c.want || d.Reason != c.reason || d.Whole != c.whole {
			t.Errorf("%s: %v %t\n got %s\nwant %s", c.name, d.Verdict, d.Whole, d.Reason, c.reason)
		}
		if d.Verdict == policy.Ask && strings.Contains(d.Reason, "requires approval") && d.Amendment != nil {
			t.Errorf("%s: a rule that asks is offered to be overruled by %q", c.name, d.Amendment)
		}
	}
	for _, c := range []struct {
		s    policy.Settings
		want string
	}{
		{policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: readOnly}, "patch rejected: writing is blocked by read-only sandbox; rejected by user approval settings"},
		{policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: workspace}, "patch rejected: writing outside of the project; rejected by user approval settings"},
	} {
		if d := policy.DecidePatch(c.s, false); d.Reason != c.want || !d.Whole {
			t.Errorf("got %q, want %q", d.Reason, c.want)
		}
	}
}

func TestAllowedByRules(t *testing.T) {
	rules := mustParse(t, `
prefix_rule(pattern=["touch"])
prefix_rule(pattern=["uptime"])
prefix_rule(pattern=["rm"])
prefix_rule(pattern=["multi"])
prefix_rule(pattern=["multi", "x"], decision="forbidden")
`)
	for _, c := range []struct {
		script  string
		unbound bool
		want    policy.Verdict
	}{
		{"touch x", true, policy.Run},
		{"touch x && uptime | touch y", true, policy.Run},
		{"touch x && ls", false, policy.Run}, // ls is not ruled: the line stays inside
		{"/usr/bin/touch x", true, policy.Run},
		{"/w/p/touch x", false, policy.Run},
		{"./touch x", false, policy.Run},
		{"rm -rf x", true, policy.Run}, // the user said so
		{"touch x && sudo rm -rf y", false, policy.Refuse},
		{"FOO=1 touch x", false, policy.Run},
		{"touch x > y", false, policy.Run},
		{"touch $(x)", false, policy.Run},
		{"bash -c 'touch x'", false, policy.Run},
		{"sudo touch x", false, policy.Run},
		{"multi y", true, policy.Run},
		{"multi x", false, policy.Refuse},
	} {
		d := policy.Decide(rules, policy.Settings{Approval: protocol.AskForApprovalNever, Sandbox: workspace}, policy.Command{Argv: bash(c.script)})
		if d.Verdict != c.want || d.Unbound != c.unbound {
			t.Errorf("%q: %v unbound %t, want %v %t", c.script, d.Verdict, d.Unbound, c.want, c.unbound)
		}
	}
}

func TestProposedAmendments(t *testing.T) {
	rules := mustParse(t, `prefix_rule(pattern=["ls"])`)
	for _, c := range []struct {
		script string
		prefix []string
		want   []string
	}{
		{"touch a", []string{"touch"}, []string{"touch"}},
		{"touch b", []string{"python3"}, []string{"touch", "b"}},
		{"touch c", nil, []string{"touch", "c"}},
		{"touch c", []string{}, []string{"touch", "c"}},
		{"git push", []string{"git"}, []string{"git", "push"}},
		{"git push x", []string{"git", "push"}, []string{"git", "push"}},
		{"bash -c x", []string{"bash", "-c"}, []string{"bash", "-c", "x"}},
		{"python3 x.py", []string{"python3"}, []string{"python3", "x.py"}},
		{"python3.12 -m x", []string{"python3.12", "-m"}, []string{"python3.12", "-m", "x"}},
		{"env x", []string{"env"}, []string{"env", "x"}},
		{"npm run x", []string{"npm", "run"}, []string{"npm", "run", "x"}},
		{"rm -rf x", []string{"rm"}, []string{"rm", "-rf", "x"}},
		{"touch a && touch b", []string{"touch"}, []string{"touch"}},
		{"touch a && cat", []string{"touch"}, []string{"touch", "a"}},
		{"ls && touch a", []string{"touch"}, []string{"touch"}},
		{"ls && touch a", nil, []string{"touch", "a"}},
		{"touch q > z", []string{"touch"}, bash("touch q > z")},
		{"FOO=1 ls", nil, bash("FOO=1 ls")},
	} {
		d := policy.Decide(rules, policy.Settings{Approval: protocol.AskForApprovalOnRequest, Sandbox: workspace},
			policy.Command{Argv: bash(c.script), Escalated: true, PrefixRule: c.prefix})
		if d.Verdict != policy.Ask || !slices.Equal(d.Amendment, c.want) {
			t.Errorf("%q with %q: %v %q, want %q", c.script, c.prefix, d.Verdict, d.Amendment, c.want)
		}
	}
}

func TestDangerous(t *testing.T) {
	yes := []string{
		"rm -rf x", "rm -rfv x", "rm -fr x", "rm -r -f x", "rm --force x", "rm x -f", "rm -f", "rm -v -f x", "rm --recursive --force x", "rm -if x", "rm -fx y",
		"/bin/rm -rf x", "sudo rm -f x", "sudo sudo rm -f x", "sudo env rm -f x", "env -i rm -rf x", "env A=b rm -rf x", "FOO=1 rm -rf x", "(rm -rf x)", "echo $(rm -rf x)",
		"if true; then rm -rf x; fi", "rm -rf x &", "true; rm -f $X", "rm -rf \"$X\"", "rm -rf *", "bash -lc 'rm -rf x'", "bash -c \"rm -rf x; ls\"", "sh -c 'rm -f x > y'", "zsh -c 'rm -f x'",
		"! rm -rf x", "rm -\"rf\" x", "'rm' -rf x", "f() { rm -rf x; }; f", "while true; do rm -f x; break; done", "x=$(rm -f y)", "trap 'rm -f x' EXIT", "ls && rm -rf x",
		// beyond the reference
		"sudo -n rm -rf x", "sudo -u bob rm -rf x", "sudo --user=bob rm -f x", "bash -x -c 'rm -f x'", "rm --forc x",
	}
	no := []string{
		"rm x", "rm -r x", "rm -ri x", "rm -- -f", "echo rm -rf x", "cat <<EOF\nrm -rf x\nEOF", "git rm -f x", "ls | xargs rm -f", "find . -exec rm -rf {} +",
		"python3 -c 'rm -f'", "rm $F x", "$R -rf x", "sudo -u rm ls -f", "bash rm -f", "",
	}
	for want, list := range map[bool][]string{true: yes, false: no} {
		for _, script := range list {
			if got := policy.Dangerous(bash(script)); got != want {
				t.Errorf("%q: %t", script, got)
			}
		}
	}
	deep := []string{"rm", "-f", "x"}
	for range 1000 {
		deep = append([]string{"sudo"}, deep...)
	}
	policy.Dangerous(deep) // ends
}

func TestKnownSafe(t *testing.T) {
	yes := []string{"ls", "ls -la && cat a | head -n 3", "git status", "git log -n 3 --oneline", "git diff HEAD", "git show", "git branch", "git branch -a", "git branch --list x",
		"find . -name x", "rg foo", "sed -n 1,5p a", "sed -n 5p", "base64 a", "uniq a"}
	no := []string{"rm a", "ls > x", "git push", "git -c a=b status", "git --git-dir=x log", "git log --output=x", "git diff --ext-diff", "git show --textconv", "git branch x", "git branch -d x", "git branch -D x",
		"find . -delete", "find . -exec x ;", "find . -fprint x", "find . -fprintf x y", "rg --pre x y", "rg -z x", "rg -nz x", "rg --pre=x y", "rg --search-zip x", "sed -i 1p a", "sed -n 1w a", "sed -n p a",
		"base64 -o x a", "base64 --output=x a", "base64 -ox a", "uniq a b", "cat a; touch b", "bash -c ls", "/w/p/ls", "xargs ls", ""}
	for want, list := range map[bool][]string{true: yes, false: no} {
		for _, script := range list {
			if got := policy.KnownSafe(bash(script)); got != want {
				t.Errorf("%q: %t", script, got)
			}
		}
	}
}

func TestSessionKeys(t *testing.T) {
	key := func(script string, escalated bool, dir string, tty bool) string {
		return policy.Key(policy.Command{Argv: bash(script), Escalated: escalated}, dir, tty)
	}
	base := key("touch s1", true, "/w", false)
	if key("touch  s1", true, "/w", false) != base {
		t.Error("blanks make another command")
	}
	for name, other := range map[string]string{
		"line": key("touch s1 ; true", true, "/w", false), "escalation": key("touch s1", false, "/w", false),
		"folder": key("touch s1", true, "/tmp", false), "terminal": key("touch s1", true, "/w", true),
		"words": key("touch 's1 '", true, "/w", false), "word count": key("touch s 1", true, "/w", false),
	} {
		if other == base {
			t.Errorf("the %s does not count", name)
		}
	}
}

func mustParse(t testing.TB, text string) *policy.Rules {
	t.Helper()
	r, err := policy.ParseRules("test.rules", text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
