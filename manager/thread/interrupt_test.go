package thread_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
)

// ended is what every interrupted turn must leave behind: one terminal event,
// told last and after the thread is idle, and in the file the marker for the
// model before the event.
func ended(b *bench) {
	b.Helper()
	b.idle()
	all := b.heard.all()
	var terminal []string
	for _, l := range all {
		if strings.HasPrefix(l, "turn/completed") {
			terminal = append(terminal, l)
		}
	}
	same(b.T, terminal, []string{"turn/completed interrupted notLoaded"})
	if n := len(all); n < 2 || all[n-2] != "status idle" || all[n-1] != terminal[0] {
		b.Errorf("the turn does not end with its end:\n  %s", strings.Join(all, "\n  "))
	}
	file := b.file()
	if n := len(file); n < 2 || file[n-2] != "response_item message user" || file[n-1] != "event_msg turn_aborted interrupted" {
		b.Errorf("the file ends with\n  %s", strings.Join(file, "\n  "))
	}
	if !b.heard.inFile([]string{"response_item", "<turn_aborted>"}) {
		b.Error("the file does not tell the model of the abort")
	}
	if s := b.thread.Snapshot(); s.ActiveTurn != "" {
		b.Errorf("still active: %+v", s)
	}
}

func TestInterrupt(t *testing.T) {
	block := func(ctx context.Context, _ tool.Turn, _ tool.Call) tool.Output {
		<-ctx.Done()
		return tool.Text("aborted")
	}
	for _, c := range []struct {
		name  string
		reply reply
		heard []string // between the user's message and the end
		next  []string // what the model is sent in the next turn, less the context
	}{
		{"before the model said anything", cut(errHang), nil, nil},
		{"in a message", cut(errHang, begun("msg_1", "par", "tial")), []string{"started agent msg_1 ", "agentMessage/delta msg_1 par", "agentMessage/delta msg_1 tial"}, nil},
		{"after a message", cut(errHang, message("msg_1", "whole")), []string{"started agent msg_1 ", "completed agent msg_1 whole"}, []string{"assistant: whole"}},
		{"while a tool runs", whole(calls("c1", "block", "{}")), nil, []string{"call c1", "output c1: aborted"}},
		{"while a tool runs and the model talks", cut(errHang, calls("c1", "block", "{}"), begun("msg_1", "a")),
			[]string{"started agent msg_1 ", "agentMessage/delta msg_1 a"}, []string{"call c1", "output c1: aborted"}},
		{"while it waits to retry", cut(&model.Error{Kind: model.FailConnect, Message: "no network", Retryable: true}),
			[]string{`error true "Reconnecting... waiting for the network, attempt 1" {"responseStreamDisconnected":{"httpStatusCode":null}} "no network"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.tools["block"] = block
				b.start()
				id := b.say("go").TurnID
				r := b.submit(&thread.Interrupt{TurnID: id})
				if r.TurnID != id {
					t.Errorf("receipt %+v for turn %s", r, id)
				}
				ended(b)
				b.told(slices.Concat([]string{"status active", "turn/started", "started user go", "completed user go"}, c.heard,
					[]string{"status idle", "turn/completed interrupted notLoaded"})...)
				b.turn("next")
				got := b.model.said(len(b.model.requests) - 1)
				marker := slices.IndexFunc(got, func(l string) bool { return strings.HasPrefix(l, "user: <turn_aborted>") })
				if marker < 0 {
					b.Fatalf("the model is not told: %q", got)
				}
				same(t, slices.Delete(got, marker, marker+1), slices.Concat([]string{"user: go"}, c.next, []string{"user: next"}))
			}, c.reply, whole())
		})
	}
}

// The turn's first events wait for the answer to turn/start, also when it is
// interrupted meanwhile.
func TestInterruptBeforeTheTurnIsAnswered(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		started, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("go")})
		if err != nil {
			b.Fatal(err)
		}
		interrupted := make(chan error, 1)
		go func() {
			r, err := b.thread.Submit(context.Background(), &thread.Interrupt{})
			r.Release()
			interrupted <- err
		}()
		b.told()
		started.Release()
		if err := <-interrupted; err != nil {
			b.Fatal(err)
		}
		ended(b)
		b.told("status active", "turn/started", "started user go", "completed user go", "status idle", "turn/completed interrupted notLoaded")
		if len(b.model.requests) != 0 {
			t.Error("the model was asked all the same")
		}
	})
}

// The receipt comes when the abort is in the file; the end is told once the
// caller was answered, or is taken for dead.
func TestInterruptIsWrittenThenAnsweredThenTold(t *testing.T) {
	for _, dead := range []bool{false, true} {
		engine(t, func(b *bench) {
			b.start()
			b.say("go")
			r, err := b.thread.Submit(b.Context(), &thread.Interrupt{})
			if err != nil {
				b.Fatal(err)
			}
			if !b.heard.inFile([]string{"turn_aborted", r.TurnID}) {
				t.Error("answered before the abort was written")
			}
			if b.heard.has("turn/completed") {
				t.Error("told before the interrupt was answered")
			}
			begin, want := time.Now(), time.Duration(0)
			if dead {
				want = 2 * time.Second
			} else {
				r.Release()
			}
			ended(b)
			if took := time.Since(begin); took != want {
				t.Errorf("dead %v: the end was told after %v", dead, took)
			}
		}, cut(errHang))
	}
}

func TestInterruptTwice(t *testing.T) {
	engine(t, func(b *bench) {
		release := make(chan struct{})
		b.tools["stubborn"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			<-release // does not look at its context
			return tool.Text("done")
		}
		b.start()
		b.say("go")
		replies := make(chan error, 3)
		for range 3 {
			go func() {
				r, err := b.thread.Submit(context.Background(), &thread.Interrupt{})
				r.Release()
				replies <- err
			}()
		}
		synctest.Wait()
		close(release)
		for range 3 {
			if err := <-replies; err != nil {
				t.Error(err)
			}
		}
		ended(b)
	}, whole(calls("c1", "stubborn", "{}")))
}

func TestNothingToInterrupt(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		refused(t, b, &thread.Interrupt{}, thread.KindNoActiveTurn, "no active turn to interrupt")
		b.turn("x")
		refused(t, b, &thread.Interrupt{}, thread.KindNoActiveTurn, "no active turn to interrupt")
		id := b.say("y").TurnID
		refused(t, b, &thread.Interrupt{TurnID: "z"}, thread.KindTurnNotFound, "expected active turn id z but found "+id)
		b.submit(&thread.Interrupt{TurnID: id})
	}, whole(), cut(errHang))
}

// refused checks that an op is refused, why, and in which words.
func refused(t *testing.T, b *bench, op thread.Op, kind thread.Kind, message string) {
	t.Helper()
	_, err := b.thread.Submit(b.Context(), op)
	var r *thread.Refusal
	if !errors.As(err, &r) || r.Kind != kind || r.Message != message || r.Remedy == "" {
		t.Errorf("%T: got %v (%+v), want %s: %s", op, err, r, kind, message)
	}
}

// A turn that a user interrupts while it fails or ends has one end, whoever wins.
func TestInterruptRacesWithTheEnd(t *testing.T) {
	for range 30 {
		engine(t, func(b *bench) {
			b.start()
			r, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("go")})
			if err != nil {
				b.Fatal(err)
			}
			r.Release()
			if r, err := b.thread.Submit(b.Context(), &thread.Interrupt{}); err == nil {
				r.Release()
			}
			b.idle()
			n := 0
			for _, l := range b.heard.all() {
				if strings.HasPrefix(l, "turn/completed") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d ends:\n  %s", n, strings.Join(b.heard.all(), "\n  "))
			}
		}, whole(message("msg_1", "a")))
	}
}

func TestShutdownWithARunningTurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		r, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("go")})
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if _, err := b.thread.Submit(b.Context(), &thread.Shutdown{}); err != nil {
			b.Fatal(err)
		}
		<-b.thread.Done()
		if took := time.Since(begin); took != 0 {
			t.Errorf("shutting down waits %v for an answer", took)
		}
		r.Release()
		all := b.heard.all()
		same(t, all[len(all)-3:], []string{"status idle", "turn/completed interrupted notLoaded", "closed"})
		if _, h, err := b.store.Open(b.spec.ID); err != nil || h.State.MidTurn {
			t.Errorf("the file is locked, or its turn open: %v %+v", err, h)
		}
	})
}

func TestDeadLoop(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.say("go")
		waiting := make(chan error, 1)
		go func() { // behind the shutdown, which never looks at it
			_, err := b.thread.Submit(context.Background(), &thread.Shutdown{})
			if err == nil {
				_, err = b.thread.Submit(context.Background(), &thread.UserTurn{Input: input("late")})
			}
			waiting <- err
		}()
		<-b.thread.Done()
		if err := <-waiting; !errors.Is(err, thread.ErrDead) {
			t.Errorf("an op after the end: %v", err)
		}
		for _, op := range []thread.Op{&thread.UserTurn{}, &thread.Steer{Input: input("x")}, &thread.Interrupt{}, &thread.InjectItems{}, &thread.Compact{}, &thread.Configure{}, &thread.Shutdown{}} {
			if _, err := b.thread.Submit(b.Context(), op); !errors.Is(err, thread.ErrDead) {
				t.Errorf("%T: %v", op, err)
			}
		}
		if err := b.thread.WaitIdle(b.Context()); err != nil {
			t.Error(err)
		}
	}, cut(errHang))
}

// Whoever gives up waiting has still submitted.
func TestSubmitterLeaves(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.say("go")
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if _, err := b.thread.Submit(ctx, &thread.Interrupt{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		late, cancel := context.WithTimeout(b.Context(), time.Millisecond)
		defer cancel()
		_ = b.thread.WaitIdle(late)
		if b.thread.Snapshot().ActiveTurn != "" {
			b.submit(&thread.Interrupt{})
		}
		ended(b)
	}, cut(errHang))
}
