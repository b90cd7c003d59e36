package thread

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A turn is one run of the model over a thread: from a user's input to the
// answer that calls no more tools. It lives in one goroutine, [turn.run].
type turn struct {
	id       string
	root     string // the turn that all began with; its own id unless it is an agent's
	parent   string // the turn that caused it; empty unless it is an agent's
	kind     turnKind
	thread   *Thread
	settings Settings
	schema   json.RawMessage
	info     model.Info
	known    bool // the catalogue has the model

	settingsChanged bool
	shell           *ShellCommand  // what a shell turn runs
	shells          sync.WaitGroup // commands of the user that run within the turn
	wake            chan struct{}  // told of new input and of the ends of those commands
	reviewer        *reviewer      // of a review
	hooks           *hooks.Set     // what holds for the turn
	stopBlocked     bool           // a hook had the turn go on

	ctx    context.Context // ends with the turn; its cause says why it was cut short
	cancel context.CancelCauseFunc
	gate   gate
	done   chan struct{}

	started time.Time
	answer  *protocol.ThreadItemAgentMessage // the last message of the model

	// Guarded by thread.mu:
	pending      []input                 // input the model has not been sent
	cut          context.CancelCauseFunc // cuts the request in flight; nil between requests
	interrupters []interrupter
	shellsLeft   int    // of shells
	ending       bool   // no more input is taken
	inner        string // id of the reviewer's turn, by which clients know a review, too
}

// A turnKind says what a turn is for, in the wire's words.
type turnKind string

const (
	regularTurn turnKind = ""
	compactTurn turnKind = "compact"
	shellTurn   turnKind = "userShell"
)

// An interrupter waits to be told that the turn was aborted.
type interrupter struct {
	submission
	gate gate
}

func newTurn(id string, t *Thread, in input, schema json.RawMessage) *turn {
	tn := &turn{id: id, root: id, thread: t, schema: schema, gate: newGate(), done: make(chan struct{}), wake: make(chan struct{}, 1), pending: []input{in}}
	tn.ctx, tn.cancel = context.WithCancelCause(context.Background())
	return tn
}

// steerLocked adds input and cuts the request in flight. thread.mu is held.
func (tn *turn) steerLocked(in input) {
	tn.pending = append(tn.pending, in)
	tn.stir()
	if tn.cut != nil {
		tn.cut(errSteered)
	}
}

func (tn *turn) interrupted() bool {
	return errors.Is(context.Cause(tn.ctx), errInterrupted) || errors.Is(context.Cause(tn.ctx), errShutdown)
}

// run is the turn from its first event to its last.
func (tn *turn) run() {
	defer close(tn.done)
	defer tn.cancel(nil)
	tn.gate.wait(context.Background()) // also when the turn is interrupted meanwhile: its start must be answered first
	tn.begin()
	err := tn.thread.recall()
	if err == nil {
		err = tn.work()
	}
	tn.thread.mu.Lock()
	tn.awaitShellsLocked()
	tn.ending = true
	tn.thread.mu.Unlock()
	tn.shells.Wait()
	tn.end(err)
}

// work is what the turn is for.
func (tn *turn) work() error {
	switch tn.kind {
	case compactTurn:
		return tn.compact()
	case reviewTurn:
		return tn.reviewer.run()
	case shellTurn:
		tn.runShell(tn.shell)
		return nil
	}
	return tn.converse()
}

// begin puts the thread on disk, if this is its first turn, and tells the start.
func (tn *turn) begin() {
	t := tn.thread
	tn.started = t.now()
	tn.info, tn.known = t.services.ModelInfo(tn.settings.Model)
	t.materialize(tn.settings.Cwd)
	tn.findHooks()
	t.mu.Lock()
	t.failed = false
	t.updated = tn.started
	t.mu.Unlock()
	if tn.kind == reviewTurn {
		tn.reviewer.enter()
		return
	}
	events := []Event{t.statusEvent(), told("turn/started", &protocol.TurnStartedNotification{ThreadID: t.id, Turn: tn.wire(protocol.TurnStatusInProgress)})}
	if tn.settingsChanged {
		events = append(events, told("thread/settings/updated", t.settingsUpdated(tn.settings)))
	}
	t.tell(tn.ctx, []rollout.Record{rollout.TaskStarted(rollout.TurnStart{TurnID: tn.id, RootTurnID: tn.root, ParentTurnID: tn.parent, StartedAt: tn.started.Unix(), ContextWindow: tn.info.UsableWindow(), CollaborationMode: string(tn.settings.Mode)})}, events...)
	if !tn.known {
		tn.warn("Model metadata for `" + tn.settings.Model + "` not found. Defaulting to fallback metadata; this can degrade performance and cause issues.")
	}
}

