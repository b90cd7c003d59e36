package thread

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// ErrDead is what Submit returns once the thread's loop has ended.
var ErrDead = errors.New("internal error; agent loop died unexpectedly")

// An Op is something a thread is asked to do.
type Op interface{ isOp() }

// UserTurn starts a turn, or steers the one that runs. Its submission id is the
// turn's id, unless it steered: then the receipt has the running turn's id.
type UserTurn struct {
	Input           []protocol.UserInput
	ClientMessageID string // echoed as the user message's clientId
	Overrides       Overrides
	OutputSchema    json.RawMessage // for this turn only
	// Of a turn that another one caused, in another thread: that turn, and the one
	// that all of it began with.
	ParentTurnID, RootTurnID string
}

// Steer adds input to the running turn, which must be the expected one.
type Steer struct {
	ExpectedTurnID  string
	Input           []protocol.UserInput
	ClientMessageID string
}

// Interrupt aborts the running turn. Its receipt comes when the abort is on
// disk; the end of the turn is told after the receipt's release.
type Interrupt struct{ TurnID string }

// InjectItems shows the model items that no turn brought forth.
type InjectItems struct{ Items []json.RawMessage }

// Compact starts a turn that replaces the history by a summary.
type Compact struct{}

// Configure changes the settings of the next turns.
type Configure struct{ Overrides Overrides }

// Shutdown aborts what runs, flushes and closes the rollout, and ends the loop.
type Shutdown struct{}

func (*UserTurn) isOp()    {}
func (*Steer) isOp()       {}
func (*Interrupt) isOp()   {}
func (*InjectItems) isOp() {}
func (*Configure) isOp()   {}
func (*Compact) isOp()     {}
func (*Shutdown) isOp()    {}

// A Receipt says that an op was taken up. Its holder calls Release once it has
// answered its own caller; what the op causes is told only after that.
type Receipt struct {
	ID      string // submission id
	TurnID  string // the turn an op started or joined
	release func()
}

// Release lets the effects of the op be told. It may be called more than once.
func (r Receipt) Release() {
	if r.release != nil {
		r.release()
	}
}

// submission is an op on its way to the loop.
type submission struct {
	id    string
	op    Op
	reply chan answer // buffered: the loop and the turn never wait for the submitter
}

type answer struct {
	receipt Receipt
	err     error
}

// Submit hands an op to the loop and waits until it was taken up or refused. It
// returns [ErrDead] when the loop has ended. A caller whose ctx ends early has
// still submitted the op.
func (t *Thread) Submit(ctx context.Context, op Op) (Receipt, error) {
	s := &submission{id: newID(), op: op, reply: make(chan answer, 1)}
	select {
	case t.ops <- s:
	case <-t.done:
		return Receipt{}, ErrDead
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
	select {
	case a := <-s.reply:
		return a.receipt, a.err
	case <-t.done:
		select {
		case a := <-s.reply:
			return a.receipt, a.err
		default:
			return Receipt{}, ErrDead
		}
	case <-ctx.Done():
		return Receipt{}, ctx.Err()
	}
}

// UserText is an item for [InjectItems]: a message in the user's name.
func UserText(text string) json.RawMessage { return textMessage("msg_"+newID(), "user", text) }
