package thread_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
)

func raw(text string) json.RawMessage {
	return json.RawMessage(`{"type":"message","role":"user","content":[{"type":"input_text","text":"` + text + `"}]}`)
}

func TestAPastIsSharedAndDoesNotChange(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		before := b.thread.Moment()
		n := len(before.Past.Items())
		b.submit(&thread.InjectItems{Items: []json.RawMessage{raw("slipped in")}})
		if injected := b.thread.Moment(); len(injected.Past.Items()) != n+1 || injected.At.Offset <= before.At.Offset {
			t.Errorf("an injected item is not part of the moment: %d items, %+v", len(injected.Past.Items()), injected.At)
		}
		b.turn("two")
		if len(before.Past.Items()) != n {
			t.Errorf("the past grew from %d to %d items", n, len(before.Past.Items()))
		}
		after := b.thread.Moment()
		if got := len(after.Past.Items()); got != n+3 { // injected, asked, answered
			t.Errorf("%d items after the second turn, want %d", got, n+3)
		}
		if &after.Past.Items()[0][0] != &before.Past.Items()[0][0] {
			t.Error("items were copied")
		}
	}, spent(10, message("msg_1", "first")), spent(20, message("msg_2", "second")))
}

func TestNoPastWhileATurnRuns(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		b.say("two")
		if m := b.thread.Moment(); m.Past != nil || m.ActiveTurn == "" {
			t.Errorf("a running turn's history was handed out: %+v", m)
		}
	}, spent(10, message("msg_1", "first")), func(ctx context.Context, yield func(model.Event, error) bool) { <-ctx.Done() })
}

func TestRecallIsPutOffToTheFirstTurn(t *testing.T) {
	engine(t, func(b *bench) {
		recalled := 0
		b.spec.Recall = func() ([]json.RawMessage, error) {
			recalled++
			return []json.RawMessage{raw("long ago")}, nil
		}
		b.start()
		if m := b.thread.Moment(); recalled != 0 || m.Past != nil {
			t.Fatalf("read before it was needed: %d times, %+v", recalled, m.Past)
		}
		b.submit(&thread.InjectItems{Items: []json.RawMessage{raw("slipped in")}})
		b.turn("one")
		b.turn("two")
		if recalled != 1 {
			t.Errorf("read %d times", recalled)
		}
		same(t, b.model.said(0), []string{"user: long ago", "user: slipped in", "user: one"})
	}, spent(10, message("msg_1", "first")), spent(20, message("msg_2", "second")))
}

func TestATurnFailsThatCannotRecall(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.Recall = func() ([]json.RawMessage, error) { return nil, errors.New("the file is gone") }
		b.start()
		b.turn("one")
		if !b.heard.has("turn/completed failed") {
			t.Errorf("heard %q", b.heard.all())
		}
	})
}

// A history whose tokens the server has counted is not counted again by its bytes:
// that would compact long threads as soon as they are resumed.
func TestAResumedHistoryIsNotCountedTwice(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.Past, b.spec.LastUsage = nil, &model.Usage{Total: 50}
		long := make([]byte, 4_000_000)
		for i := range long {
			long[i] = 'x'
		}
		b.spec.History = []json.RawMessage{raw(string(long))}
		b.start()
		b.turn("one")
		same(t, b.model.said(0)[1:], []string{"user: one"})
	}, spent(60, message("msg_1", "first")))
}
