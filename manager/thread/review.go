package thread

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A review is a turn in which somebody else looks at changes: a reviewer, which
// is a thread of its own, never registered and never written to a file, with its
// own instructions and a history that begins with the review. What it does is
// told and recorded as part of the review, except what it says; of that the
// thread keeps the findings. Nobody is asked for approval in a review.

// Review starts a review; a turn that runs is replaced by it.
type Review struct{ Task ReviewTask }

func (*Review) isOp() {}

const (
	reviewTurn turnKind = "review"

	reviewCut = "Review was interrupted. Please re-run /review and wait for it to complete."
)

// review starts a review.
func (t *Thread) review(s submission, op *Review) {
	t.replaceTurn()
	t.mu.Lock()
	tn := newTurn(s.id, t, input{}, nil)
	tn.kind, tn.settings, tn.reviewer = reviewTurn, t.settings, &reviewer{turn: tn, task: op.Task}
	t.active = tn
	t.started = true
	if t.preview == "" {
		t.preview = op.Task.Prompt
	}
	t.mu.Unlock()
	s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: tn.id, release: tn.gate.open}}
	go tn.run()
}

// A reviewer is the observer of the thread that reviews, and answers for it.
type reviewer struct {
	turn *turn // the review
	task ReviewTask

	turnID  string                           // of the reviewer's own turn
	last    *protocol.ThreadItemAgentMessage // what it said last; not told yet
	failure *protocol.TurnError
}

// A reviewFailure is how the reviewer's turn failed, in the client's words.
type reviewFailure struct{ *protocol.TurnError }

func (f reviewFailure) Error() string { return f.Message }

// enter tells that the review began.
func (r *reviewer) enter() {
	now := milliseconds(r.turn.started)
	item := &protocol.ThreadItemEnteredReviewMode{ID: newID(), Review: r.task.Hint, StartedAtMs: now}
	shown := *item
	r.turn.Start(r.turn.ctx, &shown)
	item.CompletedAtMs = now
	r.turn.Complete(r.turn.ctx, item)
}

// run reviews, and gives the thread what came of it.
func (r *reviewer) run() error {
	r.review()
	r.exit()
	if r.failure != nil {
		return reviewFailure{r.failure}
	}
	return r.turn.ctx.Err()
}

// review lets the reviewer do its turn. It returns when the reviewer is gone.
func (r *reviewer) review() {
	tn, t := r.turn, r.turn.thread
	services := t.services
	services.Asker, services.Stop = r, nil // what the reviewer leaves running is the thread's
	s := tn.settings
	s.Approval, s.BaseInstructions = protocol.AskForApprovalNever, reviewInstructions
	s.Mode, s.ModeInstructions, s.NoAgents = "", "", true
	if s.ReviewModel != "" {
		s.Model = s.ReviewModel
	}
	ctx := context.WithoutCancel(tn.ctx)
	child := Start(ctx, Spec{ID: t.id, SessionID: t.spec.SessionID, Settings: s, Client: t.spec.Client, Subagent: "review"}, services, r)
	defer func() {
		_, _ = child.Submit(ctx, &Shutdown{}) // also interrupts; there is no file whose end could fail
		<-child.Done()
	}()
	receipt, err := child.Submit(ctx, &UserTurn{Input: []protocol.UserInput{&protocol.UserInputText{Text: r.task.Prompt}}})
	if err != nil {
		r.failure = turnError(err)
		return
	}
	r.turnID = receipt.TurnID
	t.mu.Lock()
	tn.inner = receipt.TurnID
	t.mu.Unlock()
	receipt.Release()
	_ = child.WaitIdle(tn.ctx) // cut short, the review ends with what there is
}

