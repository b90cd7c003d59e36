package thread_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
)

const summaryOpens = "user: An earlier part of this conversation was replaced by this summary"

// heads are texts up to their first line end, so that prompts may change their words.
func heads(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i], _, _ = strings.Cut(s, "\n")
		if strings.HasPrefix(s, summaryOpens) {
			out[i] = "summary:" + s[strings.LastIndex(s, "\n")+1:]
		}
		if strings.HasPrefix(s, "user: Write a handover") {
			out[i] = "prompt"
		}
	}
	return out
}

func TestCompact(t *testing.T) {
	engine(t, func(b *bench) {
		b.info.ContextWindow = 100_000
		b.start()
		b.turn("one")
		b.turn("two")
		b.heard.forget()
		b.submit(&thread.Compact{})
		b.idle()
		all := b.heard.all()
		if len(all) != 8 {
			b.Fatalf("heard\n  %s", strings.Join(all, "\n  "))
		}
		used := all[5] // an estimate of what is left
		all[5] = "tokens"
		same(t, all, []string{"status active", "turn/started", "tokens 20 of 30", "started compaction", "completed compaction", "tokens", "status idle", "turn/completed completed notLoaded"})
		if used == "tokens 20 of 30" || used == "tokens 0 of 30" {
			t.Errorf("after the compaction the client is told %q", used)
		}
		ask := b.model.request(2)
		if len(ask.Tools) != 0 {
			t.Error("the summary is asked for with tools")
		}
		same(t, heads(b.model.said(2)), []string{"user: one", "assistant: 1", "user: two", "assistant: 2", "prompt"})

		b.turn("three")
		want := []string{"user: one", "user: two", "summary:in short", "user: three"}
		same(t, heads(b.model.said(3)), want)
		context := 0
		for _, l := range b.model.sent(3) {
			if strings.HasPrefix(l, "user: <environment_context>") {
				context++
			}
		}
		if context != 1 {
			t.Errorf("the model reads its environment %d times", context)
		}

		b.reopen(whole())
		b.turn("four")
		same(t, heads(b.model.said(0)), append(want, "user: four"))
	}, spent(10, message("m1", "1")), spent(20, message("m2", "2")), whole(message("m3", "in short")), whole())
}

// A compaction that the user asks for takes the place of a running turn.
func TestCompactReplacesATurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.say("go")
		b.heard.forget()
		b.submit(&thread.Compact{})
		b.idle()
		all := b.heard.all()
		same(t, all[:4], []string{"status idle", "turn/completed interrupted notLoaded", "status active", "turn/started"})
		if !b.heard.inFile([]string{"turn_aborted", `"replaced"`}) {
			t.Errorf("the file does not say why the turn ended: %q", b.file())
		}
		if last := all[len(all)-1]; last != "turn/completed completed notLoaded" {
			t.Errorf("the compaction ends with %q", last)
		}
	}, cut(errHang), whole(message("m1", "in short")))
}

func TestCompactIsInterrupted(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		b.submit(&thread.Compact{})
		synctest.Wait()
		_, err := b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("x")})
		var busy *thread.Failure
		if !errors.As(err, &busy) || busy.Kind != thread.KindThreadBusy {
			t.Errorf("a turn during a compaction: %v", err)
		}
		b.heard.forget()
		b.submit(&thread.Interrupt{})
		ended(b)
		b.turn("two")
		if got := b.model.said(2); got[0] != "user: one" || got[1] != "assistant: 1" {
			t.Errorf("the history is not what it was: %q", got)
		}
	}, whole(message("m1", "1")), cut(errHang), whole())
}

// A thread that has come close to its limit compacts before it asks the model again.
func TestCompactsByItself(t *testing.T) {
	engine(t, func(b *bench) {
		b.info.ContextWindow = 100_000
		b.start()
		b.turn("one")
		b.heard.forget()
		b.turn("two")
		all := slices.DeleteFunc(b.heard.all(), func(l string) bool { return strings.HasPrefix(l, "tokens") })
		same(t, all, []string{"status active", "turn/started", "started compaction", "completed compaction",
			"started user two", "completed user two", "status idle", "turn/completed completed notLoaded"})
		same(t, heads(b.model.said(1)), []string{"user: one", "assistant: 1", "prompt"})
		same(t, heads(b.model.said(2)), []string{"user: one", "summary:short", "user: two"})
	}, spent(90_000, message("m1", "1")), spent(5, message("m2", "short")), spent(7))
}

