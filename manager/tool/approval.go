package tool

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// An Action is what is to be done about something the model wants to do.
type Action uint8

const (
	Run    Action = iota
	Prompt        // ask the user first
	Refuse
)

// A Verdict is what the user's rules and the turn's settings say of a command.
type Verdict struct {
	Action    Action
	Unbound   bool   // it runs outside of the sandbox
	Reason    string // of the question to the user, or the model's to read of a refusal
	Amendment []string
	Actions   []protocol.CommandAction // what the command does, for people
}

// Approvals decide about the commands of one thread, ask the user where they
// must, and remember what was accepted for the session.
type Approvals struct {
	// Judge says what is to be done about a command; it must not ask.
	Judge func(t Turn, r CommandRequest) Verdict
	// Confine is the sandbox of the turn's commands.
	Confine func(t Turn) sandbox.Policy
	// Amend allows commands that begin with these words from now on.
	Amend func(words []string) error

	mu       sync.Mutex // guards the fields below
	accepted map[string]bool
}

// accepts reports whether all keys were accepted for the session.
func (a *Approvals) accepts(keys ...string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !slices.ContainsFunc(keys, func(k string) bool { return !a.accepted[k] })
}

// remember has the keys accepted for the session.
func (a *Approvals) remember(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.accepted == nil {
		a.accepted = make(map[string]bool)
	}
	for _, k := range keys {
		a.accepted[k] = true
	}
}

// A permit says how a command may run.
type permit struct {
	policy  sandbox.Policy
	actions []protocol.CommandAction
	shown   bool // the item was told already, with the question
}

// command decides about a command. A refusal is what the model reads.
func (a *Approvals) command(ctx context.Context, t Turn, r CommandRequest) (permit, *Output) {
	v := a.Judge(t, r)
	p := permit{policy: a.Confine(t), actions: v.Actions}
	if v.Unbound {
		p.policy.Mode = sandbox.FullAccess
	}
	switch {
	case v.Action == Run:
		return p, nil
	case v.Action == Refuse:
		out := refusal(v.Reason)
		return p, &out
	case a.accepts(r.key()):
		return p, nil
	}
	p.shown = true
	if out := a.ask(ctx, t, r, v); out != nil {
		return p, out
	}
	return p, nil
}

// key is what acceptForSession remembers of a command.
func (r CommandRequest) key() string {
	sandboxed := "sandboxed"
	if r.Escalate {
		sandboxed = "escalated"
	}
	return "command\x00" + sandboxed + "\x00" + r.Dir + "\x00" + strings.Join(r.Argv, "\x00")
}

// ask shows the command and puts the question. The thread waits on approval from
// before the item is told until after a refused one is told complete.
func (a *Approvals) ask(ctx context.Context, t Turn, r CommandRequest, v Verdict) *Output {
	defer t.Wait(ctx, WaitingOnApproval)()
	begun := t.Now()
	item := r.item(begun.UnixMilli(), v.Actions)
	item.Source = protocol.CommandExecutionSourceAgent
	shown := item
	t.Start(ctx, &shown)
	status, out := a.answer(ctx, t, r, v, item)
	if out == nil {
		return nil
	}
	at := t.Now().UnixMilli()
	item.Status, item.CompletedAtMs = status, &at
	t.Complete(context.WithoutCancel(ctx), &item)
	return out
}

// answer is what the user decided: nil lets the command run, an output refuses it.
func (a *Approvals) answer(ctx context.Context, t Turn, r CommandRequest, v Verdict, item protocol.ThreadItemCommandExecution) (protocol.CommandExecutionStatus, *Output) {
	raw, err := t.Ask(ctx, WaitingOnNothing, "item/commandExecution/requestApproval", a.question(t, v, item))
	var answer protocol.CommandExecutionRequestApprovalResponse
	if err == nil {
		err = protocol.DecodeParams(raw, &answer)
	}
	if err != nil {
		out := refusal("rejected by user")
		return protocol.CommandExecutionStatusFailed, &out
	}
	switch d := answer.Decision.(type) {
	case protocol.CommandExecutionApprovalDecisionName:
		switch d {
		case protocol.CommandExecutionApprovalDecisionAcceptForSession:
			a.remember(r.key())
			return "", nil
		case protocol.CommandExecutionApprovalDecisionAccept:
			return "", nil
		case protocol.CommandExecutionApprovalDecisionCancel:
			t.Interrupt()
		}
	case *protocol.CommandExecutionApprovalDecisionAcceptWithExecpolicyAmendment:
		if err := a.Amend(d.ExecpolicyAmendment); err != nil {
			t.Warn(ctx, "The rule was not kept, the command runs this once: "+err.Error())
		}
		return "", nil
	}
	out := refusal("rejected by user")
	return protocol.CommandExecutionStatusDeclined, &out
}

// question is what the client is asked.
func (a *Approvals) question(t Turn, v Verdict, item protocol.ThreadItemCommandExecution) *protocol.CommandExecutionRequestApprovalParams {
	local, cwd := "local", protocol.LegacyAppPathString(item.Cwd)
	q := &protocol.CommandExecutionRequestApprovalParams{
		Kind: protocol.CommandExecutionApprovalKindCommand, ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: item.ID,
		StartedAtMs: *item.StartedAtMs, EnvironmentID: &local, Command: &item.Command, Cwd: &cwd, CommandActions: item.CommandActions,
		ProposedExecpolicyAmendment: v.Amendment,
		AvailableDecisions:          []protocol.CommandExecutionApprovalDecision{protocol.CommandExecutionApprovalDecisionAccept},
	}
	if v.Reason != "" {
		q.Reason = &v.Reason
	}
	if v.Amendment != nil {
		q.AvailableDecisions = append(q.AvailableDecisions, &protocol.CommandExecutionApprovalDecisionAcceptWithExecpolicyAmendment{ExecpolicyAmendment: v.Amendment})
	}
	q.AvailableDecisions = append(q.AvailableDecisions, protocol.CommandExecutionApprovalDecisionCancel)
	return q
}

// refusal is a command's output when it did not run, in the words that models of
// the reference know.
func refusal(why string) Output {
	return Errorf("exec_command failed: CreateProcess { message: %q }", `Rejected("`+strings.ReplaceAll(why, `"`, `\"`)+`")`)
}
