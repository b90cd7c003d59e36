package thread_test

import (
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func TestTurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("hello")
		b.told(
			"status active",
			"turn/started",
			"started user hello",
			"completed user hello",
			"started agent msg_1 ",
			"agentMessage/delta msg_1 Hi ",
			"agentMessage/delta msg_1 there",
			"completed agent msg_1 Hi there",
			"tokens 10 of 10",
			"status idle",
			"turn/completed completed summary msg_1",
		)
		same(t, b.file(), []string{
			"session_meta",
			"event_msg task_started",
			"response_item message developer",
			"response_item message user",
			"turn_context",
			"response_item message user",
			"event_msg item_completed UserMessage",
			"event_msg item_completed AgentMessage",
			"response_item message assistant",
			"event_msg token_count",
			"event_msg task_complete",
		})
		b.turn("again")
		b.told(
			"status active",
			"turn/started",
			"started user again",
			"completed user again",
			"started agent msg_2 ",
			"completed agent msg_2 Yes",
			"tokens 5 of 15",
			"status idle",
			"turn/completed completed summary msg_2",
		)
		same(t, b.model.said(1), []string{"user: hello", "assistant: Hi there", "user: again"})
	}, spent(10, says("msg_1", "Hi ", "there")), spent(5, message("msg_2", "Yes")))
}

func TestTimesOfATurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.submit(&thread.UserTurn{Input: input("x"), ClientMessageID: "mine"})
		b.idle()
		for _, e := range b.heard.seen {
			switch p := e.Params.(type) {
			case *protocol.TurnCompletedNotification:
				if p.Turn.StartedAt == nil || p.Turn.CompletedAt == nil || p.Turn.DurationMs == nil || *p.Turn.RootTurnID != p.Turn.ID {
					t.Errorf("the turn ended without its times: %+v", p.Turn)
				}
			case *protocol.ItemStartedNotification:
				if p.StartedAtMs != time.Now().UnixMilli() {
					t.Errorf("started at %d", p.StartedAtMs)
				}
				if u, ok := p.Item.(*protocol.ThreadItemUserMessage); ok && (u.ClientID == nil || *u.ClientID != "mine" || u.CompletedAtMs != nil) {
					t.Errorf("user message %+v", u)
				}
			case *protocol.ItemCompletedNotification:
				if u, ok := p.Item.(*protocol.ThreadItemUserMessage); ok && u.CompletedAtMs == nil {
					t.Error("a completed user message says not when")
				}
			}
		}
	}, whole(message("msg_1", "y")))
}

func TestReasoning(t *testing.T) {
	reasoning := []model.Event{
		{Kind: model.ItemAdded, ItemID: "rs_1", Head: model.ItemHead{Type: "reasoning", ID: "rs_1"}},
		{Kind: model.ReasoningPartAdded, ItemID: "rs_1"},
		{Kind: model.ReasoningSummaryDelta, ItemID: "rs_1", Delta: "hm"},
		{Kind: model.ReasoningPartAdded, ItemID: "rs_1", Part: 1},
		{Kind: model.ReasoningSummaryDelta, ItemID: "rs_1", Part: 1, Delta: "aha"},
		{Kind: model.ReasoningTextDelta, ItemID: "rs_1", Delta: "raw"},
		item(`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"},{"type":"summary_text","text":"aha"}],"content":[{"type":"reasoning_text","text":"raw"}],"encrypted_content":"x"}`)[0],
	}
	for _, raw := range []bool{false, true} {
		t.Run(map[bool]string{false: "summary", true: "raw"}[raw], func(t *testing.T) {
			engine(t, func(b *bench) {
				b.spec.Settings.ShowRawReasoning = raw
				b.start()
				b.turn("think")
				want := []string{"status active", "turn/started", "started user think", "completed user think",
					"started reasoning rs_1", "part 0 of rs_1", "reasoning/summaryTextDelta[0] rs_1 hm", "part 1 of rs_1", "reasoning/summaryTextDelta[1] rs_1 aha"}
				if raw {
					want = append(want, "reasoning/textDelta[0] rs_1 raw", "completed reasoning rs_1 hm aha raw")
				} else {
					want = append(want, "completed reasoning rs_1 hm aha")
				}
				b.told(append(want, "started agent msg_1 ", "completed agent msg_1 so", "status idle", "turn/completed completed summary msg_1")...)
			}, whole(reasoning, message("msg_1", "so")))
		})
	}
}

// A server may leave out the start of an item: its first piece, or the whole, is it.
func TestItemsWithoutAStart(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("x")
		b.told("status active", "turn/started", "started user x", "completed user x",
			"started agent msg_1 ", "agentMessage/delta msg_1 a", "completed agent msg_1 a",
			"started reasoning rs_1", "reasoning/summaryTextDelta[0] rs_1 b", "completed reasoning rs_1 b",
			"started agent msg_2 ", "completed agent msg_2 c",
			"status idle", "turn/completed completed summary msg_2")
		if said := b.file(); !strings.Contains(strings.Join(said, "\n"), "response_item mystery") {
			t.Errorf("an item of an unknown type is not kept:\n%s", strings.Join(said, "\n"))
		}
	}, whole(says("msg_1", "a")[1:], []model.Event{{Kind: model.ReasoningSummaryDelta, ItemID: "rs_1", Delta: "b"}},
		item(`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"b"}]}`),
		item(`{"type":"mystery","id":"my_1","payload":{"a":1}}`), message("msg_2", "c")))
}

