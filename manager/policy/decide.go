package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A Verdict is what is to be done about something that wants to run.
type Verdict uint8

const (
	Run    Verdict = iota
	Ask            // the user, first
	Refuse         // without asking
)

// Settings are those of the turn.
type Settings struct {
	Approval protocol.AskForApproval // one that is not known asks about everything
	Sandbox  protocol.SandboxPolicy
	// Unenforceable says that the sandbox cannot be had on this machine: what would run in it is asked about, and runs
	// outside of it where the user agrees.
	Unenforceable bool
	// TrustSafe lets commands that are known to change nothing run unasked under the untrusted policy.
	TrustSafe bool
}

// A Command is one that wants to run.
type Command struct {
	Argv          []string
	Escalated     bool     // asks to run outside of the sandbox
	Justification string   // the model's words for the user; only told with Escalated
	PrefixRule    []string // the rule that the model proposes; nil for none
}

// A Decision about a command.
type Decision struct {
	Verdict Verdict
	// Unbound has it run outside of the sandbox: at once with Run, when the user agrees with Ask.
	Unbound bool
	// Reason is what the user is told of a question, empty for nothing, and what the model is told of a refusal.
	Reason string
	// Whole says that the Reason of a refusal is all that the model reads; others stand inside of a tool's own words.
	Whole bool
	// Amendment is the rule that the user is offered to agree to, as the words it begins with; nil for none.
	Amendment []string
}

// Decide says whether a command runs.
func Decide(rules *Rules, s Settings, c Command) Decision {
	commands, plain := Split(c.Argv)
	ruled := judge(rules, commands)
	switch {
	case ruled.strictest != nil && ruled.strictest.rule.Ruling == Forbidden:
		return Decision{Verdict: Refuse, Reason: forbidden(c, ruled.strictest)}
	case ruled.strictest != nil && ruled.strictest.rule.Ruling == AskFirst:
		return s.byRule(c, ruled.strictest.rule)
	case ruled.all:
		return Decision{Verdict: Run, Unbound: true}
	}
	d := s.unruled(c, dangerousIn(c.Argv, commands, plain))
	if d.Verdict == Ask {
		d.Amendment = amendment(rules, c, commands, plain)
	}
	return d
}

// judgement is what the rules say of the commands of a line.
type judgement struct {
	strictest *match // of all
	all       bool   // a rule decided about each
}

func judge(rules *Rules, commands [][]string) judgement {
	j := judgement{all: len(commands) > 0}
	for _, words := range commands {
		m := rules.strictest(words)
		if m == nil {
			j.all = false
			continue
		}
		if j.strictest == nil || m.rule.Ruling > j.strictest.rule.Ruling {
			j.strictest = m
		}
	}
	return j
}

func forbidden(c Command, m *match) string {
	why := m.rule.Justification
	if why == "" {
		why = "policy forbids commands starting with `" + protocol.JoinCommand(m.words) + "`"
	}
	return fmt.Sprintf("`%s` rejected: %s", protocol.JoinCommand(c.Argv), why)
}

// byRule decides where a rule says to ask.
func (s Settings) byRule(c Command, rule *Rule) Decision {
	switch a := s.Approval.(type) {
	case protocol.AskForApprovalName:
		if a == protocol.AskForApprovalNever {
			return Decision{Verdict: Refuse, Reason: "approval required by policy, but AskForApproval is set to Never"}
		}
	case *protocol.AskForApprovalGranular:
		if !a.Rules {
			return Decision{Verdict: Refuse, Reason: "approval required by policy rule, but AskForApproval::Granular.rules is false"}
		}
	}
	reason := fmt.Sprintf("`%s` requires approval by policy", protocol.JoinCommand(c.Argv))
	if rule.Justification != "" {
		reason = fmt.Sprintf("`%s` requires approval: %s", protocol.JoinCommand(c.Argv), rule.Justification)
	}
	return Decision{Verdict: Ask, Unbound: c.Escalated || s.Unenforceable, Reason: reason}
}

// unruled decides where no rule does.
func (s Settings) unruled(c Command, danger bool) Decision {
	ask := Decision{Verdict: Ask, Unbound: c.Escalated || s.Unenforceable && s.confined()}
	if c.Escalated {
		ask.Reason = c.Justification
	}
	never := s.Approval == protocol.AskForApproval(protocol.AskForApprovalNever)
	switch {
	case c.Escalated && s.refusesEscalation():
		name := approvalName(s.Approval)
		return Decision{Verdict: Refuse, Whole: true, Reason: "approval policy is " + name +
			"; reject command \u2014 you cannot ask for escalated permissions if the approval policy is " + name}
	case danger:
		if never {
			return Decision{Verdict: Refuse, Reason: fmt.Sprintf("`%s` rejected: %s", protocol.JoinCommand(c.Argv), dangerText)}
		}
		return ask
	case s.asksAlways():
		if s.TrustSafe && !c.Escalated && !ask.Unbound && KnownSafe(c.Argv) {
			return Decision{Verdict: Run}
		}
		return ask
	case s.Unenforceable && s.confined():
		if s.refusesQuestions() {
			return Decision{Verdict: Refuse, Reason: "the sandbox cannot be enforced on this machine; rejected by user approval settings"}
		}
		return ask
	case c.Escalated && s.confined():
		return ask
	}
	return Decision{Verdict: Run}
}

