package rollout

import (
	"fmt"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// review appends a review as the reference records it: it has an end of its own, but
// no start; what its reviewer does is another turn, which never ends.
func review(t *testing.T, r *Recorder, name string, aborted bool) []string {
	t.Helper()
	id, inner := name, name+"-reviewer"
	entered := item(t, `{"type":"enteredReviewMode","id":"in-`+name+`","review":"it"}`)
	left := item(t, `{"type":"exitedReviewMode","id":"out-`+name+`","review":"fine"}`)
	ok(t, r.Append(ItemCompleted(r.ID(), id, entered, 1, 1), TaskStarted(TurnStart{TurnID: inner, RootTurnID: id, ParentTurnID: id})))
	ok(t, r.Append(userRecords(t, r.ID(), inner, "look")[1:]...))
	ok(t, r.Append(ItemCompleted(r.ID(), id, left, 1, 1)))
	if aborted {
		ok(t, r.Append(TurnAborted(TurnEnd{TurnID: id})))
	} else {
		ok(t, r.Append(TaskComplete(TurnEnd{TurnID: id})))
	}
	return []string{inner, id}
}

// Reviews are on every page that they belong to, in every view.
func TestTurnPagesHaveReviews(t *testing.T) {
	s := testStore(t)
	r, turns := thread(t, s, ModePaginated, "a")
	turns = append(turns, review(t, r, "r1", false)...)
	turns = append(turns, ask(t, r, "b")...)
	turns = append(turns, review(t, r, "r2", true)...)
	turns = append(turns, ask(t, r, "c", "d")...)
	for _, view := range []protocol.TurnItemsView{ViewFull, ViewSummary, ViewNone} {
		for limit := range len(turns) + 2 {
			for _, ascending := range []bool{true, false} {
				want := turns
				if !ascending {
					want = reversed(turns)
				}
				var got []string
				o := PageOptions{Limit: limit, Ascending: ascending, View: view}
				for more := true; more; {
					p, err := s.Turns(r.ID(), o)
					ok(t, err)
					got = append(got, turnIDs(p.Turns)...)
					o.Cursor, more = p.Next, p.Next != ""
				}
				same(t, fmt.Sprintf("%s, %d at a time, ascending %v", view, limit, ascending), got, want...)
			}
		}
	}
}

// After a review nothing runs any more, whatever its reviewer's turn looks like.
func TestReviewEndsItsReviewer(t *testing.T) {
	for _, aborted := range []bool{false, true} {
		s := testStore(t)
		r, _ := thread(t, s, ModePaginated, "a")
		review(t, r, "r", aborted)
		h := read(t, s, r.ID())
		if h.State.MidTurn || len(h.CutAtEnd().Records) > 0 {
			t.Errorf("aborted %v: the history ends within a turn: %+v", aborted, h.State)
		}
	}
}

// A review of several findings and of one, and of none, as clients show them.
func TestReviewText(t *testing.T) {
	finding := `{"title":"T","body":"a\nb","code_location":{"absolute_file_path":"/x","line_range":{"start":1,"end":2}}}`
	for output, want := range map[string]string{
		`{"findings":[` + finding + `],"overall_explanation":" E "}`: "E\n\nReview comment:\n\n- T — /x:1-2\n  a\n  b",
		`{"findings":[` + finding + `,{"title":"U","body":"c"}]}`:    "Full review comments:\n\n- T — /x:1-2\n  a\n  b\n\n- U\n  c",
		`{"findings":[],"overall_explanation":""}`:                   "Reviewer failed to output a response.",
		`null`: "Reviewer failed to output a response.",
		``:     "Reviewer failed to output a response.",
	} {
		if got := ReviewText([]byte(output)); got != want {
			t.Errorf("%s\nis shown as %q\nnot as      %q", output, got, want)
		}
	}
}
