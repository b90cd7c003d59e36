package tool

import (
	"context"
	"slices"
	"sync"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Approvals decide about the commands and patches of one thread, ask the user
// where they must, and remember what was accepted for the session.
type Approvals struct {
	Rules *policy.Store
	// Confine is what a sandbox policy of the wire lets the commands in a folder do.
	Confine func(cwd string, p protocol.SandboxPolicy) sandbox.Policy
	// Amend allows commands that begin with these words from now on.
	Amend func(ctx context.Context, words []string) error

	mu       sync.Mutex // guards the fields below
	accepted map[string]bool
	granted  grants
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

// settings are the turn's, as the policy judges by them.
func (a *Approvals) settings(ctx context.Context, t Turn) policy.Settings {
	s := policy.Settings{Approval: t.Approval(), Sandbox: t.Sandbox()}
	switch a.confine(t).Mode {
	case sandbox.ReadOnly:
		s.Unenforceable = !sandbox.Probe(ctx).ReadOnly
	case sandbox.WorkspaceWrite:
		s.Unenforceable = !sandbox.Probe(ctx).Enforced
	}
	return s
}

// A permit says how a command may run.
type permit struct {
	policy sandbox.Policy
	shown  bool // the item was told already, with the question
}

// command decides about a command. A refusal is what the model reads.
func (a *Approvals) command(ctx context.Context, t Turn, r commandRequest) (permit, *Output) {
	d := policy.Decide(a.Rules.Rules(), a.settings(ctx, t), r.Command)
	p := permit{policy: a.confine(t)}
	if d.Unbound {
		p.policy.Mode = sandbox.FullAccess
	}
	switch {
	case d.Verdict == policy.Run:
		return p, nil
	case d.Verdict == policy.Refuse:
		out := r.refused(d.Reason)
		if d.Whole {
			out = Text(d.Reason)
		}
		return p, &out
	case a.accepts(r.key()):
		return p, nil
	}
	switch j := judged(ctx, t, r.callID, Question{Tool: "Bash", Input: map[string]string{"command": r.script()}}); {
	case j.Allowed:
		return p, nil
	case j.Refused:
		out := r.refused(j.Why)
		return p, &out
	}
	p.shown = true
	return p, a.ask(ctx, t, r, d)
}

// ask shows the command and puts the question. The thread waits on approval from
// before the item is told until after a refused one is told complete.
func (a *Approvals) ask(ctx context.Context, t Turn, r commandRequest, d policy.Decision) *Output {
	defer t.Wait(ctx, WaitingOnApproval)()
	begun := t.Now()
	item := r.item(begun.UnixMilli())
	item.Source = protocol.CommandExecutionSourceAgent
	shown := item
	t.Start(ctx, &shown)
	status, out := a.answer(ctx, t, r, d, item)
	if out == nil {
		return nil
	}
	at := t.Now().UnixMilli()
	item.Status, item.CompletedAtMs = status, &at
	t.Complete(context.WithoutCancel(ctx), &item)
	return out
}

// answer is what the user decided: nil lets the command run, an output refuses it.
func (a *Approvals) answer(ctx context.Context, t Turn, r commandRequest, d policy.Decision, item protocol.ThreadItemCommandExecution) (protocol.CommandExecutionStatus, *Output) {
	raw, err := t.Ask(ctx, WaitingOnNothing, "item/commandExecution/requestApproval", commandQuestion(t, d, item))
	var answer protocol.CommandExecutionRequestApprovalResponse
	if err == nil {
		err = protocol.DecodeParams(raw, &answer)
	}
	if err != nil {
		out := r.refused("rejected by user")
		return protocol.CommandExecutionStatusFailed, &out
	}
	switch decided := answer.Decision.(type) {
	case protocol.CommandExecutionApprovalDecisionName:
		switch decided {
		case protocol.CommandExecutionApprovalDecisionAcceptForSession:
			a.remember(r.key())
			return "", nil
		case protocol.CommandExecutionApprovalDecisionAccept:
			return "", nil
		case protocol.CommandExecutionApprovalDecisionCancel:
			t.Interrupt()
		}
	case *protocol.CommandExecutionApprovalDecisionAcceptWithExecpolicyAmendment:
		if err := a.Amend(ctx, decided.ExecpolicyAmendment); err != nil {
			t.Warn(ctx, "The rule was not kept, the command runs this once: "+err.Error())
		}
		return "", nil
	}
	out := r.refused("rejected by user")
	return protocol.CommandExecutionStatusDeclined, &out
}

// commandQuestion is what the client is asked.
func commandQuestion(t Turn, d policy.Decision, item protocol.ThreadItemCommandExecution) *protocol.CommandExecutionRequestApprovalParams {
	local, cwd := "local", protocol.LegacyAppPathString(item.Cwd)
	q := &protocol.CommandExecutionRequestApprovalParams{
		Kind: protocol.CommandExecutionApprovalKindCommand, ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: item.ID,
		StartedAtMs: *item.StartedAtMs, EnvironmentID: &local, Command: &item.Command, Cwd: &cwd, CommandActions: item.CommandActions,
		ProposedExecpolicyAmendment: d.Amendment,
		AvailableDecisions:          []protocol.CommandExecutionApprovalDecision{protocol.CommandExecutionApprovalDecisionAccept},
	}
	if d.Reason != "" {
		q.Reason = &d.Reason
	}
	if d.Amendment != nil {
		q.AvailableDecisions = append(q.AvailableDecisions, &protocol.CommandExecutionApprovalDecisionAcceptWithExecpolicyAmendment{ExecpolicyAmendment: d.Amendment})
	}
	q.AvailableDecisions = append(q.AvailableDecisions, protocol.CommandExecutionApprovalDecisionCancel)
	return q
}
