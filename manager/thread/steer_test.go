package thread_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
)

func TestSteer(t *testing.T) {
	for _, how := range []string{"turn/steer", "turn/start"} {
		t.Run(how, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.start()
				id := b.say("go").TurnID
				var r thread.Receipt
				if how == "turn/steer" {
					r = b.submit(&thread.Steer{ExpectedTurnID: id, Input: input("left")})
				} else {
					r = b.submit(&thread.UserTurn{Input: input("left")})
				}
				if r.TurnID != id {
					t.Errorf("steered turn %s, not %s", r.TurnID, id)
				}
				b.idle()
				b.told("status active", "turn/started", "started user go", "completed user go",
					"started agent msg_1 ", "agentMessage/delta msg_1 lost", // never completed: its text is gone
					"started user left", "completed user left",
					"started agent msg_2 ", "completed agent msg_2 ok", "status idle", "turn/completed completed summary msg_2")
				same(t, b.model.said(1), []string{"user: go", "user: left"})
				if b.heard.inFile([]string{"lost"}) {
					t.Error("what was cut is in the file")
				}
			}, cut(errHang, begun("msg_1", "lost")), whole(message("msg_2", "ok")))
		})
	}
}

// What was whole before the cut stays, and the model gets the outputs of its calls.
func TestSteerKeepsWhatWasWhole(t *testing.T) {
	engine(t, func(b *bench) {
		release := make(chan struct{})
		b.tools["slow"] = func(ctx context.Context, _ tool.Turn, _ tool.Call) tool.Output {
			select {
			case <-release:
				return tool.Text("42")
			case <-ctx.Done():
				return tool.Text("aborted")
			}
		}
		b.start()
		b.say("go")
		b.say("also")
		close(release)
		b.idle()
		same(t, b.model.said(1), []string{"user: go", "assistant: first", "call c1", "output c1: 42", "user: also"})
	}, cut(errHang, message("msg_1", "first"), calls("c1", "slow", "{}")), whole(message("msg_2", "ok")))
}

// What a steer causes is told after the steer was answered.
func TestSteerIsAnsweredThenTold(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		id := b.say("go").TurnID
		b.heard.forget()
		r, err := b.thread.Submit(b.Context(), &thread.Steer{ExpectedTurnID: id, Input: input("left")})
		if err != nil {
			b.Fatal(err)
		}
		b.told()
		r.Release()
		b.idle()
		b.told("started user left", "completed user left", "status idle", "turn/completed completed notLoaded")

		b.say("go")
		b.heard.forget()
		begin := time.Now()
		if _, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("dead")}); err != nil {
			b.Fatal(err)
		}
		b.idle()
		if took := time.Since(begin); took != 2*time.Second || !b.heard.has("completed user dead") {
			t.Errorf("without an answer it took %v", took)
		}
	}, cut(errHang), whole(), cut(errHang), whole())
}

// Input that no request carries any more is still recorded and told.
func TestSteerThenInterrupt(t *testing.T) {
	engine(t, func(b *bench) {
		b.tools["block"] = func(ctx context.Context, _ tool.Turn, _ tool.Call) tool.Output {
			<-ctx.Done()
			return tool.Text("aborted")
		}
		b.start()
		b.say("go")
		b.say("unheard")
		b.submit(&thread.Interrupt{})
		ended(b)
		b.told("status active", "turn/started", "started user go", "completed user go", "started user unheard", "completed user unheard",
			"status idle", "turn/completed interrupted notLoaded")
	}, whole(calls("c1", "block", "{}")))
}

// Several inputs at once are several messages, in their order.
func TestSteerMany(t *testing.T) {
	engine(t, func(b *bench) {
		release := make(chan struct{})
		b.tools["slow"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			<-release
			return tool.Text("1")
		}
		b.start()
		b.say("go")
		b.say("a")
		b.say("b")
		b.say("c")
		close(release)
		b.idle()
		same(t, b.model.said(1), []string{"user: go", "call c1", "output c1: 1", "user: a", "user: b", "user: c"})
	}, whole(calls("c1", "slow", "{}")), whole())
}

func TestSteerDuringARetry(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.say("go")
		b.say("left")
		b.idle()
		n := len(b.model.requests)
		same(t, b.model.said(n-1), []string{"user: go", "user: left"})
	}, cut(&model.Error{Kind: model.FailDisconnected, Message: "cut", Retryable: true}), whole(message("msg_1", "a")), whole(message("msg_2", "b")))
}

func TestSteerRefusals(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		refused(t, b, &thread.Steer{ExpectedTurnID: "x", Input: input("a")}, thread.KindNoActiveTurn, "no active turn to steer")
		id := b.say("go").TurnID
		refused(t, b, &thread.Steer{ExpectedTurnID: id}, thread.KindInvalidInput, "input must not be empty")
		refused(t, b, &thread.Steer{ExpectedTurnID: "x", Input: input("a")}, thread.KindTurnNotFound, "expected active turn id `x` but found `"+id+"`")
		b.submit(&thread.Interrupt{})
		b.idle()
		b.submit(&thread.Compact{})
		synctest.Wait()
		id = b.thread.Snapshot().ActiveTurn
		_, err := b.thread.Submit(b.Context(), &thread.Steer{ExpectedTurnID: id, Input: input("a")})
		var not *thread.NotSteerable
		if !errors.As(err, &not) || not.TurnKind != "compact" {
			t.Errorf("steering a compaction: %v", err)
		}
	}, cut(errHang), cut(errHang))
}
