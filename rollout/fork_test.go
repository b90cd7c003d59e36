package rollout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
	"github.com/google/uuid"
)

func newID(t *testing.T) string {
	t.Helper()
	id, err := uuid.NewV7()
	ok(t, err)
	return id.String()
}

// questions are the users' messages that a model would see.
func questions(h *History) []string {
	var out []string
	for _, it := range h.Items {
		if kind, role := itemKind(it); kind == "message" && role == "user" && !contextual(it) {
			out = append(out, messageText(it))
		}
	}
	return out
}

func turnQuestions(t *testing.T, h *History) []string {
	t.Helper()
	turns, err := h.WireTurns()
	ok(t, err)
	var out []string
	for _, turn := range turns {
		if len(turn.Items) > 0 {
			out = append(out, messageText(turn.Items[0].(protocol.ThreadItemRaw)))
		}
	}
	return out
}

func read(t *testing.T, s *Store, ref string) *History {
	t.Helper()
	h, err := s.Read(ref)
	ok(t, err)
	return h
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// thread writes a thread with one turn per question.
func thread(t *testing.T, s *Store, mode string, asked ...string) (*Recorder, []string) {
	t.Helper()
	m := testMeta()
	m.ID, m.HistoryMode = newID(t), mode
	r := create(t, s, m)
	ok(t, r.Materialize())
	return r, ask(t, r, asked...)
}

func ask(t *testing.T, r *Recorder, asked ...string) (turns []string) {
	t.Helper()
	for _, q := range asked {
		turns = append(turns, newID(t))
		ok(t, r.Append(turnRecords(t, r.ID(), turns[len(turns)-1], q, "re: "+q)...))
	}
	return turns
}

func forkMeta(t *testing.T) Meta {
	m := testMeta()
	m.ID, m.Instructions = newID(t), nil
	return m
}

func TestForkBeforeEachMessageKeepsThePrefix(t *testing.T) {
	asked := []string{"a", "b", "c", "d"}
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, _ := thread(t, s, mode, asked...)
		h := read(t, s, r.ID())
		for k := 0; k <= len(asked)+1; k++ {
			fork, err := s.Fork(forkMeta(t), h, h.CutBeforeUserMessage(k))
			ok(t, err)
			ask(t, fork, "new")
			got := read(t, s, fork.ID())
			same(t, fmt.Sprintf("%s fork before %d", mode, k), questions(got), append(slices.Clone(asked[:min(k, len(asked))]), "new")...)
			if got.Meta.ForkedFromID != r.ID() || got.Meta.HistoryMode != mode || string(got.Meta.Instructions) != `{"text":"be good"}` {
				t.Errorf("meta %+v", got.Meta)
			}
			if got.Warnings.Skipped > 0 {
				t.Errorf("warnings %+v", got.Warnings)
			}
			ok(t, fork.Close())
		}
	}
}

func TestForksOfForksAndReverts(t *testing.T) {
	s := testStore(t)
	r, turns := thread(t, s, ModePaginated, "p0", "p1", "p2", "p3")
	h := read(t, s, r.ID())
	f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	ask(t, f, "f0", "f1")

	// A revert of the fork into what it inherited.
	fh := read(t, s, f.ID())
	cut, err := fh.CutBeforeTurn(turns[2])
	ok(t, err)
	ok(t, f.Revert(cut.At))
	ask(t, f, "g0")
	same(t, "fork after revert", questions(read(t, s, f.ID())), "p0", "p1", "g0")
	if base := read(t, s, f.ID()).Meta.Base; base.ThreadID != r.ID() {
		t.Errorf("reverted into %+v, want the file that holds the last line kept", base)
	}

	// A fork of a reverted thread stays what it was when the thread is reverted again.
	h = read(t, s, r.ID())
	cut, err = h.CutBeforeTurn(turns[3])
	ok(t, err)
	ok(t, r.Revert(cut.At))
	ask(t, r, "q0", "q1")
	h = read(t, s, r.ID())
	same(t, "reverted", questions(h), "p0", "p1", "p2", "q0", "q1")
	f2, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	cut, err = h.CutBeforeTurn(turns[1])
	ok(t, err)
	ok(t, r.Revert(cut.At))
	ask(t, r, "z0")
	same(t, "reverted twice", questions(read(t, s, r.ID())), "p0", "z0")
	same(t, "its fork", questions(read(t, s, f2.ID())), "p0", "p1", "p2", "q0", "q1")
	ask(t, f2, "f2")
	ok(t, f2.Close())
	f2, h2, err := s.Open(f2.ID())
	ok(t, err)
	same(t, "its fork, opened", questions(h2), "p0", "p1", "p2", "q0", "q1", "f2")
	ok(t, f2.Close())
	same(t, "the fork's turns", turnQuestions(t, h2), "p0", "p1", "p2", "q0", "q1", "f2")

	// Archived, everything is still found; deleted, the rest is still read.
	ok(t, r.Close())
	if _, err := s.Archive(r.ID()); err != nil {
		t.Fatal(err)
	}
	same(t, "fork of an archived thread", questions(read(t, s, f2.ID())), "p0", "p1", "p2", "q0", "q1", "f2")
	if _, _, err := s.Open(r.ID()); !errors.Is(err, ErrArchived) {
		t.Errorf("opened an archived thread: %v", err)
	}
	if again, err := s.Archive(r.ID()); err != nil || again != read(t, s, r.ID()).Path {
		t.Errorf("archived twice: %q, %v", again, err)
	}
	path, err := s.Unarchive(r.ID())
	ok(t, err)
	if path != r.Path() {
		t.Errorf("unarchived to %s, was %s", path, r.Path())
	}
	same(t, "unarchived", questions(read(t, s, r.ID())), "p0", "z0")
	for _, want := range []bool{true, false} {
		if found, err := s.Delete(r.ID()); err != nil || found != want {
			t.Errorf("delete: %v, %v", found, err)
		}
	}
	h2 = read(t, s, f2.ID())
	same(t, "fork of a deleted thread", questions(h2), "f2")
	if h2.Warnings.MissingBase == "" {
		t.Error("no warning of the missing base")
	}
}