// A model that says it is not done is asked again.
func TestModelGoesOn(t *testing.T) {
	no, yes := false, true
	engine(t, func(b *bench) {
		b.start()
		b.turn("x")
		if n := len(b.model.requests); n != 2 {
			b.Fatalf("%d requests", n)
		}
		same(t, b.model.said(1), []string{"user: x", "assistant: wait"})
	}, cut(nil, message("msg_1", "wait"), []model.Event{{Kind: model.Completed, EndTurn: &no}}),
		cut(nil, message("msg_2", "done"), []model.Event{{Kind: model.Completed, EndTurn: &yes}}))
}

func TestTurnWithoutInput(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.submit(&thread.UserTurn{})
		b.idle()
		b.told("status active", "turn/started", "started agent msg_1 ", "completed agent msg_1 a", "status idle", "turn/completed completed summary msg_1")
	}, whole(message("msg_1", "a")))
}

func TestUnknownModelIsSaid(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.Settings.Model = "other"
		b.start()
		b.turn("x")
		if !b.heard.has("warning Model metadata for `other` not found.") {
			t.Errorf("no warning: %q", b.heard.all())
		}
	}, whole())
}

// What an op causes waits until its submitter has answered its own caller, but
// not for a submitter that never will.
func TestEffectsWaitForTheAnswer(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		r, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("x")})
		if err != nil {
			b.Fatal(err)
		}
		b.told()
		time.Sleep(1900 * time.Millisecond)
		b.told()
		r.Release()
		r.Release()
		b.idle()
		if !b.heard.has("turn/completed") {
			t.Error("a released turn does not run")
		}
		b.heard.forget()

		begin := time.Now()
		if _, err = b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("y")}); err != nil {
			b.Fatal(err)
		}
		b.idle()
		if took := time.Since(begin); took != 2*time.Second || !b.heard.has("turn/completed") {
			t.Errorf("without an answer the turn took %v", took)
		}
	}, whole(), whole())
}

func TestConfigureWaitsForTheAnswer(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		cwd := t.TempDir()
		r, err := b.thread.Submit(b.Context(), &thread.Configure{Overrides: thread.Overrides{Cwd: &cwd}})
		if err != nil {
			b.Fatal(err)
		}
		b.told()
		r.Release()
		b.told("thread/settings/updated")
		b.submit(&thread.Configure{Overrides: thread.Overrides{Cwd: &cwd}})
		b.told() // nothing has changed
		if s := b.thread.Snapshot().Settings; s.Cwd != cwd || len(s.WorkspaceRoots) != 1 || s.WorkspaceRoots[0] != cwd {
			t.Errorf("settings %+v", s)
		}
	})
}

func TestOverridesStick(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		slug, effort := "m", "high"
		b.info.SupportsReasoningSummaries = true
		b.submit(&thread.UserTurn{Input: input("x"), OutputSchema: []byte(`{"type":"object"}`), Overrides: thread.Overrides{
			Model: &slug, Effort: &effort, Approval: protocol.AskForApprovalNever, Sandbox: &protocol.SandboxPolicyDangerFullAccess{}}})
		b.idle()
		b.told("status active", "turn/started", "thread/settings/updated", "started user x", "completed user x", "status idle", "turn/completed completed notLoaded")
		b.turn("y")
		b.told("status active", "turn/started", "started user y", "completed user y", "status idle", "turn/completed completed notLoaded")
		first, second := b.model.request(0), b.model.request(1)
		if first.Reasoning == nil || first.Reasoning.Effort != "high" || second.Reasoning == nil || second.Reasoning.Effort != "high" {
			t.Errorf("effort: %+v then %+v", first.Reasoning, second.Reasoning)
		}
		if first.OutputSchema == nil || second.OutputSchema != nil {
			t.Errorf("the output schema is of one turn only: %s then %s", first.OutputSchema, second.OutputSchema)
		}
		if s := b.thread.Snapshot().Settings; s.Approval != protocol.AskForApprovalNever || s.Effort != "high" {
			t.Errorf("settings %+v", s)
		}
	}, whole(), whole())
}

func TestEphemeral(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.ID = "01990000-0000-7000-8000-000000000002"
		b.start()
		b.turn("x")
		b.told("status active", "turn/started", "started user x", "completed user x", "started agent msg_1 ", "completed agent msg_1 a", "status idle", "turn/completed completed summary msg_1")
		if page, err := b.store.List(listAll); err != nil || len(page.Threads) != 0 {
			t.Errorf("an ephemeral thread is stored: %+v %v", page, err)
		}
	}, whole(message("msg_1", "a")))
}

func TestNothingIsWrittenBeforeTheFirstTurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		if b.recorder.Materialized() || b.thread.Snapshot().Started {
			t.Error("a thread without a turn has a file")
		}
		b.turn("x")
		if !b.recorder.Materialized() || !b.thread.Snapshot().Started {
			t.Error("a thread with a turn has none")
		}
	}, whole())
}
