package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/codexhost/codexhost/manager/policy"
	"github.com/codexhost/codexhost/manager/tool/patch"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// ApplyPatch changes files as the model writes it down: as a tool of its own, and
// where a command is nothing but a patch. One per thread: its patches happen one
// after the other, and it knows what the turn has changed so far.
type ApplyPatch struct {
	approvals *Approvals
	busy      chan struct{} // holds a token while a patch is worked on; guards the fields below
	turn      string        // whose changes diff holds
	diff      *patch.TurnDiff
}

// NewApplyPatch makes the apply_patch of one thread.
func NewApplyPatch(a *Approvals) *ApplyPatch {
	return &ApplyPatch{approvals: a, busy: make(chan struct{}, 1)}
}

const applyPatchName = "apply_patch"

// Offer offers the tool in the form that a model takes: "freeform" or "function",
// as the catalogue says. Any other form offers nothing.
func (p *ApplyPatch) Offer(form string) Offer {
	switch form {
	case "freeform":
		return patchOffer{p, applyPatchFreeform}
	case "function":
		return patchOffer{p, applyPatchFunction}
	}
	return Offers(nil)
}

// patchOffer is apply_patch in one of its forms.
type patchOffer struct {
	tool *ApplyPatch
	spec func() json.RawMessage
}

func (o patchOffer) Specs() []json.RawMessage { return []json.RawMessage{o.spec()} }

func (o patchOffer) Find(namespace, name string) (Tool, bool) {
	return o.tool, namespace == "" && name == applyPatchName
}

// Run carries out one call.
func (p *ApplyPatch) Run(ctx context.Context, t Turn, c Call) Output {
	text := c.Arguments
	if !c.Custom {
		var args struct {
			Input *string `json:"input"`
		}
		if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
			return Errorf("failed to parse function arguments: %v", err)
		}
		if args.Input == nil {
			return Text("failed to parse function arguments: missing field `input`")
		}
		text = *args.Input
	}
	out, _ := p.apply(ctx, t, c.ID, text, t.Cwd())
	return Text(out)
}

// Command carries out a command that is nothing but a patch, in the folder dir,
// instead of a process; ok is false for any other. Whoever runs commands asks here
// first, before anything is judged or shown.
func (p *ApplyPatch) Command(ctx context.Context, t Turn, callID string, argv []string, dir string) (out Output, ok bool) {
	call, ok, err := patch.FromCommand(argv)
	if err != nil {
		return Errorf("apply_patch verification failed: %v", err), true
	}
	if !ok {
		return Output{}, false
	}
	if filepath.IsAbs(call.Dir) {
		dir = filepath.Clean(call.Dir)
	} else {
		dir = filepath.Join(dir, call.Dir)
	}
	text, done := p.apply(ctx, t, callID, call.Text, dir)
	if done { // in the frame that outputs of commands have
		text = "Wall time: 0.0000 seconds\nOutput:\n" + text
	}
	return Text(text), true
}

// aborted is the output of a call that the turn's end cut off; nobody reads it.
const aborted = "aborted"

// apply takes a patch from its text to the files. done tells whether it came to
// writing; what stopped it before is not shown as an item.
func (p *ApplyPatch) apply(ctx context.Context, t Turn, id, text, dir string) (out string, done bool) {
	parsed, err := patch.Parse(text)
	if err != nil {
		return "apply_patch verification failed: " + err.Error(), false
	}
	if len(parsed.Ops) == 0 {
		return "patch rejected: empty patch", false
	}
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	case <-ctx.Done():
		return aborted, false
	}
	plan, err := parsed.Plan(dir)
	if err != nil {
		return "apply_patch verification failed: " + err.Error(), false
	}
	ask, refused := p.judge(t, plan)
	if refused != "" {
		return refused, false
	}
	if ask {
		j := judged(ctx, t, id, Question{Tool: applyPatchName, Aliases: []string{"Edit", "Write"}, Input: map[string]string{"command": text}})
		if j.Refused {
			return j.Why, false
		}
		ask = !j.Allowed
	}
	item := newPatchItem(t, id, plan)
	t.Start(ctx, item.as(protocol.PatchApplyStatusInProgress, nil))
	if ask {
		if status, why := p.ask(ctx, t, item, plan); why != "" {
			if status != "" {
				t.Complete(context.WithoutCancel(ctx), item.as(status, t))
			}
			return why, false
		}
	}
	if ctx.Err() != nil {
		return aborted, false
	}
	return p.write(ctx, t, item, plan), true
}