// confined tells whether the sandbox holds anything back.
func (s Settings) confined() bool {
	switch s.Sandbox.(type) {
	case *protocol.SandboxPolicyDangerFullAccess, *protocol.SandboxPolicyExternalSandbox:
		return false
	}
	return true
}

// asksAlways tells a policy that asks about everything: untrusted, and any that is not known here.
func (s Settings) asksAlways() bool {
	switch a := s.Approval.(type) {
	case protocol.AskForApprovalName:
		return a != protocol.AskForApprovalNever && a != protocol.AskForApprovalOnRequest
	case *protocol.AskForApprovalGranular:
		return false
	}
	return true
}

// refusesQuestions tells whether questions about the sandbox are answered with no.
func (s Settings) refusesQuestions() bool {
	switch a := s.Approval.(type) {
	case protocol.AskForApprovalName:
		return a == protocol.AskForApprovalNever
	case *protocol.AskForApprovalGranular:
		return !a.SandboxApproval
	}
	return false
}

func (s Settings) refusesEscalation() bool { return s.refusesQuestions() }

// approvalName is a policy in the words that models of the reference know.
func approvalName(a protocol.AskForApproval) string {
	if g, ok := a.(*protocol.AskForApprovalGranular); ok {
		return fmt.Sprintf("Granular(GranularApprovalConfig { sandbox_approval: %t, rules: %t, skill_approval: %t, request_permissions: %t, mcp_elicitations: %t })",
			g.SandboxApproval, g.Rules, g.SkillApproval, g.RequestPermissions, g.McpElicitations)
	}
	return "Never"
}

// amendment is the rule to propose: the model's own where it is narrow and would do, else the words of the first command
// that needs approval, else the line as a whole.
func amendment(rules *Rules, c Command, commands [][]string, plain bool) []string {
	if !plain {
		return c.Argv
	}
	var first []string
	fits := len(c.PrefixRule) > 0 && !broad(c.PrefixRule) && !Dangerous(c.Argv)
	for _, words := range commands {
		if rules.strictest(words) != nil {
			continue
		}
		if first == nil {
			first = words
		}
		fits = fits && len(words) >= len(c.PrefixRule) && slices.Equal(words[:len(c.PrefixRule)], c.PrefixRule)
	}
	if fits {
		return slices.Clone(c.PrefixRule)
	}
	return first
}

// broad tells a rule that would allow anything: a program that runs what it is told to.
func broad(prefix []string) bool {
	name := program(prefix[0])
	if i := strings.IndexFunc(name, func(r rune) bool { return r >= '0' && r <= '9' }); i > 0 {
		name = name[:i] // python3.12
	}
	switch name {
	case "bash", "sh", "zsh", "dash", "ksh", "fish", "csh", "tcsh", "pwsh", "powershell", "cmd", "env", "sudo", "doas", "su", "xargs",
		"eval", "exec", "command", "nohup", "time", "timeout", "nice", "setsid", "stdbuf", "busybox", "ssh", "rm":
		return true
	case "python", "pypy", "node", "nodejs", "deno", "bun", "ruby", "perl", "php", "lua", "osascript", "awk", "gawk", "sed", "find",
		"make", "git", "npx", "bunx", "uvx":
		return len(prefix) == 1 || strings.HasPrefix(prefix[1], "-")
	case "npm", "pnpm", "yarn", "uv", "cargo", "go", "docker", "podman":
		return len(prefix) == 1 || len(prefix) == 2 && slices.Contains([]string{"run", "exec", "x", "dlx"}, prefix[1])
	}
	return false
}

// Key is what an approval for the session remembers of a command: its words, where it runs, whether it leaves the sandbox,
// and whether it has a terminal. A shell's script of one plain command counts as that command.
func Key(c Command, dir string, tty bool) string {
	words := c.Argv
	if commands, plain := Split(c.Argv); plain && len(commands) == 1 {
		words = commands[0]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "command\x00%t\x00%t\x00%s", c.Escalated, tty, dir)
	for _, w := range words {
		fmt.Fprintf(&b, "\x00%d:%s", len(w), w)
	}
	return b.String()
}