// exit tells what came of the review, and has the model know of it.
func (r *reviewer) exit() {
	tn, t := r.turn, r.turn.thread
	ctx := context.WithoutCancel(tn.ctx)
	var output json.RawMessage
	if r.last != nil && r.failure == nil && tn.ctx.Err() == nil {
		output = parseReview(r.last.Text)
	}
	text, said := rollout.ReviewText(output), reviewCut
	note := "<user_action>\n  <context>The user started a review, but it was cut short. Should they ask about it, have them start it again and wait for its end.</context>\n" +
		"  <action>review</action>\n  <results>\n  None.\n  </results>\n</user_action>\n"
	if output != nil {
		said = text
		note = "<user_action>\n  <context>The user had changes reviewed. This is all that the reviewer reported; the user may want some of it mended.</context>\n" +
			"  <action>review</action>\n  <results>\n  " + text + "\n  </results>\n</user_action>\n"
	}
	asked := textMessage("msg_"+newID(), "user", note)
	t.history.add(asked)
	now := t.now()
	left := &protocol.ThreadItemExitedReviewMode{ID: newID(), Review: text, StartedAtMs: milliseconds(now)}
	shown := *left
	left.CompletedAtMs = milliseconds(now)
	recorded := *left
	recorded.Unknown = protocol.Members{{Name: "reviewOutput", Value: orNull(output)}}
	t.tell(ctx, []rollout.Record{rollout.ResponseItem(asked), rollout.ItemCompleted(t.id, tn.id, &recorded, now.UnixMilli(), now.UnixMilli())},
		tn.startedEvent(&shown, now), tn.completedEvent(left, now))

	message := &protocol.ThreadItemAgentMessage{ID: "msg_" + newID(), Text: said, StartedAtMs: milliseconds(t.now())}
	begun := *message
	tn.Start(ctx, &begun)
	message.CompletedAtMs = milliseconds(t.now())
	raw := textMessage(message.ID, "assistant", said)
	t.history.add(raw)
	tn.answer = message
	tn.complete(ctx, message, rollout.ResponseItem(raw))
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// Event passes on what the reviewer does, as part of the review.
func (r *reviewer) Event(ctx context.Context, e Event) {
	t := r.turn.thread
	e.Submission = r.turn.id
	switch e.Kind {
	case Grew:
		if e.Method != "item/agentMessage/delta" {
			e.Delta.TurnID = r.turn.id
			t.grow(ctx, e)
		}
	case Announced:
		if p, ok := e.Params.(*protocol.ThreadStatusChangedNotification); ok && active(p.Status) {
			t.tell(ctx, nil, e)
		}
	case Told:
		r.told(ctx, e)
	}
}

func active(s protocol.ThreadStatus) bool { _, ok := s.(*protocol.ThreadStatusActive); return ok }

// told passes on one notification.
func (r *reviewer) told(ctx context.Context, e Event) {
	t := r.turn.thread
	switch p := e.Params.(type) {
	case *protocol.TurnStartedNotification:
		p.Turn.RootTurnID = ptr(r.turn.id)
		t.tell(ctx, []rollout.Record{rollout.TaskStarted(rollout.TurnStart{TurnID: p.Turn.ID, RootTurnID: r.turn.id, ParentTurnID: r.turn.id,
			StartedAt: *p.Turn.StartedAt, ContextWindow: r.turn.info.UsableWindow()})}, e)
	case *protocol.TurnCompletedNotification:
		if r.turn.ctx.Err() == nil {
			r.failure = p.Turn.Error
		}
	case *protocol.ItemCompletedNotification:
		r.completed(ctx, p)
	case *protocol.ErrorNotification:
		if p.WillRetry { // the last one is told when the review ends
			r.pass(ctx, e)
		}
	case *protocol.ThreadTokenUsageUpdatedNotification: // of another history
	default:
		r.pass(ctx, e)
	}
}

// completed records and tells an item. What the reviewer says is kept back until
// it says more: the last of it is the findings.
func (r *reviewer) completed(ctx context.Context, p *protocol.ItemCompletedNotification) {
	if m, ok := p.Item.(*protocol.ThreadItemAgentMessage); ok {
		m, r.last = r.last, m
		if m == nil {
			return
		}
		p.Item = m
	}
	p.TurnID = r.turn.id
	t := r.turn.thread
	t.tell(ctx, []rollout.Record{rollout.ItemCompleted(t.id, r.turnID, p.Item, p.CompletedAtMs, p.CompletedAtMs)}, told("item/completed", p))
}

// pass tells a notification about the reviewer's turn as one about the review.
func (r *reviewer) pass(ctx context.Context, e Event) {
	aboutTurn(r.turn.id, e.Params)
	r.turn.thread.tell(ctx, nil, e)
}

// Ask puts the reviewer's questions on the thread's behalf.
func (r *reviewer) Ask(ctx context.Context, q Question) ([]byte, error) {
	aboutTurn(r.turn.id, q.Params)
	return r.turn.thread.Ask(ctx, tool.WaitingOnNothing, q.Method, q.Params) // what it waits for, it shows itself
}

// aboutTurn has params, a pointer to a type of the protocol, name another turn.
func aboutTurn(id string, params any) {
	v := reflect.ValueOf(params)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return
	}
	switch f := v.Elem().FieldByName("TurnID"); {
	case !f.IsValid():
	case f.Kind() == reflect.String:
		f.SetString(id)
	case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.String && !f.IsNil():
		f.Set(reflect.ValueOf(&id))
	}
}
