package thread_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// context is what the model is sent beside the conversation, each part by its
// first words.
func (b *bench) context(n int) []string {
	var out []string
	for _, raw := range b.model.request(n).Input {
		for _, text := range textsOf(raw) {
			for _, head := range []string{"base", "be brief", "be long", "<skills", "<permissions", "# AGENTS.md instructions for this thread have changed", "# AGENTS.md", "<environment_context>"} {
				if strings.HasPrefix(text, head) {
					out = append(out, head)
					break
				}
			}
		}
	}
	return out
}

func textsOf(raw json.RawMessage) (texts []string) {
	var m struct{ Content []struct{ Text string } }
	_ = json.Unmarshal(raw, &m)
	for _, c := range m.Content {
		texts = append(texts, c.Text)
	}
	return texts
}

// Every turn tells the model what has changed, and nothing else, whatever lies
// between: a resume, or days.
func TestContextIsSentOnce(t *testing.T) {
	engine(t, func(b *bench) {
		b.spec.Settings.DeveloperInstructions = "be brief"
		b.skills.section = "<skills_instructions>a</skills_instructions>"
		b.docs = thread.Instructions{Text: "be kind"}
		b.start()
		b.turn("one")
		all := []string{"base", "be brief", "<skills", "<permissions", "# AGENTS.md", "<environment_context>"}
		same(t, b.context(0), all)
		b.turn("two")
		same(t, b.context(1), all)

		b.skills.section = "<skills_instructions>b</skills_instructions>"
		b.docs.Text = "be very kind"
		never := thread.Overrides{Approval: protocol.AskForApprovalNever}
		b.submit(&thread.UserTurn{Input: input("three"), Overrides: never})
		b.idle()
		all = append(all, "<skills", "<permissions", "# AGENTS.md instructions for this thread have changed")
		same(t, b.context(2), all)

		b.skills.section, b.docs.Text = "", "" // what is gone still says what held
		b.turn("four")
		same(t, b.context(3), all)

		b.skills.section, b.docs.Text = "<skills_instructions>b</skills_instructions>", "be very kind"
		b.spec.Settings = b.thread.Snapshot().Settings
		b.reopen(whole(), whole())
		b.turn("five")
		same(t, b.context(0), all)
		time.Sleep(24 * time.Hour)
		b.turn("six")
		same(t, b.context(1), append(all, "<environment_context>"))
	}, whole(), whole(), whole(), whole())
}

// A turn that is interrupted as soon as it begins has told the model nothing; the next must.
func TestContextOfAnInterruptedTurn(t *testing.T) {
	engine(t, func(b *bench) {
		b.docs = thread.Instructions{Text: "be kind"}
		b.start()
		b.say("go")
		b.submit(&thread.Interrupt{})
		b.idle()
		b.turn("next")
		same(t, b.context(1), []string{"base", "<permissions", "# AGENTS.md", "<environment_context>"})
	}, cut(errHang), whole())
}

func TestContextTexts(t *testing.T) {
	engine(t, func(b *bench) {
		cwd := b.spec.Settings.Cwd
		b.docs = thread.Instructions{Text: "be kind"}
		b.spec.Settings.Sandbox = &protocol.SandboxPolicyWorkspaceWrite{WritableRoots: []string{"/a&b"}, NetworkAccess: true}
		b.start()
		b.turn("one")
		all := strings.Join(b.model.sent(0), "\n")
		for _, want := range []string{
			"# AGENTS.md instructions for " + cwd + "\n\n<INSTRUCTIONS>\nbe kind\n</INSTRUCTIONS>",
			"<cwd>" + cwd + "</cwd>", "<current_date>2000-01-01</current_date>", "<root>" + cwd + "</root>",
			`<entry access="write"><path>/a&amp;b</path></entry>`,
			"`sandbox_mode` is `workspace-write`", "`/a&b`", "The network may be used.", "`approval_policy` is `on-request`",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("the model is not told %s:\n%s", want, all)
			}
		}
		first := b.model.request(0).Input[0]
		b.turn("two")
		if !slices.Equal(first, b.model.request(1).Input[0]) {
			t.Error("the base instructions change, so no prompt cache can hold")
		}
	}, whole(), whole())
}

func TestWarningsOfTheContext(t *testing.T) {
	engine(t, func(b *bench) {
		b.docs.Warning = "cut"
		b.skills.warnings = []string{"skills cannot be listed"}
		b.start()
		b.turn("one")
		b.told("status active", "turn/started", "warning skills cannot be listed", "warning cut", "started user one", "completed user one", "status idle", "turn/completed completed notLoaded")
	}, whole())
}

// A resumed thread shows the model what it saw, byte for byte.
func TestResume(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.turn("one")
		b.say("two")
		b.submit(&thread.Interrupt{})
		b.idle()
		b.turn("three")
		before := b.model.request(len(b.model.requests) - 1).Input
		b.reopen(whole())
		b.turn("four")
		after := b.model.request(0).Input
		if len(after) < len(before) {
			b.Fatalf("%d items became %d", len(before), len(after))
		}
		for i := range before {
			if string(before[i]) != string(after[i]) {
				t.Errorf("item %d was %s and is %s", i, before[i], after[i])
			}
		}
		same(t, b.model.said(0)[len(b.model.said(0))-2:], []string{"assistant: 3", "user: four"})
	}, whole(item(`{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"é\u00e9"}`), calls("c1", "unknown", `{"a": 1}`)), whole(message("m1", "1")), cut(errHang), whole(message("m3", "3")))
}