// judge says whether the user must be asked; a refusal is what the model reads.
func (p *ApplyPatch) judge(t Turn, plan *patch.Plan) (ask bool, refused string) {
	confined := p.approvals.confine(t)
	inside := true
	for _, path := range plan.Targets() {
		// The folder too: the entry changes, which for a link is not where the link leads.
		inside = inside && confined.CanWrite(path) && confined.CanWrite(filepath.Join(filepath.Dir(path), "entry"))
	}
	d := policy.DecidePatch(policy.Settings{Approval: t.Approval(), Sandbox: t.Sandbox()}, inside)
	switch d.Verdict {
	case policy.Run:
		return false, ""
	case policy.Refuse:
		return false, d.Reason
	}
	return !p.approvals.accepts(patchKeys(plan)...), ""
}

func patchKeys(plan *patch.Plan) []string {
	keys := plan.Targets()
	for i, path := range keys {
		keys[i] = policy.PatchKey(path)
	}
	return keys
}

// ask puts the question. Without a reason why not, the patch may be written; with
// one, status is how its item ends, or empty where it never does because the turn
// ends instead.
func (p *ApplyPatch) ask(ctx context.Context, t Turn, item *patchItem, plan *patch.Plan) (status protocol.PatchApplyStatus, why string) {
	raw, err := t.Ask(ctx, WaitingOnApproval, "item/fileChange/requestApproval", &protocol.FileChangeRequestApprovalParams{
		ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: item.id, StartedAtMs: item.started,
	})
	if ctx.Err() != nil {
		return "", aborted
	}
	var answer protocol.FileChangeRequestApprovalResponse
	if err == nil {
		err = protocol.DecodeParams(raw, &answer)
	}
	if err != nil {
		return protocol.PatchApplyStatusDeclined, "approval request failed"
	}
	switch answer.Decision {
	case protocol.FileChangeApprovalDecisionAccept:
		return "", ""
	case protocol.FileChangeApprovalDecisionAcceptForSession:
		p.approvals.remember(patchKeys(plan)...)
		return "", ""
	case protocol.FileChangeApprovalDecisionCancel:
		t.Interrupt()
		return "", "patch rejected by user"
	}
	return protocol.PatchApplyStatusDeclined, "patch rejected by user"
}

// write changes the files, and tells what the turn has changed by now.
func (p *ApplyPatch) write(ctx context.Context, t Turn, item *patchItem, plan *patch.Plan) string {
	ctx = context.WithoutCancel(ctx) // from here on there is something to tell
	tracker := p.tracker(t)
	begun := t.Now()
	err := plan.Apply()
	took := t.Now().Sub(begun)
	if err != nil {
		t.Complete(ctx, item.as(protocol.PatchApplyStatusFailed, t))
		return patchOutput(1, took, err.Error()+"\n")
	}
	tracker.Applied(plan)
	t.Complete(ctx, item.as(protocol.PatchApplyStatusCompleted, t))
	t.Tell(ctx, "turn/diff/updated", &protocol.TurnDiffUpdatedNotification{ThreadID: t.ThreadID(), TurnID: t.TurnID(), Diff: tracker.String()})
	return patchOutput(0, took, plan.Summary())
}

// tracker is that of the turn; the one before is forgotten.
func (p *ApplyPatch) tracker(t Turn) *patch.TurnDiff {
	if p.turn != t.TurnID() || p.diff == nil {
		p.turn, p.diff = t.TurnID(), patch.NewTurnDiff(t.Cwd())
	}
	return p.diff
}

// patchOutput is what the model reads of a patch that came to writing.
func patchOutput(code int, took time.Duration, text string) string {
	seconds := strconv.FormatFloat(float64(took.Round(100*time.Millisecond).Milliseconds())/1000, 'f', -1, 64)
	return fmt.Sprintf("Exit code: %d\nWall time: %s seconds\nOutput:\n%s", code, seconds, text)
}

// patchItem is a patch as the client sees it.
type patchItem struct {
	id      string
	started int64
	changes []protocol.FileUpdateChange
}

func newPatchItem(t Turn, id string, plan *patch.Plan) *patchItem {
	return &patchItem{id, t.Now().UnixMilli(), plan.Changes()}
}

// as is the item in a status; with a turn it has ended now.
func (i *patchItem) as(status protocol.PatchApplyStatus, ended Turn) *protocol.ThreadItemFileChange {
	item := &protocol.ThreadItemFileChange{ID: i.id, Changes: i.changes, Status: status, StartedAtMs: &i.started}
	if ended != nil {
		at := ended.Now().UnixMilli()
		item.CompletedAtMs = &at
	}
	return item
}