func TestForkIsSmallAndFlat(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated)
	for i := range 300 {
		ask(t, r, strings.Repeat("long ", 50)+fmt.Sprint(i))
	}
	h := read(t, s, r.ID())
	f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	info, err := os.Stat(f.Path())
	ok(t, err)
	if info.Size() > 2000 {
		t.Errorf("a fork of %d bytes takes %d", h.End.Offset, info.Size())
	}
}

func TestForkInTheMiddleOfATurn(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, turns := thread(t, s, mode, "a")
		ok(t, r.Append(TaskStarted(TurnStart{TurnID: "running"})))
		ok(t, r.Append(userRecords(t, r.ID(), "running", "b")...))
		h := read(t, s, r.ID())
		if !h.State.MidTurn || h.State.ActiveID != "running" {
			t.Fatalf("%s: state %+v", mode, h.State)
		}
		f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
		ok(t, err)
		// What the parent writes on is not the fork's.
		ok(t, r.Append(agentRecords(t, r.ID(), "running", "late")...))
		fh := read(t, s, f.ID())
		same(t, mode, questions(fh), "a", "b")
		if last := string(fh.Items[len(fh.Items)-1]); !strings.Contains(last, `<turn_aborted>`) {
			t.Errorf("%s: last item %s", mode, last)
		}
		if fh.State.MidTurn {
			t.Errorf("%s: fork is in mid-turn", mode)
		}
		all, err := fh.WireTurns()
		ok(t, err)
		if len(all) != 2 || all[1].Status != "interrupted" || all[1].CompletedAt != nil {
			t.Errorf("%s: turns %+v", mode, all)
		}
		out, err := s.Fork(forkMeta(t), h, h.CutBeforeUserMessage(99))
		ok(t, err)
		same(t, mode+" out of range in mid-turn", questions(read(t, s, out.ID())), "a")
		after, err := h.CutAfterTurn(turns[0])
		ok(t, err)
		if after.At != h.State.ActiveStart || after.Records != nil {
			t.Errorf("%s: cut after the first turn at %+v", mode, after)
		}
		if _, err := h.CutAfterTurn("none"); !errors.Is(err, ErrTurnNotFound) {
			t.Errorf("unknown turn: %v", err)
		}
	}
}

func TestForkOfAFileElsewhereIsACopy(t *testing.T) {
	s := testStore(t)
	path := copySample(t, "paginated")
	h := read(t, s, path)
	f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	ok(t, os.Remove(path))
	got := read(t, s, f.ID())
	same(t, "copy", questions(got), questions(h)...)
	if got.Meta.Base != nil || got.Meta.ID != f.ID() || got.Warnings.Skipped > 0 {
		t.Errorf("meta %+v, warnings %+v", got.Meta, got.Warnings)
	}
	for i, line := range lines(t, f.Path()) {
		if rec, okay := parsePrefix([]byte(line)); !okay || rec.ordinal != uint64(i) {
			t.Fatalf("line %d: %.120s", i, line)
		}
	}
}

// The states that a history can end in, as small legacy files say them.
func TestStateAtTheEnd(t *testing.T) {
	started := `{"timestamp":"t","type":"event_msg","payload":{"type":"task_started","turn_id":"x"}}`
	user := `{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]}}`
	marker := `{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"<TURN_aborted>\nx</turn_aborted> "}]}}`
	userEvent := `{"timestamp":"t","type":"event_msg","payload":{"type":"user_message","message":"q"}}`
	complete := `{"timestamp":"t","type":"event_msg","payload":{"type":"task_complete","turn_id":"x"}}`
	aborted := `{"timestamp":"t","type":"event_msg","payload":{"type":"turn_aborted","turn_id":"x","reason":"interrupted"}}`
	for _, c := range []struct {
		name  string
		lines []string
		mid   bool
		id    string
	}{
		{"nothing", nil, false, ""},
		{"events only", []string{userEvent}, false, ""},
		{"user without end", []string{user, userEvent}, true, ""},
		{"open", []string{started, user}, true, "x"},
		{"complete", []string{started, user, complete}, false, ""},
		{"aborted", []string{started, user, marker, aborted}, false, ""},
		{"aborted, then asked again", []string{started, user, aborted, user}, false, ""},
		{"complete, then asked again", []string{started, user, complete, user}, true, ""},
		{"marker is no user", []string{marker}, false, ""},
	} {
		path := filepath.Join(t.TempDir(), "x.jsonl")
		head := `{"timestamp":"t","type":"session_meta","payload":{"id":"i"}}`
		ok(t, os.WriteFile(path, []byte(strings.Join(append([]string{head}, c.lines...), "\n")+"\n"), 0o600))
		h := readHistory(t, path)
		if h.State.MidTurn != c.mid || h.State.ActiveID != c.id {
			t.Errorf("%s: %+v", c.name, h.State)
		}
	}
}