// materialize creates the thread's file before its first turn.
func (t *Thread) materialize(cwd string) {
	r := t.spec.Recorder
	if r == nil || r.Materialized() {
		return
	}
	git := ReadGitInfo(cwd)
	t.mu.Lock()
	t.git = git
	t.mu.Unlock()
	r.SetGit(recordedGit(git))
	if err := r.Materialize(); err != nil {
		t.services.Log.Warn("creating a rollout", "thread", t.id, "error", err)
		t.keepTrying()
	}
}

// converse sends the model what there is to say until it has nothing more to do.
func (tn *turn) converse() error {
	if err := tn.compactIfFull(); err != nil {
		return err
	}
	if err := tn.sendContext(); err != nil {
		return err
	}
	if !tn.sessionStarts() {
		return nil
	}
	followUp, owed := true, false // owed: not only because the turn begins
	for {
		inputs, more := tn.take(followUp)
		if !more {
			return nil
		}
		tn.thread.takeInjected() // what was injected before the user spoke comes before it
		if !tn.hear(inputs) && !owed {
			followUp = false
			continue
		}
		var err error
		followUp, err = tn.sample()
		if err != nil {
			return err
		}
		followUp = followUp || tn.goesOn()
		owed = followUp
		if followUp {
			if err := tn.compactIfFull(); err != nil {
				return err
			}
		}
	}
}

// take removes the input that waits. more is false when there is neither input
// nor a tool's output to send: from then on the turn takes no more input.
func (tn *turn) take(followUp bool) (inputs []input, more bool) {
	t := tn.thread
	t.mu.Lock()
	defer t.mu.Unlock()
	if !followUp {
		tn.awaitShellsLocked()
	}
	inputs, tn.pending = tn.pending, nil
	if len(inputs) == 0 && !followUp {
		tn.ending = true
		return nil, false
	}
	return inputs, true
}

// end tells and records how the turn ended. It is the only place that does.
func (tn *turn) end(err error) {
	t := tn.thread
	t.mu.Lock()
	tn.ending = true
	left := tn.pending
	tn.pending = nil
	t.mu.Unlock()
	for _, in := range left { // said, though no request carried it any more
		tn.userMessage(in)
	}
	ended := t.now()
	var failure *protocol.TurnError
	status := protocol.TurnStatusCompleted
	var records []rollout.Record
	switch {
	case context.Cause(tn.ctx) == errReplaced:
		status = protocol.TurnStatusInterrupted
		end := tn.recordedEnd(ended, nil)
		end.Reason = "replaced"
		records = append(records, rollout.TurnAborted(end))
	case tn.interrupted():
		tn.wasInterrupted()
		status = protocol.TurnStatusInterrupted
		t.takeInjected() // what the user's own commands brought came before
		marker := textMessage("msg_"+newID(), "user", interruptMarker)
		t.history.add(marker)
		records = append(records, rollout.ResponseItem(marker), rollout.TurnAborted(tn.recordedEnd(ended, nil)))
	case err != nil:
		status = protocol.TurnStatusFailed
		failure = turnError(err)
		records = append(records, rollout.TaskComplete(tn.recordedEnd(ended, failure)))
	default:
		records = append(records, rollout.TaskComplete(tn.recordedEnd(ended, nil)))
	}
	t.save(records, tn)
	tn.answerInterrupters()
	notify := status == protocol.TurnStatusCompleted && tn.kind == regularTurn && t.services.Notify != nil && t.spec.Subagent == ""
	var words hooks.TurnEnd
	if notify {
		words = tn.words()
	}
	tn.tellEnd(status, failure, ended)
	if notify {
		t.services.Notify(words)
	}
}

// save writes a turn's last records and has the disk keep them. A failure does
// not fail the turn: the client is warned and the recorder tries again.
func (t *Thread) save(records []rollout.Record, tn *turn) {
	if t.spec.Recorder == nil {
		return
	}
	t.telling.Lock()
	err := t.spec.Recorder.Append(records...)
	t.telling.Unlock()
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = t.spec.Recorder.Sync(ctx)
	}
	if err != nil {
		t.services.Log.Error("saving a turn", "thread", t.id, "turn", tn.id, "error", err)
		t.keepTrying()
		tn.warn("Failed to save the conversation transcript; it will be tried again with the next turn: " + err.Error())
	}
}

// answerInterrupters lets every turn/interrupt be answered before the end is told.
func (tn *turn) answerInterrupters() {
	tn.thread.mu.Lock()
	waiting := tn.interrupters
	tn.thread.mu.Unlock()
	for _, w := range waiting {
		w.reply <- answer{receipt: Receipt{ID: w.id, TurnID: tn.id, release: w.gate.open}}
	}
	for _, w := range waiting {
		w.gate.wait(context.Background())
	}
}

