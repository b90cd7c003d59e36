package rollout

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func turnIDs(turns []protocol.Turn) (ids []string) {
	for _, t := range turns {
		ids = append(ids, t.ID)
	}
	return ids
}

// pagedThread has turns in three files, and a command that ended after its turn.
func pagedThread(t *testing.T, s *Store, mode string) (*Recorder, []string) {
	t.Helper()
	r, turns := thread(t, s, mode, "a", "b", "c")
	if mode == ModePaginated {
		h := read(t, s, r.ID())
		f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
		ok(t, err)
		more := ask(t, f, "d", "x")
		h = read(t, s, f.ID())
		ok(t, f.Revert(h.Marks[4].Start))
		turns, r = append(turns, more[0]), f
	}
	turns = append(turns, ask(t, r, "e", "f")...)
	late := item(t, `{"type":"commandExecution","id":"late","command":"x","cwd":"/w","status":"completed","commandActions":[]}`)
	ok(t, r.Append(ItemCompleted(r.ID(), turns[len(turns)-2], late, 1, 2)))
	return r, turns
}

func TestTurnPages(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, turns := pagedThread(t, s, mode)
		all, err := read(t, s, r.ID()).WireTurns()
		ok(t, err)
		same(t, "all", turnIDs(all), turns...)
		for limit := 1; limit <= len(turns)+1; limit++ {
			for _, ascending := range []bool{true, false} {
				want := turns
				if !ascending {
					want = reversed(turns)
				}
				var got []string
				o := PageOptions{Limit: limit, Ascending: ascending}
				for {
					p, err := s.Turns(r.ID(), o)
					ok(t, err)
					for i, turn := range p.Turns {
						full := all[indexOf(turns, turn.ID)]
						if g, w := indent(encodeTurns(t, p.Turns[i:i+1])), indent(encodeTurns(t, []protocol.Turn{full})); g != w {
							t.Fatalf("limit %d: turn is\n%s\nwant\n%s", limit, g, w)
						}
					}
					back, err := s.Turns(r.ID(), PageOptions{Cursor: p.Backwards, Ascending: !ascending})
					ok(t, err)
					same(t, "backwards", turnIDs(back.Turns), reversed(want[:len(got)+1])...)
					got = append(got, turnIDs(p.Turns)...)
					if o.Cursor = p.Next; o.Cursor == "" {
						break
					}
				}
				same(t, fmt.Sprint(mode, limit, ascending), got, want...)
			}
		}
		if _, err := s.Turns(r.ID(), PageOptions{Cursor: `{"turnId":"none"}`}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("unknown turn: %v", err)
		}
	}
}

func indexOf(list []string, s string) int {
	for i := range list {
		if list[i] == s {
			return i
		}
	}
	return -1
}

func TestTurnViews(t *testing.T) {
	s := testStore(t)
	r, turns := pagedThread(t, s, ModePaginated)
	for view, want := range map[protocol.TurnItemsView][]string{
		ViewNone: nil, ViewSummary: {"userMessage", "agentMessage"}, ViewFull: {"userMessage", "agentMessage", "commandExecution"}} {
		for _, limit := range []int{0, 2} { // all, and from the end of the file
			p, err := s.Turns(r.ID(), PageOptions{Limit: limit, View: view})
			ok(t, err)
			if p.Turns[1].ID != turns[len(turns)-2] || p.Turns[1].ItemsView != view {
				t.Errorf("turn %+v", p.Turns[1])
			}
			var kinds []string
			for _, it := range p.Turns[1].Items {
				kinds = append(kinds, memberString(it.(protocol.ThreadItemRaw), "type"))
			}
			same(t, string(view), kinds, want...)
		}
	}
}

func TestItemPages(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, turns := pagedThread(t, s, mode)
		name := func(row ItemRow) string { return row.TurnID + "/" + row.ItemID }
		whole, err := s.Items(r.ID(), PageOptions{Ascending: true})
		ok(t, err)
		var all []string
		for _, row := range whole.Items {
			all = append(all, name(row))
		}
		if len(all) != 2*len(turns)+1 || mode == ModePaginated && !strings.HasSuffix(all[len(all)-1], "/late") {
			t.Fatalf("items %q", all)
		}
		for limit := 1; limit < len(all)+2; limit += 3 {
			for _, ascending := range []bool{true, false} {
				want := all
				if !ascending {
					want = reversed(all)
				}
				var got []string
				o := PageOptions{Limit: limit, Ascending: ascending}
				for {
					p, err := s.Items(r.ID(), o)
					ok(t, err)
					for _, row := range p.Items {
						got = append(got, name(row))
					}
					if o.Cursor = p.Next; o.Cursor == "" {
						break
					}
				}
				same(t, fmt.Sprint(mode, limit, ascending), got, want...)
			}
		}
		p, err := s.Items(r.ID(), PageOptions{TurnID: turns[1]})
		ok(t, err)
		if len(p.Items) != 2 || p.Items[0].TurnID != turns[1] {
			t.Errorf("items of a turn: %+v", p.Items)
		}
		if p, err := s.Items(r.ID(), PageOptions{TurnID: "none"}); err != nil || len(p.Items) != 0 {
			t.Errorf("items of no turn: %+v, %v", p, err)
		}
	}
}

