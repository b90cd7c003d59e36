package thread

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// An openItem is an item of the model that has been told to begin.
type openItem struct {
	id      string
	kind    string // "message" or "reasoning"; empty when no item is open
	started time.Time
}

// begin tells the start of a message or of reasoning.
func (in *intake) begin(id, kind string) {
	tn := in.turn
	if id == "" {
		id = kind + "_" + newID()
	}
	in.open = openItem{id, kind, tn.thread.now()}
	ms := milliseconds(in.open.started)
	if kind == "message" {
		tn.Start(in.ctx, &protocol.ThreadItemAgentMessage{ID: id, StartedAtMs: ms})
	} else {
		tn.Start(in.ctx, &protocol.ThreadItemReasoning{ID: id, StartedAtMs: ms})
	}
}

func (in *intake) added(e model.Event) {
	if e.Head.Type == "message" && in.turn.settings.Mode == protocol.ModeKindPlan {
		in.openPlan(e)
		return
	}
	switch e.Head.Type {
	case "message", "reasoning":
		in.begin(e.ItemID, e.Head.Type)
	}
}

// grew tells a piece of text. Where a server sends no start, the first piece is it.
func (in *intake) grew(e model.Event) {
	tn := in.turn
	if e.Kind == model.TextDelta && tn.settings.Mode == protocol.ModeKindPlan {
		in.planGrew(e)
		return
	}
	d := Event{Submission: tn.id, Kind: Grew}
	kind := "reasoning"
	index := -1
	switch e.Kind {
	case model.TextDelta:
		kind, d.Method = "message", "item/agentMessage/delta"
	case model.ReasoningSummaryDelta:
		index, d.Method = e.Part, "item/reasoning/summaryTextDelta"
	default:
		if !tn.settings.ShowRawReasoning {
			return
		}
		index, d.Method = e.Part, "item/reasoning/textDelta"
	}
	if in.open.kind != kind {
		in.begin(e.ItemID, kind)
	}
	d.Delta = Delta{TurnID: tn.id, ItemID: in.open.id, Index: index, Text: e.Delta}
	tn.thread.grow(in.ctx, d)
}

func (in *intake) partAdded(e model.Event) {
	if in.open.kind != "reasoning" {
		in.begin(e.ItemID, "reasoning")
	}
	in.turn.Tell(in.ctx, "item/reasoning/summaryPartAdded",
		&protocol.ReasoningSummaryPartAddedNotification{ThreadID: in.turn.thread.id, TurnID: in.turn.id, ItemID: in.open.id, SummaryIndex: int64(e.Part)})
}

// done takes in a whole item: it is recorded, shown to the model from now on,
// told as completed, and carried out if it calls a tool.
func (in *intake) done(e model.Event) {
	tn := in.turn
	t := tn.thread
	t.history.add(e.Item)
	record := rollout.ResponseItem(e.Item)
	item, err := model.ParseItem(e.Item)
	if err != nil {
		t.tell(in.ctx, []rollout.Record{record})
		return
	}
	switch item.Type {
	case "message":
		if tn.settings.Mode == protocol.ModeKindPlan {
			in.planDone(e, item, record)
			return
		}
		if in.open.kind != "message" {
			in.begin(e.ItemID, "message")
		}
		in.complete(tn.agentMessage(in.open, item), record)
	case "reasoning":
		if in.open.kind != "reasoning" {
			in.begin(e.ItemID, "reasoning")
		}
		in.complete(tn.reasoning(in.open, item), record)
	case "function_call", "custom_tool_call":
		t.tell(in.ctx, []rollout.Record{record})
		in.call(item)
	default:
		t.tell(in.ctx, []rollout.Record{record})
	}
}

func (in *intake) complete(item protocol.ThreadItem, record rollout.Record) {
	in.open = openItem{}
	in.turn.complete(in.ctx, item, record)
}

func (tn *turn) agentMessage(open openItem, item model.Item) protocol.ThreadItem {
	m := &protocol.ThreadItemAgentMessage{ID: open.id, Text: item.Text, StartedAtMs: milliseconds(open.started), CompletedAtMs: milliseconds(tn.thread.now())}
	if item.Phase != "" {
		m.Phase = ptr(protocol.MessagePhase(item.Phase))
	}
	tn.answer = m
	return m
}

