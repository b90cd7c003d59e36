package thread_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func mode(kind protocol.ModeKind, own *string) thread.Overrides {
	return thread.Overrides{Collaboration: &protocol.CollaborationMode{Mode: kind, Settings: protocol.Settings{Model: "m", DeveloperInstructions: own}}}
}

func (b *bench) planTurn(text string) {
	b.Helper()
	b.submit(&thread.UserTurn{Input: input(text), Overrides: mode(protocol.ModeKindPlan, nil)})
	b.idle()
}

var planID = regexp.MustCompile(`\S+-plan `)

// items are what the client heard of the turn's items after the user's message;
// the turn's id is left out.
func (b *bench) items() []string {
	b.Helper()
	var out []string
	for _, l := range b.heard.all() {
		for _, kind := range []string{"started agent", "completed agent", "started plan", "completed plan", "agentMessage/delta", "plan/delta"} {
			if strings.HasPrefix(l, kind) {
				out = append(out, planID.ReplaceAllString(l, ""))
			}
		}
	}
	return out
}

func TestProposedPlanBecomesAnItem(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"between", []string{"Intro\n<proposed_plan>\n# P\n</proposed_plan>\nOutro"},
			[]string{"started agent a ", "agentMessage/delta a Intro\n", "started plan ", "plan/delta # P\n", "agentMessage/delta a Outro", "completed plan # P\n", "completed agent a Intro\nOutro"}},
		{"alone, cut anywhere", []string{"<prop", "osed_plan>", "\n#", " P\n<", "/proposed_plan>"},
			[]string{"started plan ", "plan/delta #", "plan/delta  P\n", "completed plan # P\n"}},
		{"never closed", []string{"A\n<proposed_plan>\nno ", "end"},
			[]string{"started agent a ", "agentMessage/delta a A\n", "started plan ", "plan/delta no ", "plan/delta end", "completed plan no end", "completed agent a A\n"}},
		{"tag within a line", []string{"see <proposed_plan>", "\n", "x </proposed_plan>"},
			[]string{"started agent a ", "agentMessage/delta a see <proposed_plan>", "agentMessage/delta a \n", "agentMessage/delta a x </proposed_plan>", "completed agent a see <proposed_plan>\nx </proposed_plan>"}},
		{"two plans, the last one counts", []string{"<proposed_plan>\none\n</proposed_plan>\n<proposed_plan>\ntwo\n</proposed_plan>"},
			[]string{"started plan ", "plan/delta one\n", "plan/delta two\n", "completed plan two\n"}},
		{"nothing but space around", []string{"\n\n  <proposed_plan>  \nP\n</proposed_plan>\n\n"},
			[]string{"started plan ", "plan/delta P\n", "completed plan P\n"}},
		{"a closing tag alone", []string{"A\n</proposed_plan>\n"},
			[]string{"started agent a ", "agentMessage/delta a A\n</proposed_plan>\n", "completed agent a A\n</proposed_plan>\n"}},
		{"what looked like a tag", []string{"<propose", "d thing>"},
			[]string{"started agent a ", "agentMessage/delta a <proposed thing>", "completed agent a <proposed thing>"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.start()
				b.planTurn("plan it")
				same(t, b.items(), test.want)
			}, whole(says("a", test.pieces...)))
		})
	}
}

// A server may send a message whole, without its beginning and without deltas.
func TestPlanOfAWholeMessage(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.planTurn("plan it")
		same(t, b.items(), []string{"started plan ", "completed plan P\n", "started agent a ", "completed agent a B"})
	}, whole(message("a", "<proposed_plan>\nP\n</proposed_plan>\nB")))
}

func TestTagsMeanNothingInDefaultMode(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("say it")
		text := "<proposed_plan>\nP\n</proposed_plan>"
		same(t, b.items(), []string{"started agent a ", "agentMessage/delta a " + text, "completed agent a " + text})
	}, whole(says("a", "<proposed_plan>\nP\n</proposed_plan>")))
}

// A plan is read back from the file, and the model goes on seeing its tags.
func TestPlanIsKept(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.planTurn("plan it")
		b.turn("and?")
		same(t, b.model.said(1), []string{"user: plan it", "assistant: <proposed_plan>\nP\n</proposed_plan>\nB", "user: and?"})
		h, err := b.store.Read(b.recorder.Path())
		if err != nil {
			t.Fatal(err)
		}
		turns, err := h.Turns()
		if err != nil {
			t.Fatal(err)
		}
		plan, ok := turns[0].Items[1].(*protocol.ThreadItemPlan)
		if !ok || plan.Text != "P\n" || plan.ID != turns[0].ID+"-plan" {
			t.Errorf("the second item of the turn is %+v", turns[0].Items[1])
		}
	}, whole(says("a", "<proposed_plan>\nP\n</proposed_plan>\nB")), whole())
}

// The model is told of a mode once, of every other mode again, and of none until
// a client names one.
func TestModeIsToldToTheModel(t *testing.T) {
	told := func(b *bench, n int) (modes []string) {
		for _, l := range b.model.sent(n) {
			if text, ok := strings.CutPrefix(l, "developer: "); ok && strings.Contains(text, "<collaboration_mode>") {
				_, text, _ = strings.Cut(text, "<collaboration_mode>")
				head, _, _ := strings.Cut(text, "\n")
				modes = append(modes, head)
			}
		}
		return modes
	}
	own := "my own"
	engine(t, func(b *bench) {
		b.start()
		b.turn("none")
		b.planTurn("plan")
		b.turn("the same")
		b.submit(&thread.Configure{Overrides: mode(protocol.ModeKindDefault, nil)})
		b.turn("default")
		b.submit(&thread.UserTurn{Input: input("own"), Overrides: mode(protocol.ModeKindPlan, &own)})
		b.idle()
		same(t, told(b, 0), nil)
		same(t, told(b, 1), []string{"# Plan mode"})
		same(t, told(b, 2), []string{"# Plan mode"})
		same(t, told(b, 3), []string{"# Plan mode", "# Default mode"})
		same(t, told(b, 4), []string{"# Plan mode", "# Default mode", "my own</collaboration_mode>"})
	}, whole(), whole(), whole(), whole(), whole())
}

// A mode names the model and the effort, and outlives the process.
func TestModeIsASetting(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		effort, other := protocol.ReasoningEffort("high"), "other"
		o := mode(protocol.ModeKindPlan, nil)
		o.Model, o.Collaboration.Settings.ReasoningEffort = &other, &effort
		b.submit(&thread.UserTurn{Input: input("x"), Overrides: o})
		b.idle()
		got := b.thread.Snapshot().Settings
		if got.Model != "m" || got.Effort != "high" || got.CollaborationMode().Mode != protocol.ModeKindPlan {
			t.Errorf("the settings are %+v", got)
		}
		h, err := b.store.Read(b.recorder.Path())
		if err != nil {
			t.Fatal(err)
		}
		again := b.spec.Settings.RecordedMode(h.Context)
		if again.Mode != protocol.ModeKindPlan || again.ModeInstructions != got.ModeInstructions {
			t.Errorf("read back: %q %q", again.Mode, again.ModeInstructions)
		}
		if same := again.RecordedMode(nil); same.Mode != again.Mode {
			t.Error("no record changes the mode")
		}
	}, whole())
}
