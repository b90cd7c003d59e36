package manager_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
)

func typeName(v any) string { return fmt.Sprintf("%T", v) }

func TestSubscriptions(t *testing.T) {
	b := newBench(t, "")
	hears, other := newClient(), newClient()
	a, c := b.Connect(hears), b.Connect(other)
	o, err := b.Start(t.Context(), manager.StartParams{})
	if err != nil {
		t.Fatal(err)
	}
	id := o.View.ID
	if !a.Subscribe(id) || a.Subscribe(id) {
		t.Error("a second subscription is new")
	}
	b.Begun(t.Context(), o)
	b.turn(o.Thread, "say:hello")
	hears.await(t, "turn/completed")
	got := hears.methods(id)
	if got[0] != "thread/started" || slices.Index(got, "turn/started") > slices.Index(got, "turn/completed") {
		t.Errorf("heard %v", got)
	}
	if n := len(slices.DeleteFunc(got, func(m string) bool { return m != "turn/completed" })); n != 1 {
		t.Errorf("heard the end %d times", n)
	}
	if heard := other.methods(id); slices.ContainsFunc(heard, func(m string) bool { return m != "thread/status/changed" }) || len(heard) == 0 {
		t.Errorf("without a subscription: %v", heard)
	}

	c.Subscribe(id)
	if !a.Unsubscribe(id) || a.Unsubscribe(id) {
		t.Error("a second end of a subscription is one")
	}
	before := len(hears.methods(id))
	b.turn(o.Thread, "say:again")
	other.await(t, "turn/completed")
	if late := slices.DeleteFunc(hears.methods(id)[before:], func(m string) bool { return m == "thread/status/changed" }); len(late) > 0 {
		t.Errorf("after the end of the subscription: %v", late)
	}
	c.Close()
	c.Close()
	before = len(other.methods(""))
	b.turn(o.Thread, "say:unheard")
	b.SkillsChanged(t.Context())
	if late := other.methods("")[before:]; len(late) > 0 {
		t.Errorf("after the client was closed: %v", late)
	}
	if !hears.heard("skills/changed") {
		t.Error("an announcement is not for all")
	}
}

// All who hear a thread are asked; the first answer counts, and the others are
// told that nobody waits any more.
func TestFirstAnswerWins(t *testing.T) {
	b := newBench(t, "")
	o, err := b.Start(t.Context(), manager.StartParams{})
	if err != nil {
		t.Fatal(err)
	}
	withdrawn := make(chan error, 2)
	slow := func(ctx context.Context, _ thread.Question) ([]byte, error) {
		<-ctx.Done()
		withdrawn <- ctx.Err()
		return nil, ctx.Err()
	}
	fails := func(context.Context, thread.Question) ([]byte, error) { return nil, errors.New("cannot answer") }
	answers := func(context.Context, thread.Question) ([]byte, error) { return []byte("yes"), nil }
	ask := func(how ...func(context.Context, thread.Question) ([]byte, error)) (string, error) {
		var clients []*manager.Client
		for _, f := range how {
			c := newClient()
			c.ask = f
			clients = append(clients, b.Connect(c))
			clients[len(clients)-1].Subscribe(o.View.ID)
		}
		defer func() {
			for _, c := range clients {
				c.Close()
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		raw, err := o.Thread.Ask(ctx, tool.WaitingOnApproval, "some/question", nil)
		return string(raw), err
	}
	if got, err := ask(slow, answers, slow); got != "yes" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for range 2 {
		select {
		case err := <-withdrawn:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("a question is not withdrawn")
		}
	}
	if got, err := ask(fails, answers, fails); got != "yes" || err != nil {
		t.Errorf("an error counts as an answer: %q, %v", got, err)
	}
	if _, err := ask(fails, fails); err == nil || !strings.Contains(err.Error(), "cannot answer") {
		t.Errorf("nobody can answer: %v", err)
	}
	if _, err := ask(fails); err == nil || !strings.Contains(err.Error(), "cannot answer") {
		t.Errorf("the only one cannot answer: %v", err)
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "no client is subscribed") {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestShutdownReport(t *testing.T) {
	b := newBench(t, "")
	var ids []string
	for range 6 {
		id, _ := b.stored("say:x")
		ids = append(ids, id)
	}
	stuck := b.start(manager.StartParams{})
	deaf := newBlocker(stuck.View.ID)
	b.Connect(deaf).Subscribe(stuck.View.ID)
	b.turn(stuck.Thread, "say:fine")
	deaf.blocks.Store(true)
	r, err := stuck.Thread.Submit(t.Context(), &thread.UserTurn{})
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	<-deaf.blocked

	report := b.Shutdown(t.Context(), 200*time.Millisecond)
	slices.Sort(ids)
	if !slices.Equal(report.Completed, ids) || !slices.Equal(report.TimedOut, []string{stuck.View.ID}) || len(report.SubmitFailed) != 0 {
		t.Errorf("reported %+v", report)
	}
	if got := b.ThreadIDs(); !slices.Equal(got, []string{stuck.View.ID}) {
		t.Errorf("still tracked: %v", got)
	}
	close(deaf.release)
	if report := b.Shutdown(t.Context(), patience); !slices.Equal(report.Completed, []string{stuck.View.ID}) {
		t.Errorf("reported %+v", report)
	}
	if report := b.Shutdown(t.Context(), patience); len(report.Completed)+len(report.TimedOut)+len(report.SubmitFailed) != 0 {
		t.Errorf("with no thread left: %+v", report)
	}
	for _, id := range ids { // all locks are free
		if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err != nil {
			t.Error(err)
		}
	}
}

func TestNothingOpensAfterClose(t *testing.T) {
	b := newBench(t, "")
	id, _ := b.stored("say:x")
	b.close()
	b.close()
	if _, err := b.Start(t.Context(), manager.StartParams{}); err == nil {
		t.Error("a thread is started after Close")
	}
	if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err == nil {
		t.Error("a thread is resumed after Close")
	}
	if len(b.ThreadIDs()) != 0 {
		t.Errorf("loaded: %v", b.ThreadIDs())
	}
	b.boot()
	if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err != nil {
		t.Errorf("the refused one keeps its lock: %v", err)
	}
}
