package thread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

var (
	errInterrupted = errors.New("interrupted")
	errShutdown    = errors.New("shut down")
	errSteered     = errors.New("steered")
	errReplaced    = errors.New("replaced")
)

// loop takes up ops in order until Shutdown. Long work runs in the turn.
func (t *Thread) loop() {
	defer close(t.done)
	for next := range t.ops {
		s := *next
		switch op := s.op.(type) {
		case *UserTurn:
			t.userTurn(s, op)
		case *Steer:
			in := input{op.Input, op.ClientMessageID, newGate()}
			id, err := t.steer(op.ExpectedTurnID, in)
			s.reply <- answer{Receipt{ID: s.id, TurnID: id, release: in.answered.open}, err}
		case *Interrupt:
			t.interrupt(s, op)
		case *ShellCommand:
			t.shellCommand(s, op)
		case *Compact:
			t.compactTurn(s)
		case *Review:
			t.review(s, op)
		case *InjectItems:
			t.injectItems(op.Items)
			s.reply <- answer{receipt: Receipt{ID: s.id}}
		case *Configure:
			t.configure(s, op)
		case *Shutdown:
			t.shutdown()
			s.reply <- answer{receipt: Receipt{ID: s.id}}
			return
		}
	}
}

// An input is what a user said at once.
type input struct {
	items     []protocol.UserInput
	messageID string // the client's id for it, or empty
	answered  gate   // opens when whoever brought it was answered; zero for what opens a turn, which has a gate of its own
}

// userTurn starts a turn, or steers the one that runs.
func (t *Thread) userTurn(s submission, op *UserTurn) {
	in := input{items: op.Input, messageID: op.ClientMessageID}
	for {
		t.mu.Lock()
		running := t.active
		if running == nil {
			break
		}
		if !running.ending && running.kind != regularTurn {
			t.mu.Unlock()
			s.reply <- answer{err: &Failure{Kind: KindThreadBusy, Remedy: "wait for its end, or interrupt it",
				Err: fmt.Errorf("failed to submit turn input: ActiveTurnNotSteerable { turn_kind: %s }", title(running.kind))}}
			return
		}
		if !running.ending {
			in.answered = newGate()
			running.steerLocked(in)
			t.mu.Unlock()
			s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: running.id, release: in.answered.open}}
			return
		}
		t.mu.Unlock()
		<-running.done // its ending is bounded
	}
	settings, changed := t.settings.with(op.Overrides)
	t.settings = settings
	tn := newTurn(s.id, t, in, op.OutputSchema)
	tn.settings, tn.settingsChanged = settings, changed
	if op.RootTurnID != "" {
		tn.root, tn.parent = op.RootTurnID, op.ParentTurnID
	}
	t.active = tn
	t.started = true
	if t.preview == "" {
		t.preview = previewOf(op.Input)
	}
	t.mu.Unlock()
	s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: tn.id, release: tn.gate.open}}
	go tn.run()
}

// steer adds input to the running turn and cuts the request in flight.
func (t *Thread) steer(expected string, in input) (string, error) {
	if len(in.items) == 0 {
		return "", refuse(KindInvalidInput, "send at least one input item", "input must not be empty")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tn := t.active
	if tn == nil || tn.ending {
		return "", refuse(KindNoActiveTurn, "start a turn with turn/start", "no active turn to steer")
	}
	if tn.id != expected {
		return "", refuse(KindTurnNotFound, "steer the turn that runs", "expected active turn id `%s` but found `%s`", expected, tn.id)
	}
	if tn.kind != regularTurn {
		return "", notSteerable(tn.kind)
	}
	tn.steerLocked(in)
	return tn.id, nil
}

// A NotSteerable says that the running turn takes no input.
type NotSteerable struct{ TurnKind string }

func (e *NotSteerable) Error() string { return "cannot steer a " + e.TurnKind + " turn" }

func notSteerable(kind turnKind) error { return &NotSteerable{string(kind)} }

// title is a kind of turn as the reference's own debug output spells it.
func title(k turnKind) string { return strings.ToUpper(string(k[:1])) + string(k[1:]) }

// compactTurn starts a turn that compacts; a turn that runs is replaced by it.
func (t *Thread) compactTurn(s submission) {
	t.replaceTurn()
	t.mu.Lock()
	tn := newTurn(s.id, t, input{}, nil)
	tn.kind, tn.settings = compactTurn, t.settings
	t.active = tn
	t.started = true
	t.mu.Unlock()
	s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: tn.id, release: tn.gate.open}}
	go tn.run()
}

