package rollout

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func raws(items ...string) (out []json.RawMessage) {
	for _, it := range items {
		out = append(out, json.RawMessage(it))
	}
	return out
}

func user(text string) string { return string(userItem(text)) }

func TestCompactionReplacesTheHistory(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "a", "b", "c")
	ok(t, r.Append(Compacted("the summary", raws(`{"type":"message","role":"developer","content":[]}`, user("b"), user("c"), user("the summary")))))
	h := read(t, s, r.ID())
	same(t, "questions", questions(h), "b", "c", "the summary")
	if len(h.Items) != 4 || h.Compactions != 1 || h.Baseline || h.Preview != "a" {
		t.Errorf("items %d, compactions %d, baseline %v, preview %q", len(h.Items), h.Compactions, h.Baseline, h.Preview)
	}
	var at []int
	for _, u := range h.UserMessages {
		at = append(at, u.Item)
	}
	if len(at) != 3 || at[0] != -1 || at[1] != 1 || at[2] != 2 {
		t.Errorf("user messages are at %v", at)
	}
	ask(t, r, "d")
	h = read(t, s, r.ID())
	if u := h.UserMessages[3]; u.Item != 4 || !h.Baseline {
		t.Errorf("new message %+v, baseline %v", u, h.Baseline)
	}
	// A fork before the compaction sees what was there then.
	f, err := s.Fork(forkMeta(t), h, h.CutBeforeUserMessage(2))
	ok(t, err)
	same(t, "fork", questions(read(t, s, f.ID())), "a", "b")
}

func TestOldCompactionKeepsWhatFits(t *testing.T) {
	s := testStore(t)
	long := strings.Repeat("x", 50000)
	r, _ := thread(t, s, ModeLegacy, "first", long, long+"!", "last")
	ok(t, r.Append(RawRecord(kindCompacted, json.RawMessage(`{"message":"summary"}`))))
	got := questions(read(t, s, r.ID()))
	same(t, "kept", got, long[:80000-4-50001], long+"!", "last", "summary")
}

func TestRollBacksDropTurns(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModeLegacy, "a", "b", "c", "d")
	ok(t, r.Append(ThreadRolledBack(2)))
	h := read(t, s, r.ID())
	same(t, "model", questions(h), "a", "b")
	same(t, "client", turnQuestions(t, h), "a", "b")
	ask(t, r, "e")
	h = read(t, s, r.ID())
	same(t, "model after", questions(h), "a", "b", "e")
	same(t, "client after", turnQuestions(t, h), "a", "b", "e")
	if len(h.Marks) != 3 || len(h.UserMessages) != 3 {
		t.Errorf("%d marks, %d messages", len(h.Marks), len(h.UserMessages))
	}
	ok(t, r.Append(ThreadRolledBack(1000)))
	h = read(t, s, r.ID())
	if len(questions(h)) != 0 || len(turnQuestions(t, h)) != 0 {
		t.Errorf("left: %q", questions(h))
	}
}

func TestFilesWithoutTurnEvents(t *testing.T) {
	s := testStore(t)
	m := testMeta()
	m.HistoryMode = ModeLegacy
	r := create(t, s, m)
	ok(t, r.Materialize())
	for _, q := range []string{"a", "b"} {
		ok(t, r.Append(userRecords(t, testID, "", q)...))
		ok(t, r.Append(agentRecords(t, testID, "", "re "+q)...))
	}
	h := read(t, s, testID)
	turns, err := h.WireTurns()
	ok(t, err)
	if got := turnIDs(turns); len(got) != 2 || got[0] != "rollout-2" || got[1] != "rollout-6" || turns[0].Status != "completed" {
		t.Errorf("turns %+v", turns)
	}
	same(t, "questions", turnQuestions(t, h), "a", "b")
}

func TestContextualMessagesAreNoQuestions(t *testing.T) {
	for text, want := range map[string]bool{
		"hello": false, "": false, "<b>bold</b>": false, "<skill> without end": false,
		"<environment_context>\n x </environment_context>":                  true,
		" \n\t<Environment_Context>x</ENVIRONMENT_CONTEXT>\n":               true,
		"# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>x</INSTRUCTIONS>": true,
		"<turn_aborted>x</turn_aborted>":                                    true,
		"<user_shell_command>x</user_shell_command>":                        true,
		"see <turn_aborted>x</turn_aborted>":                                false,
	} {
		if got := contextual(userItem(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestHostEventsAreOursAlone(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "q")
	ok(t, r.Append(HostEvent("approval", json.RawMessage(`{"decision":"accept"}`)), HostEvent("note", json.RawMessage(`{}`))))
	h := read(t, s, r.ID())
	var got []string
	ok(t, h.HostEvents(func(name string, body json.RawMessage) bool {
		got = append(got, name+string(body))
		return true
	}))
	same(t, "events", got, `approval{"type":"codexhost_approval","decision":"accept"}`, `note{"type":"codexhost_note"}`)
	same(t, "turns", turnQuestions(t, h), "q")
	if h.Warnings.Skipped != 0 {
		t.Errorf("warnings %+v", h.Warnings)
	}
}

func TestRevertedThreadKeepsItsAge(t *testing.T) {
	s := testStore(t)
	now := testTime
	s.now = func() time.Time { return now }
	r, turns := thread(t, s, ModePaginated, "a", "b")
	now = now.Add(1e12)
	h := read(t, s, r.ID())
	cut, err := h.CutBeforeTurn(turns[1])
	ok(t, err)
	ok(t, r.Revert(cut.At))
	if h = read(t, s, r.ID()); !h.CreatedAt.Equal(testTime) || h.Path == "" || h.End != r.Position() {
		t.Errorf("created %v, end %+v, position %+v", h.CreatedAt, h.End, r.Position())
	}
}
