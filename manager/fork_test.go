package manager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
)

func (h *home) fork(p manager.ForkParams) *manager.Resumed {
	h.Helper()
	r, err := h.Fork(h.Context(), p)
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// items is what the model sees of a stored thread.
func (h *home) items(id string) (out []string) {
	h.Helper()
	history, err := h.store.Read(id)
	if err != nil {
		h.Fatal(err)
	}
	for _, raw := range history.Items {
		out = append(out, string(raw))
	}
	return out
}

// For every k, what the model sees of a fork before the kth user message is the
// exact prefix, and so it is for the fork of a fork.
func TestForkBeforeNthUserMessageIsTheExactPrefix(t *testing.T) {
	for _, mode := range []string{rollout.ModePaginated, rollout.ModeLegacy} {
		h := newHome(t)
		o, err := h.Start(t.Context(), manager.StartParams{HistoryMode: mode})
		if err != nil {
			t.Fatal(err)
		}
		const n = 6
		for i := range n {
			h.turn(o.Thread, fmt.Sprintf("say:answer %d", i))
		}
		whole, err := h.store.Read(o.Thread.ID())
		if err != nil {
			t.Fatal(err)
		}
		for k := 1; k < n; k++ {
			f := h.fork(manager.ForkParams{ThreadID: o.Thread.ID(), Snapshot: manager.TruncateBeforeNthUserMessage(k)})
			var want []string
			for _, raw := range whole.Items[:whole.UserMessages[k].Item] {
				want = append(want, string(raw))
			}
			same(t, fmt.Sprintf("%s, before message %d", mode, k), h.items(f.View.ID), want)
			if k > 1 {
				again := h.fork(manager.ForkParams{ThreadID: f.View.ID, Snapshot: manager.TruncateBeforeNthUserMessage(k - 1)})
				same(t, fmt.Sprintf("%s, a fork of the fork before message %d", mode, k-1), h.items(again.View.ID), want[:whole.UserMessages[k-1].Item])
			}
		}
	}
}

func TestForkOutOfRangeKeepsEverything(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one", "say:two")
	for _, snapshot := range []manager.ForkSnapshot{manager.TruncateBeforeNthUserMessage(2), manager.OutOfRange, manager.Interrupted{}, nil} {
		f := h.fork(manager.ForkParams{ThreadID: th.ID(), Snapshot: snapshot})
		same(t, fmt.Sprintf("%T %v", snapshot, snapshot), h.said(f.View.ID), h.said(th.ID()))
		if *f.View.ForkedFromID != th.ID() {
			t.Errorf("forked from %v", f.View.ForkedFromID)
		}
	}
}

func TestForkThatKeepsNothingIsANewThread(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one", "say:two")
	for _, snapshot := range []manager.ForkSnapshot{manager.TruncateBeforeNthUserMessage(0), manager.ConversationCut(2), manager.ConversationCut(9)} {
		f := h.fork(manager.ForkParams{ThreadID: th.ID(), Snapshot: snapshot})
		if f.View.ForkedFromID != nil || f.View.Preview != "" || f.Thread.Snapshot().Started {
			t.Errorf("%T %v: %+v", snapshot, snapshot, f.View)
		}
		h.turn(f.Thread, "say:fresh")
		same(t, fmt.Sprintf("%T %v", snapshot, snapshot), h.said(f.View.ID), []string{"user: say:fresh", "agent: fresh"})
	}
}

func TestConversationCutIsBeforeTheNthMessage(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one", "say:two", "say:three")
	f := h.fork(manager.ForkParams{ThreadID: th.ID(), Snapshot: manager.ConversationCut(2)})
	same(t, "cut before the third", h.said(f.View.ID), h.said(th.ID())[:4])
}

func TestForkWhileATurnRuns(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one")
	client := h.listen()
	client.Subscribe(th.ID())
	h.begin(th, "stall:")
	client.await(t, "item/completed") // the user's message is on disk
	cut := h.fork(manager.ForkParams{ThreadID: th.ID(), Snapshot: manager.OutOfRange})
	same(t, "without the running turn", h.said(cut.View.ID), []string{"user: say:one", "agent: one"})
	interrupted := h.fork(manager.ForkParams{ThreadID: th.ID(), Snapshot: manager.Interrupted{}})
	same(t, "as if interrupted", h.said(interrupted.View.ID), []string{"user: say:one", "agent: one", "user: stall:"})
	items := h.items(interrupted.View.ID)
	if last := items[len(items)-1]; !strings.Contains(last, "<turn_aborted>") {
		t.Errorf("no marker of the interrupt at the end: %s", last)
	}
	if n := len(interrupted.View.Turns); n != 2 || interrupted.View.Turns[1].Status != "interrupted" {
		t.Errorf("turns of the fork: %+v", interrupted.View.Turns)
	}
	h.turn(interrupted.Thread, "say:go on")
	if _, err := th.Submit(t.Context(), &thread.Interrupt{}); err != nil {
		t.Fatal(err)
	}
}

func TestForkOfALiveThreadIsAtOnceListedAndForked(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one")
	id := th.ID()
	for range 5 {
		f := h.fork(manager.ForkParams{ThreadID: id, ExcludeTurns: true})
		id = f.View.ID
		page, err := h.store.List(rollout.ListOptions{})
		if err != nil || !slices.ContainsFunc(page.Threads, func(s rollout.Summary) bool { return s.ID == id && s.Preview == "say:one" }) {
			t.Fatalf("the fork is not listed: %+v, %v", page.Threads, err)
		}
	}
	f := h.fork(manager.ForkParams{ThreadID: id})
	h.turn(f.Thread, "say:two")
	same(t, "a fork of the fifth generation", h.said(f.View.ID), []string{"user: say:one", "agent: one", "user: say:two", "agent: two"})
	h.restart()
	r, err := h.Resume(t.Context(), manager.ResumeParams{ThreadID: f.View.ID})
	if err != nil || len(r.View.Turns) != 2 {
		t.Fatalf("after a restart: %+v, %v", r, err)
	}
}

func TestEphemeralForkLeavesNoFile(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one", "say:two")
	f := h.fork(manager.ForkParams{ThreadID: th.ID(), Ephemeral: true, ExcludeTurns: true})
	h.turn(f.Thread, "say:three")
	if _, err := h.store.Find(f.View.ID); err == nil || f.View.Path != nil {
		t.Errorf("an ephemeral fork has a file: %v", f.View.Path)
	}
	if n := len(f.Thread.Moment().Past.Items()); n != len(h.items(th.ID()))+2 {
		t.Errorf("its model sees %d items, the source's %d", n, len(h.items(th.ID())))
	}
}

func TestResumeWithHistoryIsANewThread(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one")
	f := h.fork(manager.ForkParams{ThreadID: th.ID()})
	h.turn(f.Thread, "say:two")
	if len(h.items(f.View.ID)) <= len(h.items(th.ID())) {
		t.Error("a fork's own turn is not in its history")
	}
	var raw []json.RawMessage
	for _, item := range h.items(th.ID()) {
		raw = append(raw, json.RawMessage(item))
	}
	if got := rollout.Preview(raw); got != "say:one" {
		t.Errorf("preview of the items: %q", got)
	}
}

func TestSourceOfAForkIsNotDeleted(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one")
	f := h.fork(manager.ForkParams{ThreadID: th.ID()})
	if _, err := h.Delete(t.Context(), th.ID()); err == nil || !strings.Contains(err.Error(), f.View.ID) {
		t.Errorf("deleted, or refused without the fork's name: %v", err)
	}
	if _, err := h.Archive(t.Context(), th.ID()); err != nil {
		t.Fatal(err)
	}
	same(t, "a fork of an archived thread", h.said(f.View.ID), []string{"user: say:one", "agent: one"})
	for _, id := range []string{f.View.ID, th.ID()} {
		if _, err := h.Delete(context.Background(), id); err != nil {
			t.Errorf("deleting in the right order: %v", err)
		}
	}
}
