package thread_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Calls of one response run side by side, from the moment each is whole; their
// outputs stand in the order of the calls, whoever is done first.
func TestParallelCalls(t *testing.T) {
	engine(t, func(b *bench) {
		var running, most atomic.Int32
		after := func(d time.Duration) toolFunc {
			return func(_ context.Context, _ tool.Turn, c tool.Call) tool.Output {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				time.Sleep(d)
				return tool.Text(c.Arguments)
			}
		}
		b.tools["late"], b.tools["soon"] = after(30*time.Minute), after(time.Minute)
		b.start()
		begin := time.Now()
		b.turn("go")
		if took := time.Since(begin); took != 30*time.Minute || most.Load() != 3 {
			t.Errorf("%d at once, done after %v", most.Load(), took)
		}
		same(t, b.model.said(1), []string{"user: go", "call c1", "call c2", "call c3", "output c1: 1", "output c2: 2", "output c3: 3"})
		if f := strings.Join(b.file(), "\n"); !strings.Contains(f, "function_call_output c1\nresponse_item function_call_output c2\nresponse_item function_call_output c3") {
			t.Error("the outputs are in another order in the file:\n" + f)
		}
	}, whole(calls("c1", "late", "1"), calls("c2", "soon", "2"), calls("c3", "late", "3")), whole())
}

// Whatever is wrong with a call, the model reads of it and the turn goes on.
func TestBadCalls(t *testing.T) {
	engine(t, func(b *bench) {
		b.tools["panics"] = func(context.Context, tool.Turn, tool.Call) tool.Output { panic("oh") }
		b.tools["empty"] = func(context.Context, tool.Turn, tool.Call) tool.Output { return tool.Text("") }
		b.tools["bytes"] = func(context.Context, tool.Turn, tool.Call) tool.Output { return tool.Text("\xff\x00") }
		b.start()
		b.turn("go")
		same(t, b.model.said(1), []string{"user: go", "call c1", "call c2", "call c3", "call c4", "call c5",
			"output c1: unsupported call: nothing", "output c2: tool panics failed: internal error", "output c3: ", "output c4: \uFFFD\x00", "output c5: unsupported call: patch"})
		if b.heard.has("started tool") {
			t.Error("a call that is none has an item")
		}
		raw := string(b.model.request(1).Input[len(b.model.request(1).Input)-1])
		if !strings.Contains(raw, `"custom_tool_call_output"`) {
			t.Errorf("a custom call is answered by %s", raw)
		}
	}, whole(calls("c1", "nothing", "{}"), calls("c2", "panics", "{}"), calls("c3", "empty", "{}"), calls("c4", "bytes", "{}"),
		item(`{"type":"custom_tool_call","id":"ct","call_id":"c5","name":"patch","input":"x"}`)), whole())
}

func TestWhatAToolTells(t *testing.T) {
	engine(t, func(b *bench) {
		b.tools["show"] = func(ctx context.Context, tn tool.Turn, c tool.Call) tool.Output {
			if tn.ThreadID() != b.spec.ID || tn.TurnID() != b.thread.Snapshot().ActiveTurn || tn.Cwd() != b.spec.Settings.Cwd || !tn.Now().Equal(time.Now()) ||
				tn.Approval() != protocol.AskForApprovalOnRequest || tn.Sandbox() == nil {
				t.Error("the turn tells its tool something else")
			}
			it := &protocol.ThreadItemDynamicToolCall{ID: c.ID, Tool: c.Name, Arguments: json.RawMessage(c.Arguments), Status: protocol.DynamicToolCallStatusInProgress,
				ContentItems: []protocol.DynamicToolCallOutputContentItem{}}
			begun := *it
			tn.Start(ctx, &begun)
			tn.Tell(ctx, "turn/plan/updated", &protocol.TurnPlanUpdatedNotification{})
			it.Status = protocol.DynamicToolCallStatusCompleted
			tn.Complete(ctx, it)
			return tool.Text("shown")
		}
		b.start()
		b.turn("go")
		b.told("status active", "turn/started", "started user go", "completed user go",
			"started tool c1 inProgress", "turn/plan/updated", "completed tool c1 completed", "tokens 9 of 9",
			"started agent msg_1 ", "completed agent msg_1 ok", "status idle", "turn/completed completed summary msg_1")
	}, func(ctx context.Context, yield func(ev model.Event, err error) bool) {
		whole(calls("c1", "show", "{}"))(ctx, func(e model.Event, err error) bool {
			if e.Kind == model.Completed { // the tool is done before the response is
				time.Sleep(time.Millisecond)
				e.Usage = &model.Usage{Total: 9}
			}
			return yield(e, err)
		})
	}, whole(message("msg_1", "ok")))
}

