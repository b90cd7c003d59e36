package thread_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rpc/protocol"
)

var task = thread.ReviewTask{Prompt: "look at it", Hint: "it"}

const findings = `{"findings":[{"title":"T","body":"B1\nB2","confidence_score":0.9,"priority":1,` +
	`"code_location":{"absolute_file_path":"/a","line_range":{"start":1,"end":2}}}],"overall_correctness":"patch is incorrect","overall_explanation":"E","overall_confidence_score":0.5}`

// review starts a review and waits until nothing moves.
func (b *bench) review() thread.Receipt {
	b.Helper()
	r := b.submit(&thread.Review{Task: task})
	synctest.Wait()
	return r
}

// A review has a history of its own; of all that is said in it the thread keeps
// the findings.
func TestReview(t *testing.T) {
	engine(t, func(b *bench) {
		b.tools["look"] = func(context.Context, tool.Turn, tool.Call) tool.Output { return tool.Text("seen") }
		b.start()
		b.turn("before")
		used := b.thread.Snapshot().Usage
		b.heard.forget()
		b.review()
		b.idle()
		text := "E\n\nReview comment:\n\n- T — /a:1-2\n  B1\n  B2"
		all := b.heard.all()
		end := len(all) - 1
		if !strings.HasPrefix(all[end], "turn/completed completed summary msg_") {
			b.Errorf("ends with %s", all[end])
		}
		ids := func(l string) string {
			if strings.Contains(l, "agent msg_") {
				kind, rest, _ := strings.Cut(l, " agent ")
				_, text, _ := strings.Cut(rest, " ")
				return kind + " agent " + text
			}
			return l
		}
		for i := range all {
			all[i] = ids(all[i])
		}
		same(t, all[:end], []string{"started entered review it", "completed entered review it", "status active", "turn/started",
			"started user look at it", "completed user look at it", "started agent m1 ", "started agent m2 ", "completed agent m1 let me see",
			"started exited review " + text, "completed exited review " + text, "started agent " + text, "completed agent " + text, "status idle"})

		// The reviewer knows nothing of the thread, and is told what it is.
		same(t, b.model.said(1), []string{"user: look at it"})
		if first := b.model.sent(1)[0]; !strings.HasPrefix(first, "developer: # Reviewer") {
			b.Errorf("the reviewer is told %.60s", first)
		}
		if r := b.model.request(2); r.Metadata.Subagent != "review" {
			b.Errorf("the request says it is made for %q", r.Metadata.Subagent)
		}
		if got := b.thread.Snapshot().Usage; got != used {
			b.Errorf("the thread has used %+v, not %+v", got, used)
		}

		// The thread knows of the findings, and only of them.
		b.turn("after")
		said := b.model.said(3)
		if len(said) != 5 || !strings.HasPrefix(said[2], "user: <user_action>") || !strings.Contains(said[2], text) || said[3] != "assistant: "+text {
			b.Errorf("the model reads\n  %s", strings.Join(said, "\n  "))
		}
		if first := b.model.sent(3)[0]; first != "developer: base" {
			b.Errorf("after the review the model is told %.60s", first)
		}
		b.reopen(whole())
		b.turn("again")
		same(t, b.model.said(0)[:4], said[:4])
	}, spent(10, message("m0", "0")), spent(20, says("m1", "let me see"), calls("c1", "look", "{}")), spent(30, says("m2", findings)), whole(message("m3", "3")))
}

// What a review did is found in the file: the markers and the findings under the
// review's turn, the rest under the reviewer's.
func TestReviewIsKept(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		r := b.review()
		b.idle()
		h, err := b.store.Read(b.recorder.Path())
		if err != nil {
			t.Fatal(err)
		}
		turns, err := h.Turns()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, turn := range turns {
			if turn.ID == r.TurnID {
				got = append(got, "review "+string(turn.Status))
			} else {
				got = append(got, "reviewer of "+*turn.RootTurnID)
			}
			for _, i := range turn.Items {
				got = append(got, strings.TrimPrefix(strings.Split(describe(i), "\n")[0], "agent "+idOf(i)+" "))
			}
		}
		same(t, got, []string{"reviewer of " + r.TurnID, "user look at it", "review completed", "entered review it", "exited review E", "E"})
		raw, err := os.ReadFile(b.recorder.Path())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), `"overall_confidence_score":0.5`) {
			t.Error("the file does not have the findings as data")
		}
		if b.thread.Snapshot().Preview != "look at it" {
			t.Errorf("the preview is %q", b.thread.Snapshot().Preview)
		}
	}, whole(message("m1", findings)))
}