// replaceTurn ends the running turn, if there is one, to make room for another.
func (t *Thread) replaceTurn() {
	t.mu.Lock()
	running := t.active
	if running != nil {
		running.cancel(errReplaced)
	}
	t.mu.Unlock()
	if running != nil {
		<-running.done
	}
}

// interrupt aborts the running turn, which answers the submission itself.
func (t *Thread) interrupt(s submission, op *Interrupt) {
	t.mu.Lock()
	tn := t.active
	var err error
	switch {
	case tn == nil || tn.ending && !tn.interrupted():
		err = refuse(KindNoActiveTurn, "the turn has ended; there is nothing to do", "no active turn to interrupt")
	case op.TurnID != "" && op.TurnID != tn.id && op.TurnID != tn.inner:
		err = refuse(KindTurnNotFound, "interrupt the turn that runs", "expected active turn id %s but found %s", op.TurnID, tn.id)
	case tn.ending: // another interrupt came first and is about to be answered
		t.mu.Unlock()
		<-tn.done
		s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: tn.id}}
		return
	default:
		tn.interrupters = append(tn.interrupters, interrupter{s, newGate()})
		tn.cancel(errInterrupted)
	}
	t.mu.Unlock()
	if err != nil {
		s.reply <- answer{err: err}
	}
}

// injectItems records items and shows them to the model with its next request.
func (t *Thread) injectItems(items []json.RawMessage) {
	records := make([]rollout.Record, len(items))
	for i, raw := range items {
		records[i] = rollout.ResponseItem(raw)
	}
	t.telling.Lock() // whoever looks sees them in the file and in memory, or in neither
	defer t.telling.Unlock()
	t.recordLocked(records)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.injected = append(t.injected, items...)
}

// takeInjected moves injected items into the history. Only its owner may.
func (t *Thread) takeInjected() {
	t.mu.Lock()
	items := t.injected
	t.injected = nil
	t.mu.Unlock()
	for _, raw := range items {
		t.history.add(raw)
	}
}

// configure changes the settings and tells so, once the change was answered.
func (t *Thread) configure(s submission, op *Configure) {
	t.mu.Lock()
	settings, changed := t.settings.with(op.Overrides)
	t.settings = settings
	t.mu.Unlock()
	g := newGate()
	s.reply <- answer{receipt: Receipt{ID: s.id, release: g.open}}
	if changed {
		g.wait(context.Background())
		t.tell(context.Background(), nil, told("thread/settings/updated", t.settingsUpdated(settings)))
	}
}

// shutdown ends the running turn, as interrupted, and closes the rollout.
func (t *Thread) shutdown() {
	t.mu.Lock()
	tn := t.active
	if tn != nil {
		tn.cancel(errShutdown)
		tn.gate.open()
	}
	t.mu.Unlock()
	if tn != nil {
		<-tn.done
	}
	t.stopReading()
	t.sessionEnds()
	if t.services.Stop != nil {
		t.services.Stop()
	}
	if t.spec.Recorder != nil {
		if err := t.spec.Recorder.Close(); err != nil {
			t.services.Log.Error("closing a rollout", "thread", t.id, "error", err)
		}
	}
	t.telling.Lock() // a turn gives up its place before it has told so
	defer t.telling.Unlock()
	t.observer.Event(context.Background(), Event{Thread: t.id, Kind: Closed})
}