// While a client is asked, the thread shows that it waits, once for any number of
// questions of a kind.
func TestAsk(t *testing.T) {
	engine(t, func(b *bench) {
		answers := make(chan string)
		b.services.Asker = askFunc(func(ctx context.Context, q thread.Question) ([]byte, error) {
			if q.ThreadID != b.spec.ID {
				t.Errorf("asked for thread %s", q.ThreadID)
			}
			select {
			case a := <-answers:
				return []byte(a), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		b.tools["ask"] = func(ctx context.Context, tn tool.Turn, c tool.Call) tool.Output {
			w := map[string]tool.Waiting{"approval": tool.WaitingOnApproval, "input": tool.WaitingOnUserInput, "nothing": tool.WaitingOnNothing}[c.Arguments]
			a, err := tn.Ask(ctx, w, "any/method", nil)
			return tool.Errorf("%s %v", a, err)
		}
		b.start()
		b.say("go")
		if !b.heard.has("status active waitingOnApproval waitingOnUserInput") {
			t.Errorf("heard %q", b.heard.all())
		}
		b.heard.forget()
		answers <- "yes"
		answers <- "yes"
		answers <- "yes"
		synctest.Wait()
		b.submit(&thread.Interrupt{})
		ended(b)
		withdrawn := 0
		for _, l := range b.heard.all() {
			if strings.HasPrefix(l, "status active") {
				withdrawn++
			}
		}
		if withdrawn != 2 {
			t.Errorf("the flags fell %d times: %q", withdrawn, b.heard.all())
		}
	}, whole(calls("c1", "ask", "approval"), calls("c2", "ask", "approval"), calls("c3", "ask", "input"), calls("c4", "ask", "nothing")))
}

func TestInjectItems(t *testing.T) {
	injected := func(text string) []json.RawMessage {
		return []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"type":"message","role":"user","content":[{"type":"input_text","text":%q}]}`, text)),
			json.RawMessage(`{"type":"oddity","x":1}`)}
	}
	engine(t, func(b *bench) {
		b.start()
		b.submit(&thread.InjectItems{Items: injected("before")})
		b.told() // nobody is told of injected items
		b.say("go")
		b.submit(&thread.InjectItems{Items: injected("meanwhile")})
		b.submit(&thread.Steer{ExpectedTurnID: b.thread.Snapshot().ActiveTurn, Input: input("on")})
		b.idle()
		same(t, b.model.said(0), []string{"user: before", "oddity", "user: go"})
		same(t, b.model.said(1), []string{"user: before", "oddity", "user: go", "user: meanwhile", "oddity", "user: on"})
		b.reopen(whole())
		b.turn("later")
		got := b.model.said(0)
		if n := strings.Count(strings.Join(got, "\n"), "oddity"); n != 2 {
			t.Errorf("%d of 2 injected items outlive the process: %q", n, got)
		}
	}, cut(errHang), whole())
}

func TestMentionedSkills(t *testing.T) {
	engine(t, func(b *bench) {
		b.skills.mentioned = []string{"<skill>one</skill>", "<skill>two</skill>"}
		b.start()
		b.turn("use $one and $two")
		same(t, b.model.said(0), []string{"user: use $one and $two", "user: <skill>one</skill>", "user: <skill>two</skill>"})
		if p := b.thread.Snapshot().Preview; p != "use $one and $two" {
			t.Errorf("preview %q", p)
		}
	}, whole())
}

// The offer may wait for a server; the turn's end must cut that wait short.
func TestOfferIsCutShort(t *testing.T) {
	engine(t, func(b *bench) {
		cause := make(chan error, 1)
		b.services.Tools = func(ctx context.Context, _ thread.Settings) tool.Offer {
			<-ctx.Done()
			cause <- ctx.Err()
			return b.tools
		}
		b.start()
		b.say("go")
		b.submit(&thread.Interrupt{})
		ended(b)
		if err := <-cause; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}, cut(errHang))
}
