package manager_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// One thread through all that can be done with it.
func TestLifeOfAThread(t *testing.T) {
	b := newBench(t, "")
	ctx := t.Context()
	o := b.start(manager.StartParams{})
	id := o.View.ID
	if _, err := os.Stat(*o.View.Path); !errors.Is(err, os.ErrNotExist) || len(b.listed(false)) != 0 {
		t.Errorf("a thread without a turn is stored: %v", err)
	}
	first, second := b.turn(o.Thread, "say:one"), b.turn(o.Thread, "say:two")
	if got := b.listed(false); !slices.Equal(got, []string{id}) {
		t.Errorf("listed %v", got)
	}
	if info, err := os.Stat(*o.View.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v %v", info, err)
	}

	f, err := b.Fork(ctx, manager.ForkParams{ThreadID: id, LastTurnID: &first})
	if err != nil {
		t.Fatal(err)
	}
	if f.View.ID == id || *f.View.ForkedFromID != id || len(f.View.Turns) != 1 || f.View.Turns[0].ID != first {
		t.Errorf("forked as %+v", f.View)
	}

	if name, err := b.SetName(ctx, id, " called "); name != "called" || err != nil {
		t.Errorf("named %q, %v", name, err)
	}
	if _, err := b.Archive(ctx, id); err != nil {
		t.Fatal(err)
	}
	if got := b.listed(true); !slices.Equal(got, []string{id}) || slices.Contains(b.ThreadIDs(), id) {
		t.Errorf("archived %v, loaded %v", got, b.ThreadIDs())
	}
	if _, err := b.Resume(ctx, manager.ResumeParams{ThreadID: id}); kindOf(err) != thread.KindInvalidRequest {
		t.Errorf("resuming what is archived: %v", err)
	}
	if v, _, err := b.Unarchive(ctx, id); err != nil || v.ID != id {
		t.Fatal(err)
	}
	r, err := b.Resume(ctx, manager.ResumeParams{ThreadID: id})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.View.Turns) != 2 || *r.View.Name != "called" || r.View.Preview != "say:one" {
		t.Errorf("resumed as %+v", r.View)
	}
	reverted, err := b.Revert(ctx, id, second)
	if err != nil {
		t.Fatal(err)
	}
	if *reverted.View.Path == *o.View.Path {
		t.Error("reverted in place")
	}
	b.turn(reverted.Thread, "say:three")
	read, err := b.Read(ctx, id, true)
	if err != nil || len(read.Thread.Turns) != 2 || read.Thread.Turns[0].ID != first {
		t.Errorf("after a revert: %+v %v", read, err)
	}

	if _, err := b.Delete(ctx, id); kindOf(err) != thread.KindInvalidRequest || !strings.Contains(err.Error(), f.View.ID) {
		t.Fatalf("deleting what a fork builds on: %v", err)
	}
	if _, err := b.Delete(ctx, f.View.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(ctx, id, false); kindOf(err) != thread.KindThreadNotFound {
		t.Errorf("reading what is deleted: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(b.home, "sessions/*/*/*/*"+id+"*"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func kindOf(err error) thread.Kind {
	var r *thread.Refusal
	if errors.As(err, &r) {
		return r.Kind
	}
	return ""
}

// Many clients ask for one stored thread at once: one of them loads it, all get it.
func TestResumeAtOnce(t *testing.T) {
	b := newBench(t, "")
	id, _ := b.stored("say:one")
	for range 5 {
		b.close()
		b.boot()
		var work sync.WaitGroup
		got := make([]*manager.Resumed, 8)
		for i := range got {
			work.Go(func() {
				r, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id})
				if err != nil {
					t.Errorf("resuming at once: %v", err)
					return
				}
				got[i] = r
			})
		}
		work.Wait()
		for _, r := range got {
			if r == nil || r.Thread != got[0].Thread || len(r.View.Turns) != 1 {
				t.Fatalf("resumed as %+v", r)
			}
		}
		b.turn(got[0].Thread, "say:more")
		if _, err := b.Archive(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Unarchive(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Revert(t.Context(), id, lastTurn(t, b, id)); err != nil {
			t.Fatal(err)
		}
	}
}

func lastTurn(t *testing.T, b *bench, id string) string {
	t.Helper()
	r, err := b.Read(t.Context(), id, true)
	if err != nil {
		t.Fatal(err)
	}
	return r.Thread.Turns[len(r.Thread.Turns)-1].ID
}

// Threads of many clients start, run and end side by side.
func TestManyThreadsAtOnce(t *testing.T) {
	b := newBench(t, "")
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			o, err := b.Start(t.Context(), manager.StartParams{})
			if err != nil {
				t.Error(err)
				return
			}
			b.turn(o.Thread, "say:hello")
			if _, err := b.List(t.Context(), &protocol.ThreadListParams{}); err != nil {
				t.Error(err)
			}
			if _, err := b.Archive(t.Context(), o.View.ID); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if got := len(b.listed(true)); got != 16 || len(b.ThreadIDs()) != 0 {
		t.Errorf("%d archived, %v loaded", got, b.ThreadIDs())
	}
}

// What another process writes is read here, and not loaded.
func TestThreadOfAnotherProcess(t *testing.T) {
	b := newBench(t, "")
	id, _ := b.stored("say:one")
	b.close()
	other := rollout.NewStore(b.home, rollout.Options{})
	recorder, _, err := other.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	b.boot()
	_, err = b.Resume(t.Context(), manager.ResumeParams{ThreadID: id})
	if kindOf(err) != thread.KindThreadBusy || !strings.Contains(err.Error(), "already has an active writer") {
		t.Errorf("resuming: %v", err)
	}
	if _, err := b.Archive(t.Context(), id); kindOf(err) != thread.KindThreadBusy {
		t.Errorf("archiving: %v", err)
	}
	if r, err := b.Read(t.Context(), id, true); err != nil || len(r.Thread.Turns) != 1 {
		t.Errorf("reading: %v", err)
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err != nil {
		t.Errorf("resuming what is free again: %v", err)
	}
}

// A thread that fails to open leaves nothing behind: no lock, no loaded thread.
func TestStartFails(t *testing.T) {
	b := newBench(t, "")
	id, _ := b.stored("say:one")
	b.close()
	b.boot()
	none := "no-such-provider"
	if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id, Wanted: manager.Wanted{Provider: &none}}); kindOf(err) != thread.KindConfigInvalid {
		t.Errorf("resuming with %s: %v", none, err)
	}
	if _, err := b.Start(t.Context(), manager.StartParams{Wanted: manager.Wanted{Provider: &none}}); kindOf(err) != thread.KindConfigInvalid {
		t.Errorf("starting with %s: %v", none, err)
	}
	if len(b.ThreadIDs()) != 0 {
		t.Errorf("loaded: %v", b.ThreadIDs())
	}
	if _, err := b.Resume(t.Context(), manager.ResumeParams{ThreadID: id}); err != nil {
		t.Errorf("resuming after a failure: %v", err)
	}
}

func TestRequiredServerFails(t *testing.T) {
	b := newBench(t, "[mcp_servers.x]\ncommand = \"/no/such/program\"\nrequired = true\n")
	_, err := b.Start(t.Context(), manager.StartParams{})
	var f *thread.Failure
	if !errors.As(err, &f) || f.Kind != thread.KindServerFailed || !strings.Contains(err.Error(), "x") {
		t.Errorf("starting without a server that is required: %v", err)
	}
	if len(b.ThreadIDs()) != 0 {
		t.Errorf("loaded: %v", b.ThreadIDs())
	}
}