func (tn *turn) reasoning(open openItem, item model.Item) protocol.ThreadItem {
	r := &protocol.ThreadItemReasoning{ID: open.id, Summary: item.Summary, StartedAtMs: milliseconds(open.started), CompletedAtMs: milliseconds(tn.thread.now())}
	if tn.settings.ShowRawReasoning {
		r.Content = item.Reasoning
	}
	return r
}

// call runs the tool that an item calls, beside the rest of the response.
func (in *intake) call(item model.Item) {
	tn := in.turn
	c := tool.Call{ID: item.CallID, Namespace: item.Namespace, Name: item.Name, Arguments: item.Arguments}
	kind := "function_call_output"
	if item.Type == "custom_tool_call" {
		c.Custom, c.Arguments, kind = true, item.Input, "custom_tool_call_output"
	}
	out := &output{kind: kind, callID: item.CallID}
	in.outputs = append(in.outputs, out)
	found, ok := in.offer.Find(c.Namespace, c.Name)
	if !ok {
		out.body = tool.Text("unsupported call: " + c.Namespace + c.Name).Body
		return
	}
	in.calls.Go(func() { tn.runHooked(found, c, out) })
}

// runTool carries out a call. A tool that panics has failed; its thread has not.
func (tn *turn) runTool(found tool.Tool, c tool.Call) (out tool.Output) {
	defer func() {
		if p := recover(); p != nil {
			tn.thread.services.Log.Error("a tool panicked", "tool", c.Name, "panic", p, "stack", string(debug.Stack()))
			out = tool.Errorf("tool %s failed: internal error", c.Name)
		}
	}()
	return found.Run(tn.ctx, tn, c)
}

// userMessage records what the user said and tells it, then shows the model the
// skills that it names.
func (tn *turn) userMessage(in input) {
	in.answered.wait(context.Background())
	if len(in.items) == 0 {
		return
	}
	t := tn.thread
	raw := userItem(in.items)
	now := t.now()
	item := &protocol.ThreadItemUserMessage{ID: newID(), Content: in.items, StartedAtMs: milliseconds(now)}
	if in.messageID != "" {
		item.ClientID = ptr(in.messageID)
	}
	started := *item
	item.CompletedAtMs = milliseconds(now)
	t.history.add(raw)
	t.tell(tn.ctx, []rollout.Record{rollout.ResponseItem(raw), rollout.ItemCompleted(t.id, tn.id, item, now.UnixMilli(), now.UnixMilli())},
		tn.startedEvent(&started, now), tn.completedEvent(item, now))
	messages, warnings := t.services.Skills.Mentioned(tn.ctx, tn.settings, in.items)
	var records []rollout.Record
	for _, m := range messages {
		raw := textMessage("msg_"+newID(), "user", m)
		t.history.add(raw)
		records = append(records, rollout.ResponseItem(raw))
	}
	t.tell(tn.ctx, records)
	for _, w := range warnings {
		tn.warn(w)
	}
}

// Start tells that an item began; nothing of it is recorded yet.
func (tn *turn) Start(ctx context.Context, item protocol.ThreadItem) {
	tn.thread.tell(ctx, nil, tn.startedEvent(item, tn.thread.now()))
}

// Complete records an item that is whole and tells it.
func (tn *turn) Complete(ctx context.Context, item protocol.ThreadItem) {
	tn.complete(ctx, item)
}

func (tn *turn) complete(ctx context.Context, item protocol.ThreadItem, more ...rollout.Record) {
	now := tn.thread.now()
	records := append([]rollout.Record{rollout.ItemCompleted(tn.thread.id, tn.id, item, now.UnixMilli(), now.UnixMilli())}, more...)
	tn.thread.tell(ctx, records, tn.completedEvent(item, now))
}

func (tn *turn) startedEvent(item protocol.ThreadItem, at time.Time) Event {
	return told("item/started", &protocol.ItemStartedNotification{ThreadID: tn.thread.id, TurnID: tn.id, Item: item, StartedAtMs: at.UnixMilli()})
}

func (tn *turn) completedEvent(item protocol.ThreadItem, at time.Time) Event {
	return told("item/completed", &protocol.ItemCompletedNotification{ThreadID: tn.thread.id, TurnID: tn.id, Item: item, CompletedAtMs: at.UnixMilli()})
}