// tellEnd makes the thread idle and tells the turn's one terminal event.
func (tn *turn) tellEnd(status protocol.TurnStatus, failure *protocol.TurnError, ended time.Time) {
	t := tn.thread
	turn := tn.wire(status)
	turn.Error = failure
	turn.CompletedAt = seconds(ended)
	turn.DurationMs = ptr(ended.Sub(tn.started).Milliseconds())
	if status == protocol.TurnStatusCompleted && tn.answer != nil {
		turn.Items = []protocol.ThreadItem{tn.answer}
		turn.ItemsView = protocol.TurnItemsViewSummary
	}
	ctx := context.Background()
	t.telling.Lock()
	defer t.telling.Unlock()
	t.mu.Lock()
	t.active = nil
	t.past = nil
	if t.spec.Recall == nil { // else it could not be read
		t.past = t.history.share()
	}
	t.failed = failure != nil
	t.updated = ended
	t.mu.Unlock()
	events := []Event{t.statusEvent()}
	if failure != nil {
		events = append(events, told("error", &protocol.ErrorNotification{ThreadID: t.id, TurnID: tn.id, Error: *failure}))
	}
	events = append(events, told("turn/completed", &protocol.TurnCompletedNotification{ThreadID: t.id, Turn: turn}))
	for _, e := range events {
		e.Thread, e.Submission = t.id, tn.id
		t.observer.Event(ctx, e)
	}
}

// wire is the turn as the client sees it, without its items.
func (tn *turn) wire(status protocol.TurnStatus) protocol.Turn {
	return protocol.Turn{ID: tn.id, RootTurnID: ptr(tn.root), Status: status, ItemsView: protocol.TurnItemsViewNotLoaded, StartedAt: seconds(tn.started)}
}

// recordedEnd is the turn's end as the rollout keeps it.
func (tn *turn) recordedEnd(at time.Time, failure *protocol.TurnError) rollout.TurnEnd {
	end := rollout.TurnEnd{TurnID: tn.id, RootTurnID: tn.root, StartedAt: tn.started.Unix(), CompletedAt: at.Unix(), DurationMs: at.Sub(tn.started).Milliseconds()}
	if tn.answer != nil {
		end.LastAgentMessage = &tn.answer.Text
	}
	if failure != nil {
		end.Error, _ = protocol.Append(nil, failure) // a value of the protocol always has a wire form
	}
	return end
}

// warn tells the user something that does not end the turn.
func (tn *turn) warn(text string) {
	t := tn.thread
	t.tell(tn.ctx, nil, told("warning", &protocol.WarningNotification{ThreadID: ptr(t.id), Message: text}))
}

// The methods below make a turn the tool.Turn that tools see.

func (tn *turn) ThreadID() string                  { return tn.thread.id }
func (tn *turn) TurnID() string                    { return tn.id }
func (tn *turn) Cwd() string                       { return tn.settings.Cwd }
func (tn *turn) Approval() protocol.AskForApproval { return tn.settings.Approval }
func (tn *turn) Sandbox() protocol.SandboxPolicy   { return tn.settings.Sandbox }
func (tn *turn) Now() time.Time                    { return tn.thread.now() }

func (tn *turn) Tell(ctx context.Context, method string, params any) {
	tn.thread.tell(ctx, nil, told(method, params))
}

func (tn *turn) Grow(ctx context.Context, method, itemID, text string) {
	tn.thread.grow(ctx, Event{Kind: Grew, Submission: tn.id, Method: method, Delta: Delta{TurnID: tn.id, ItemID: itemID, Index: -1, Text: text}})
}

func (tn *turn) Warn(_ context.Context, text string) { tn.warn(text) }
func (tn *turn) Interrupt()                          { tn.cancel(errInterrupted) }

func (tn *turn) Wait(ctx context.Context, w tool.Waiting) (done func()) {
	tn.thread.wait(ctx, w, +1)
	return func() { tn.thread.wait(context.WithoutCancel(ctx), w, -1) }
}

func (tn *turn) Ask(ctx context.Context, w tool.Waiting, method string, params any) ([]byte, error) {
	return tn.thread.Ask(ctx, w, method, params)
}

// interruptMarker is what the model reads of a turn that was cut short. Readers
// go by its tags.
const interruptMarker = "<turn_aborted>\nThe user stopped this turn before it was done (interrupted). What was being run may have been cut off half way; background commands may still be running. Check before relying on either.\n</turn_aborted>"