// So does one in the middle of a turn, before it sends a tool's output.
func TestCompactsBetweenRequests(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.Settings.AutoCompactLimit = 1000
		b.info.ContextWindow = 100_000
		b.tools["big"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			return tool.Text(strings.Repeat("x", 5000))
		}
		b.start()
		b.turn("one")
		got := heads(b.model.said(1))
		got[2] = got[2][:len("output c1: xxx")]
		same(t, got, []string{"user: one", "call c1", "output c1: xxx", "prompt"})
		same(t, heads(b.model.said(2)), []string{"user: one", "summary:short"})
		if !b.heard.has("turn/completed completed") {
			t.Errorf("heard %q", b.heard.all())
		}
	}, spent(50, calls("c1", "big", "{}")), whole(message("m2", "short")), whole(message("m3", "done")))
}

// When the server says that the window is full, the next turn begins with a compaction.
func TestContextWindowExceeded(t *testing.T) {
	engine(t, func(b *bench) {
		b.info.ContextWindow, b.info.EffectiveContextWindowPercent = 1000, 95
		b.start()
		b.turn("one")
		b.told("status active", "turn/started", "started user one", "completed user one", "tokens 950 of 950",
			"status systemerror", `error false "too long" "contextWindowExceeded"`, "turn/completed failed notLoaded")
		b.turn("two")
		same(t, heads(b.model.said(1)), []string{"user: one", "prompt"})
		if !b.heard.has("completed compaction") || !b.heard.has("turn/completed completed") {
			t.Errorf("heard %q", b.heard.all())
		}
	}, cut(&model.Error{Kind: model.FailContextWindow, Message: "too long"}), whole(message("m1", "short")), whole())
}

// Where even the question for a summary is too long, the oldest items are left out one by one.
func TestSummaryOfATooLongHistory(t *testing.T) {
	full := cut(&model.Error{Kind: model.FailContextWindow, Message: "too long"})
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		n := len(b.model.request(0).Input)
		b.submit(&thread.Compact{})
		b.idle()
		first, third := len(b.model.request(1).Input), len(b.model.request(3).Input)
		if first != n+2 || third != first-2 {
			t.Errorf("%d items, then %d, then %d", n, first, third)
		}
		if !b.heard.has("completed compaction") {
			t.Errorf("heard %q", b.heard.all())
		}
	}, whole(message("m1", "1")), full, full, whole(message("m2", "short")))
}

// A compaction that fails leaves everything as it was.
func TestCompactionFails(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		b.heard.forget()
		b.submit(&thread.Compact{})
		b.idle()
		if !b.heard.has("turn/completed failed") || b.heard.has("completed compaction") {
			t.Errorf("heard %q", b.heard.all())
		}
		b.turn("two")
		same(t, b.model.said(2), []string{"user: one", "assistant: 1", "user: two"})
	}, whole(message("m1", "1")), cut(&model.Error{Kind: model.FailServer, Message: "no"}), whole())
}

// The newest messages survive; the one that crosses the limit is cut at a whole character.
func TestKeptUserMessages(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("oldest")
		b.turn(strings.Repeat("é", 30_000)) // 60,000 bytes
		b.turn(strings.Repeat("x", 40_001))
		b.submit(&thread.Compact{})
		b.idle()
		b.turn("new")
		got := b.model.said(4)
		if len(got) != 4 || len(got[0]) != len("user: ")+39_998 || len(got[1]) != len("user: ")+40_001 || strings.Contains(got[0], "\uFFFD") {
			t.Errorf("%d messages of %d and %d bytes", len(got), len(got[0]), len(got[1]))
		}
	}, whole(), whole(), whole(), whole(message("m1", "short")), whole())
}
