package thread

import (
	"context"
	"time"

	"github.com/codexhost/codexhost/rollout"
)

// ShellCommand runs a command that the user typed, as a turn of its own, or
// within the turn that runs. The model is told of it with the next request.
type ShellCommand struct {
	Command string
	Timeout time.Duration // 0 for none
}

func (*ShellCommand) isOp() {}

// shellCommand takes up a user's command.
func (t *Thread) shellCommand(s submission, op *ShellCommand) {
	for {
		t.mu.Lock()
		running := t.active
		if running == nil {
			break
		}
		if !running.ending {
			g := newGate()
			running.shellsLeft++
			running.shells.Go(func() {
				g.wait(context.Background())
				running.runShell(op)
				running.shellEnded()
			})
			t.mu.Unlock()
			s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: running.id, release: g.open}}
			return
		}
		t.mu.Unlock()
		<-running.done // its ending is bounded
	}
	tn := newTurn(s.id, t, input{}, nil)
	tn.kind, tn.shell, tn.settings = shellTurn, op, t.settings
	t.active = tn
	t.started = true
	t.mu.Unlock()
	s.reply <- answer{receipt: Receipt{ID: s.id, TurnID: tn.id, release: tn.gate.open}}
	go tn.run()
}

// runShell runs a user's command and has the model told of it.
func (tn *turn) runShell(op *ShellCommand) {
	text := tn.thread.services.Shell(tn.ctx, tn, op.Command, op.Timeout)
	message := textMessage("msg_"+newID(), "user", text)
	t := tn.thread
	t.mu.Lock()
	t.injected = append(t.injected, message)
	t.mu.Unlock()
	t.tell(context.WithoutCancel(tn.ctx), []rollout.Record{rollout.ResponseItem(message)})
}

func (tn *turn) shellEnded() {
	tn.thread.mu.Lock()
	defer tn.thread.mu.Unlock()
	tn.shellsLeft--
	tn.stir()
}

// stir wakes whoever waits for input or for the user's commands.
func (tn *turn) stir() {
	select {
	case tn.wake <- struct{}{}:
	default: // it is awake already
	}
}

// awaitShellsLocked waits while commands of the user run, there is nothing else
// to do, and the turn goes on. thread.mu is held, and let go meanwhile.
func (tn *turn) awaitShellsLocked() {
	for tn.shellsLeft > 0 && len(tn.pending) == 0 && tn.ctx.Err() == nil {
		tn.thread.mu.Unlock()
		select {
		case <-tn.wake:
		case <-tn.ctx.Done():
		}
		tn.thread.mu.Lock()
	}
}
