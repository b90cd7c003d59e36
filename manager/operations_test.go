package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
)

func TestCreatedReportsLagAndGoesOn(t *testing.T) {
	h := newHome(t)
	h.NotifyCreated("before anybody listens")
	fast, slow := h.Created(), h.Created()
	for i := range 1030 {
		h.NotifyCreated(fmt.Sprint(i))
		if id, err := fast.Next(t.Context()); err != nil || id != fmt.Sprint(i) {
			t.Fatalf("%q, %v", id, err)
		}
	}
	var lagged *manager.Lagged
	if _, err := slow.Next(t.Context()); !errors.As(err, &lagged) || lagged.Missed != 6 {
		t.Fatalf("no lag of 6 reported: %v", err)
	}
	for i := 6; i < 1030; i++ {
		if id, err := slow.Next(t.Context()); err != nil || id != fmt.Sprint(i) {
			t.Fatalf("%q, %v, want %d", id, err, i)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := slow.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing to hear: %v", err)
	}
}

func TestStartResumeAndForkAreNotAnnouncedAsCreated(t *testing.T) {
	h := newHome(t)
	created := h.Created()
	th := h.start("say:one")
	h.fork(manager.ForkParams{ThreadID: th.ID()})
	h.NotifyCreated("an agent")
	if id, err := created.Next(t.Context()); id != "an agent" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

func TestOpsAreCapturedInOrder(t *testing.T) {
	h := newHome(t, func(o *manager.Options) { o.CaptureOps = true })
	a, b := h.start(), h.start()
	ops := []manager.CapturedOp{{a.ID(), &thread.Configure{}}, {b.ID(), &thread.InjectItems{}}, {a.ID(), &thread.InjectItems{}}}
	for _, op := range ops {
		if _, err := h.SendOp(t.Context(), op.ThreadID, op.Op); err != nil {
			t.Fatal(err)
		}
	}
	h.turn(a, "say:directly submitted ops are not captured")
	if got := h.CapturedOps(); fmt.Sprint(got) != fmt.Sprint(ops) {
		t.Errorf("captured %v", got)
	}
	none := uuid.NewString()
	if _, err := h.SendOp(t.Context(), none, &thread.Shutdown{}); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("an op for nobody: %v", err)
	}
}

func TestRemoveDoesNotEndTheThread(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one")
	got, ok := h.Remove(th.ID())
	if !ok || got != th {
		t.Fatal("not removed")
	}
	if _, err := h.Get(th.ID()); err == nil || !strings.Contains(err.Error(), th.ID()) {
		t.Errorf("still loaded, or refused without a name: %v", err)
	}
	h.turn(th, "say:two") // its holder goes on
	if _, again := h.Remove(th.ID()); again {
		t.Error("removed twice")
	}
	if _, err := th.Submit(t.Context(), &thread.Shutdown{}); err != nil {
		t.Fatal(err)
	}
	same(t, "said", h.said(th.ID()), []string{"user: say:one", "agent: one", "user: say:two", "agent: two"})
}

func TestSubtreeHasTheThreadFirstAndEverythingOnce(t *testing.T) {
	h := newHome(t)
	root := h.start("say:root").ID()
	child := func(parent string) string {
		id := uuid.Must(uuid.NewV7()).String()
		source, _ := json.Marshal(map[string]any{"subagent": map[string]any{"thread_spawn": map[string]any{"parent_thread_id": parent, "depth": 1}}})
		r, err := h.store.Create(rollout.Meta{ID: id, SessionID: root, ParentThreadID: parent, Source: source, Cwd: h.cwd})
		if err != nil {
			t.Fatal(err)
		}
		turn := uuid.NewString()
		if err := r.Materialize(rollout.TaskStarted(rollout.TurnStart{TurnID: turn}),
			rollout.ItemCompletedRaw(id, turn, json.RawMessage(`{"type":"userMessage","id":"u","content":[{"type":"text","text":"do"}]}`), 1, 1)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return id
	}
	a := child(root)
	b := child(root)
	c := child(a)
	if _, err := h.Archive(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Resume(t.Context(), manager.ResumeParams{ThreadID: a}); err != nil {
		t.Fatal(err)
	}
	got, err := h.ListSubtree(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "subtree", got, []string{root, a, b, c})
	if _, err := h.ListSubtree(t.Context(), uuid.NewString()); err == nil {
		t.Error("a subtree of nothing")
	}
}

func TestALockedThreadNamesItsOwner(t *testing.T) {
	h := newHome(t)
	id := h.start("say:one").ID()
	h.restart()
	other := rollout.NewStore(h.dir, rollout.Options{Client: func() string { return "another program" }})
	r, _, err := other.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Resume(t.Context(), manager.ResumeParams{ThreadID: id})
	var locked *manager.Locked
	if !errors.As(err, &locked) || locked.Owner == nil || locked.Owner.PID != os.Getpid() || locked.Owner.Client != "another program" {
		t.Fatalf("%v, %+v", err, locked)
	}
	if want := "thread " + id + " already has an active writer"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if got, err := h.Read(t.Context(), id, true); err != nil || len(got.Thread.Turns) != 1 {
		t.Errorf("a locked thread cannot be read: %+v, %v", got, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err != nil {
		t.Errorf("still locked: %v", err)
	}
}

func TestDamageIsToldAndCostsOnlyItself(t *testing.T) {
	h := newHome(t)
	th := h.start("say:one", "say:two")
	path := th.Moment().At.Path
	h.restart()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"timestamp\":\"garbage\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := h.Read(t.Context(), th.ID(), true)
	if err != nil || len(got.Thread.Turns) != 2 || got.Damage == nil || !strings.Contains(got.Damage.Message, path) {
		t.Fatalf("%+v, %v", got, err)
	}
	r, err := h.Resume(t.Context(), manager.ResumeParams{ThreadID: th.ID(), ExcludeTurns: true})
	if err != nil {
		t.Fatal(err)
	}
	client := h.listen()
	client.Subscribe(th.ID())
	h.turn(r.Thread, "say:three")
	client.await(t, "warning")
}

func TestTwoClientsHearOneThread(t *testing.T) {
	h := newHome(t)
	a, b := h.listen(), h.listen()
	th := h.start()
	a.Subscribe(th.ID())
	b.Subscribe(th.ID())
	h.turn(th, "say:one")
	a.await(t, "turn/completed")
	b.await(t, "turn/completed")
	same(t, "what the second client hears", b.methods(), a.methods())
	a.Unsubscribe(th.ID())
	n := len(a.methods())
	h.turn(th, "say:two")
	for _, method := range a.methods()[n:] {
		if method != "thread/status/changed" {
			t.Errorf("a client that left hears %s", method)
		}
	}
}