// The other program reads findings only if they are whole.
func TestFindingsAreKeptWhole(t *testing.T) {
	for said, want := range map[string]string{
		`{"findings":[{"title":"T","body":"B","priority":null}]}`: `"findings":[{"title":"T","body":"B","confidence_score":0,"priority":3,` +
			`"code_location":{"absolute_file_path":"","line_range":{"start":0,"end":0}}}],"overall_correctness":"","overall_explanation":"","overall_confidence_score":0`,
		`{"findings":[{"title":"T","code_location":{"line_range":{"start":-1,"end":2}}}]}`: `"findings":[],"overall_correctness":"","overall_explanation":"{`,
	} {
		engine(t, func(b *bench) {
			b.start()
			b.review()
			b.idle()
			raw, err := os.ReadFile(b.recorder.Path())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(raw), want) {
				t.Errorf("of %s the file does not have %s:\n%s", said, want, raw)
			}
		}, whole(message("m1", said)))
	}
}

func TestWhatReviewersSay(t *testing.T) {
	tests := []struct{ name, said, want string }{
		{"words", "all is well", "all is well"},
		{"JSON in a fence", "Here:\n```json\n" + `{"findings":[],"overall_correctness":"patch is correct","overall_explanation":"Fine."}` + "\n```", "Fine."},
		{"two findings", `{"findings":[{"title":"A","body":"a","code_location":{"absolute_file_path":"/x","line_range":{"start":1,"end":1}}},` +
			`{"title":"B","body":"b","code_location":{"absolute_file_path":"/y","line_range":{"start":2,"end":3}}}],"overall_explanation":""}`,
			"Full review comments:\n\n- A — /x:1-1\n  a\n\n- B — /y:2-3\n  b"},
		{"other JSON", `{"answer": 42}`, `{"answer": 42}`},
		{"findings of a wrong shape", `{"findings":"none"}`, `{"findings":"none"}`},
		{"nothing", " ", "Reviewer failed to output a response."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.start()
				b.review()
				b.idle()
				if want := "completed exited review " + test.want; !slices.Contains(b.heard.all(), want) {
					b.Errorf("heard\n  %s\nnot %s", strings.Join(b.heard.all(), "\n  "), want)
				}
			}, whole(message("m1", test.said)))
		})
	}
}

// Clients know a review by two ids, and may interrupt it by either. Nothing of it
// is left running.
func TestInterruptReview(t *testing.T) {
	for _, by := range []string{"review", "reviewer", "none"} {
		t.Run(by, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.start()
				r := b.review()
				id := ""
				switch by {
				case "review":
					id = r.TurnID
				case "reviewer":
					for _, e := range b.heard.seen {
						if p, ok := e.Params.(*protocol.TurnStartedNotification); ok {
							id = p.Turn.ID
						}
					}
				}
				if !b.heard.has("started agent m1") {
					t.Fatal("the reviewer says nothing")
				}
				b.heard.forget()
				b.submit(&thread.Interrupt{TurnID: id})
				b.idle()
				all := b.heard.all()
				if len(all) != 6 || all[0] != "started exited review Reviewer failed to output a response." ||
					!strings.HasSuffix(all[3], "Review was interrupted. Please re-run /review and wait for it to complete.") ||
					all[5] != "turn/completed interrupted notLoaded" {
					t.Errorf("heard\n  %s", strings.Join(all, "\n  "))
				}
				b.turn("after")
				if said := b.model.said(1); !strings.Contains(strings.Join(said, "\n"), "was cut short") {
					t.Errorf("the model reads\n  %s", strings.Join(said, "\n  "))
				}
			}, cut(errHang, begun("m1", "par")), whole())
		})
	}
}