func TestTailKnowsTheEnd(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, turns := pagedThread(t, s, mode)
		check := func() {
			t.Helper()
			h := read(t, s, r.ID())
			tail, err := s.Tail(r.ID())
			ok(t, err)
			if tail.End != h.End || tail.State != h.State || tail.LastTurnID != h.LastTurnID && h.State.MidTurn || tail.Meta.ID != r.ID() {
				t.Errorf("tail %+v\nhistory %+v %+v", tail, h.End, h.State)
			}
			if !reflect.DeepEqual(tail.Tokens, h.Tokens) || tail.Model != h.Model || tail.Effort != h.Effort || !tail.UpdatedAt.Equal(h.UpdatedAt) {
				t.Errorf("tail %+v\nhistory %+v %s %s", tail, h.Tokens, h.Model, h.Effort)
			}
		}
		check()
		ok(t, r.Append(TokenCount(TokenInfo{Total: TokenUsage{Total: 7}}, nil), TurnContext{TurnID: turns[0], Model: "m", Effort: "low"}.Record()))
		check()
		ok(t, r.Append(ResponseItem([]byte(`{"type":"message","role":"developer","content":[{"type":"input_text","text":"`+strings.Repeat("long ", 40000)+`"}]}`))))
		check()
		ok(t, r.Append(TaskStarted(TurnStart{TurnID: "running"})))
		ok(t, r.Append(userRecords(t, r.ID(), "running", strings.Repeat("long ", 40000))...))
		check()
		tail, err := s.Tail(r.ID())
		ok(t, err)
		if mode == ModePaginated {
			f, err := s.ForkAt(forkMeta(t), r.ID(), tail.Cut())
			ok(t, err)
			fh := read(t, s, f.ID())
			if fh.State.MidTurn || len(questions(fh)) != 7 {
				t.Errorf("fork %+v", questions(fh))
			}
			for range 2 { // a fork, and a fork of it, know what they inherit
				inherited, err := s.Tail(f.ID())
				ok(t, err)
				if inherited.State.MidTurn || inherited.Model != "m" || inherited.Tokens == nil || inherited.Tokens.Total.Total != 7 {
					t.Errorf("tail of a fork: %+v", inherited)
				}
				f, err = s.ForkAt(forkMeta(t), f.ID(), inherited.Cut())
				ok(t, err)
			}
			ok(t, r.Append(TurnContext{TurnID: "later", Model: "another"}.Record()))
			if inherited, err := s.Tail(f.ID()); err != nil || inherited.Model != "m" {
				t.Errorf("a fork hears of what came later: %+v, %v", inherited, err)
			}
		}
	}
}

func TestReverseLines(t *testing.T) {
	s := testStore(t)
	path := s.home + "/x"
	for _, c := range []string{"", "\n", "a", "a\n", "\n\na\n\nbb\nccc", strings.Repeat(strings.Repeat("x", 50000)+"\n", 9) + strings.Repeat("y", 300000) + "\nz\n"} {
		ok(t, os.WriteFile(path, []byte(c), 0o600))
		f, err := os.Open(path)
		ok(t, err)
		var got []string
		ok(t, reverseLines(f, int64(len(c)), func(line []byte, off int64) bool {
			if c[off:off+int64(len(line))] != string(line) {
				t.Errorf("line at %d is wrong", off)
			}
			got = append(got, string(line))
			return true
		}))
		_ = f.Close()
		var want []string
		for _, l := range strings.Split(c, "\n") {
			if l != "" {
				want = append(want, l)
			}
		}
		if strings.Join(reversed(want), "|") != strings.Join(got, "|") {
			t.Errorf("%.50q: %d lines, want %d", c, len(got), len(want))
		}
	}
}

func TestCutAtIsWhatTheHistorySays(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		s := testStore(t)
		r, turns := pagedThread(t, s, mode)
		h := read(t, s, r.ID())
		for _, id := range turns {
			for _, after := range []bool{true, false} {
				meta, got, err := s.CutAt(r.ID(), id, after)
				ok(t, err)
				want, err := h.CutBeforeTurn(id)
				if after {
					want, err = h.CutAfterTurn(id)
				}
				ok(t, err)
				if got.At != want.At || got.Empty != want.Empty || len(got.Records) != len(want.Records) || meta.ID != r.ID() {
					t.Errorf("%s turn %s, after %v: %+v, want %+v", mode, id, after, got, want)
				}
			}
		}
		if _, _, err := s.CutAt(r.ID(), "none", true); !errors.Is(err, ErrTurnNotFound) {
			t.Errorf("unknown turn: %v", err)
		}
	}
}
