package thread

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// sample makes one request to the model, again where its stream breaks. followUp
// means that the model is owed an answer: a tool's output, or its own wish to go
// on. Items that were whole before a break stay in the history.
func (tn *turn) sample() (followUp bool, err error) {
	err = tn.retrying(func() error {
		var err error
		followUp, err = tn.request()
		return err
	})
	if errors.Is(err, errSteered) {
		return true, nil
	}
	return followUp, err
}

// retrying does what asks the model, again where the stream breaks, as often as
// the provider allows. The client hears of every break.
func (tn *turn) retrying(ask func() error) error {
	broken, unreachable := 0, 0
	for {
		err := ask()
		var failure *model.Error
		switch {
		case tn.ctx.Err() != nil:
			return tn.ctx.Err()
		case !errors.As(err, &failure):
			return err
		case failure.Kind == model.FailContextWindow:
			tn.full()
			return err
		case !failure.Retryable:
			return err
		}
		most := tn.settings.StreamMaxRetries
		var delay time.Duration
		var text string
		if failure.Kind == model.FailConnect && most > 0 {
			// Nothing is there yet; that is no fault of the request, so no retry is used up.
			unreachable++
			delay = model.NetworkBackoff(unreachable)
			text = fmt.Sprintf("Reconnecting... waiting for the network, attempt %d", unreachable)
		} else {
			if broken++; broken > most {
				return err
			}
			delay = model.Backoff(broken, failure.RetryAfter)
			text = fmt.Sprintf("Reconnecting... %d/%d", broken, most)
		}
		tn.Tell(tn.ctx, "error", &protocol.ErrorNotification{ThreadID: tn.thread.id, TurnID: tn.id, WillRetry: true, Error: retryError(text, failure)})
		if err := sleep(tn.ctx, delay); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request sends the history once and takes in what comes back, tools included.
func (tn *turn) request() (followUp bool, err error) {
	t := tn.thread
	ctx, cut := context.WithCancelCause(tn.ctx)
	defer cut(nil)
	t.mu.Lock()
	steered := len(tn.pending) > 0
	tn.cut = cut
	t.mu.Unlock()
	if steered { // between take and here: send it with this request's successor
		cut(errSteered)
	}
	defer func() {
		t.mu.Lock()
		tn.cut = nil
		t.mu.Unlock()
	}()

	offer := t.services.Tools(ctx, tn.settings)
	in := intake{turn: tn, ctx: ctx, offer: offer}
	tn.asks()
	err = in.stream(tn.modelRequest(offer))
	tn.asked(err)
	followUp = in.finish()
	if err != nil && context.Cause(ctx) == errSteered && tn.ctx.Err() == nil {
		return true, errSteered
	}
	return followUp, err
}

// intake takes in one response: it tells items as they grow, records them when
// they are whole, and runs the tools they call.
type intake struct {
	turn  *turn
	ctx   context.Context // of the request; a cut ends it, the turn may go on
	offer tool.Offer

	open    openItem     // the message or reasoning that grows now
	plan    *planMessage // what more there is of it in plan mode
	calls   sync.WaitGroup
	outputs []*output // one for each call, in the order of the calls
	goOn    bool      // the model said that it is not done
}

// An output belongs to a tool call of the response.
type output struct {
	kind, callID string
	body         json.RawMessage
	contexts     []string // of hooks
}

func (in *intake) stream(r *model.Request) error {
	for e, err := range in.turn.thread.services.Model.Stream(in.ctx, r) {
		if err != nil {
			return err
		}
		if in.ctx.Err() != nil { // cut: what had arrived already does not count
			return context.Cause(in.ctx)
		}
		in.event(e)
	}
	return nil
}

func (in *intake) event(e model.Event) {
	switch e.Kind {
	case model.ItemAdded:
		in.added(e)
	case model.TextDelta, model.ReasoningSummaryDelta, model.ReasoningTextDelta:
		in.grew(e)
	case model.ReasoningPartAdded:
		in.partAdded(e)
	case model.ItemDone:
		in.done(e)
	case model.Completed:
		in.goOn = e.EndTurn != nil && !*e.EndTurn
		if e.Usage != nil {
			in.turn.used(*e.Usage)
		}
	}
}

// finish waits for the tools of the response and records their outputs in the
// order of the calls. It reports whether the model is owed another request.
func (in *intake) finish() (followUp bool) {
	in.calls.Wait()
	t := in.turn.thread
	records := make([]rollout.Record, 0, len(in.outputs))
	for _, o := range in.outputs {
		records = in.turn.contextRecords(records, o.contexts)
		raw := callOutput(o.kind, "fco_"+newID(), o.callID, o.body)
		t.history.add(raw)
		records = append(records, rollout.ResponseItem(raw))
	}
	t.tell(in.turn.ctx, records)
	return len(in.outputs) > 0 || in.goOn
}

// full notes that the context window has no room left, whatever was counted.
func (tn *turn) full() {
	t := tn.thread
	window := tn.info.UsableWindow()
	t.countedBytes = t.history.bytes
	t.mu.Lock()
	t.usage.last = model.Usage{Total: window}
	t.usage.total.Total = max(t.usage.total.Total, window)
	t.mu.Unlock()
	tn.tellUsage()
}

// used counts the tokens of a response.
func (tn *turn) used(u model.Usage) {
	t := tn.thread
	t.mu.Lock()
	t.usage.last = u
	t.usage.total = plus(t.usage.total, u)
	t.countedBytes = t.history.bytes
	t.lastTurn = tn.id
	t.mu.Unlock()
	tn.tellUsage()
}

// tellUsage records and tells how many tokens the thread has used.
func (tn *turn) tellUsage() {
	t := tn.thread
	t.mu.Lock()
	now := t.usage
	t.mu.Unlock()
	window := tn.info.UsableWindow()
	t.tell(tn.ctx, []rollout.Record{rollout.TokenCount(rollout.TokenInfo{Total: recordedUsage(now.total), Last: recordedUsage(now.last), ContextWindow: window}, nil)},
		told("thread/tokenUsage/updated", &protocol.ThreadTokenUsageUpdatedNotification{ThreadID: t.id, TurnID: tn.id, TokenUsage: TokenUsage(now.total, now.last, window)}))
}