func TestReviewFails(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.review()
		b.idle()
		all := b.heard.all()
		want := []string{"status systemerror", `error false "broken" "other"`, "turn/completed failed notLoaded"}
		if len(all) < 3 {
			t.Fatalf("heard %q", all)
		}
		same(t, all[len(all)-3:], want)
	}, cut(&model.Error{Message: "broken"}))
}

// A review takes the place of a running turn, a question of the reviewer's tools
// comes from the review, and nobody can steer it.
func TestReviewAmongOthers(t *testing.T) {
	engine(t, func(b *bench) {
		var asked thread.Question
		b.services.Asker = askFunc(func(_ context.Context, q thread.Question) ([]byte, error) {
			asked = q
			return []byte("{}"), nil
		})
		b.tools["ask"] = func(ctx context.Context, t tool.Turn, c tool.Call) tool.Output {
			if t.Approval() != protocol.AskForApprovalNever {
				b.Errorf("the reviewer may ask for approval: %v", t.Approval())
			}
			_, _ = t.Ask(ctx, tool.WaitingOnUserInput, "item/tool/call", &protocol.DynamicToolCallParams{ThreadID: t.ThreadID(), TurnID: t.TurnID()})
			return tool.Text("")
		}
		b.start()
		b.say("running")
		r := b.review()
		if !slices.Contains(b.heard.all(), "turn/completed interrupted notLoaded") {
			t.Errorf("heard\n  %s", strings.Join(b.heard.all(), "\n  "))
		}
		if !b.heard.has("status active waitingOnUserInput") {
			t.Error("the thread does not show that it waits")
		}
		p, ok := asked.Params.(*protocol.DynamicToolCallParams)
		if !ok || asked.ThreadID != b.spec.ID || p.TurnID != r.TurnID {
			t.Errorf("asked %+v %+v", asked, p)
		}
		_, err := b.thread.Submit(b.Context(), &thread.Steer{ExpectedTurnID: r.TurnID, Input: input("x")})
		var refused *thread.NotSteerable
		if !errors.As(err, &refused) || refused.TurnKind != "review" {
			t.Errorf("steering: %v", err)
		}
		_, err = b.thread.Submit(b.Context(), &thread.UserTurn{Input: input("x")})
		if err == nil || err.Error() != "failed to submit turn input: ActiveTurnNotSteerable { turn_kind: Review }" {
			t.Errorf("a turn meanwhile: %v", err)
		}
	}, cut(errHang), whole(calls("c1", "ask", "{}")), cut(errHang))
}

func TestReviewTask(t *testing.T) {
	title := " A title "
	tests := []struct {
		target protocol.ReviewTarget
		hint   string
		prompt string // a part of it
		err    string
	}{
		{&protocol.ReviewTargetUncommittedChanges{}, "current changes", "staged, unstaged, and untracked files", ""},
		{&protocol.ReviewTargetBaseBranch{Branch: "main"}, "changes against 'main'", "git merge-base HEAD main", ""},
		{&protocol.ReviewTargetCommit{Sha: "0123456789"}, "commit 0123456", "commit 0123456789.", ""},
		{&protocol.ReviewTargetCommit{Sha: "0123456789", Title: &title}, "commit 0123456: A title", `0123456789 ("A title")`, ""},
		{&protocol.ReviewTargetCustom{Instructions: " do it "}, "do it", "do it", ""},
		{&protocol.ReviewTargetBaseBranch{Branch: " "}, "", "", "branch must not be empty"},
		{&protocol.ReviewTargetCommit{}, "", "", "sha must not be empty"},
		{&protocol.ReviewTargetCustom{Instructions: "\n"}, "", "", "instructions must not be empty"},
	}
	for _, test := range tests {
		task, err := thread.NewReviewTask(test.target)
		switch {
		case test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("%T: %v, not %s", test.target, err, test.err)
			}
		case err != nil || task.Hint != test.hint || !strings.Contains(task.Prompt, test.prompt):
			t.Errorf("%T: %q %v", test.target, task, err)
		}
	}
}
