package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// someThreads makes threads a second apart, all different in something. It returns their ids, oldest first.
func someThreads(t *testing.T, s *Store, n int, change func(i int, m *Meta)) (ids []string) {
	t.Helper()
	for i := range n {
		m := testMeta()
		m.ID, m.Timestamp = newID(t), testTime.Add(time.Duration(i)*9*time.Hour)
		if change != nil {
			change(i, &m)
		}
		r, err := s.Create(m)
		ok(t, err)
		ok(t, r.Materialize(turnRecords(t, m.ID, newID(t), fmt.Sprintf("question %d", i), "a")...))
		ok(t, r.Close())
		ok(t, os.Chtimes(r.Path(), testTime, testTime.Add(time.Duration((i*7)%n)*time.Minute)))
		ids = append(ids, m.ID)
	}
	return ids
}

func listIDs(p Page) (ids []string) {
	for _, s := range p.Threads {
		ids = append(ids, s.ID)
	}
	return ids
}

func list(t *testing.T, s *Store, o ListOptions) []string {
	t.Helper()
	p, err := s.List(o)
	ok(t, err)
	return listIDs(p)
}

func reversed(ids []string) []string {
	out := slices.Clone(ids)
	slices.Reverse(out)
	return out
}

func TestListPagesInBothOrders(t *testing.T) {
	s := testStore(t)
	ids := someThreads(t, s, 11, nil)
	byUpdate := slices.Clone(ids)
	slices.SortFunc(byUpdate, func(a, b string) int {
		return (slices.Index(ids, a)*7)%11 - (slices.Index(ids, b)*7)%11
	})
	for key, want := range map[string][]string{SortCreated: ids, SortUpdated: byUpdate} {
		for _, ascending := range []bool{true, false} {
			if !ascending {
				want = reversed(want)
			}
			var got []string
			o := ListOptions{SortKey: key, Ascending: ascending, Limit: 3}
			for pages := 0; ; pages++ {
				p, err := s.List(o)
				ok(t, err)
				got = append(got, listIDs(p)...)
				if len(got) < len(want) {
					// Turning round at this page's first thread finds what came before it.
					back := list(t, s, ListOptions{SortKey: key, Ascending: !ascending, Cursor: p.Backwards, Limit: 100})
					same(t, "backwards", back, reversed(want[:len(got)-len(p.Threads)])...)
				}
				if p.Next == "" {
					break
				}
				if pages > 10 {
					t.Fatal("no end")
				}
				o.Cursor = p.Next
			}
			same(t, fmt.Sprint(key, ascending), got, want...)
		}
	}
}

func TestListFilters(t *testing.T) {
	s := testStore(t)
	ids := someThreads(t, s, 8, func(i int, m *Meta) {
		switch i {
		case 1:
			m.Cwd = "/elsewhere"
		case 2:
			m.ModelProvider = "other"
		case 3:
			m.ModelProvider = ""
		case 4:
			m.Source = json.RawMessage(`"exec"`)
		case 5:
			m.Source = json.RawMessage(`{"subagent":{"thread_spawn":{"depth":1}}}`)
			m.ParentThreadID = "parent"
		case 6:
			m.Source = json.RawMessage(`{"custom":"mine"}`)
		case 7:
			m.Source = json.RawMessage(`"mcp"`)
		}
	})
	ok(t, s.SetName(ids[1], " the needle "))
	pick := func(want ...int) (out []string) {
		for _, i := range want {
			out = append(out, ids[i])
		}
		return out
	}
	for name, c := range map[string]struct {
		o    ListOptions
		want []int
	}{
		"interactive":         {ListOptions{}, []int{3, 2, 1, 0}},
		"folder":              {ListOptions{Cwds: []string{"/elsewhere", "/nowhere"}}, []int{1}},
		"no folder":           {ListOptions{Cwds: []string{}}, nil},
		"provider":            {ListOptions{Providers: []string{"mock"}, DefaultProvider: "openai"}, []int{1, 0}},
		"provider by default": {ListOptions{Providers: []string{"mock"}, DefaultProvider: "mock"}, []int{3, 1, 0}},
		"exec":                {ListOptions{Sources: []string{"exec"}}, []int{4}},
		"sub-agents":          {ListOptions{Sources: []string{"subAgent"}}, []int{5}},
		"spawned":             {ListOptions{Sources: []string{"subAgentThreadSpawn", "vscode"}}, []int{5, 3, 2, 1, 0}},
		"of a parent":         {ListOptions{Sources: []string{"subAgent", "vscode"}, Parents: []string{"parent"}}, []int{5}},
		"of no parent":        {ListOptions{Sources: []string{"subAgent"}, Parents: []string{}}, nil},
		"app server":          {ListOptions{Sources: []string{"appServer", "unknown"}}, []int{7}},
		"preview":             {ListOptions{Search: "question 2"}, []int{2}},
		"name":                {ListOptions{Search: "needle"}, []int{1}},
		"case":                {ListOptions{Search: "Question"}, nil},
	} {
		same(t, name, list(t, s, c.o), pick(c.want...)...)
	}
	p, err := s.List(ListOptions{Search: "needle"})
	ok(t, err)
	if got := p.Threads[0]; got.Name != "the needle" || got.Preview != "question 1" || got.Model != "mock-model" || got.Meta.Cwd != "/elsewhere" || got.Meta.Instructions != nil {
		t.Errorf("summary %+v", got)
	}
	if _, err := s.List(ListOptions{Cursor: "yesterday"}); !errors.Is(err, ErrBadCursor) {
		t.Errorf("bad cursor: %v", err)
	}
}

func TestListSeesChangesAndOthers(t *testing.T) {
	s, other := testStore(t), (*Store)(nil)
	other = NewStore(s.home, Options{})
	if got := list(t, s, ListOptions{}); got != nil {
		t.Errorf("an empty home lists %v", got)
	}
	ids := someThreads(t, other, 2, nil)
	same(t, "another's", list(t, s, ListOptions{}), reversed(ids)...)
	for i := range 20 { // within a tick of the clock, too
		more := someThreads(t, other, 1, func(_ int, m *Meta) { m.Timestamp = testTime.Add(time.Duration(100+i) * time.Hour) })
		ids = append(ids, more...)
		same(t, "one more", list(t, s, ListOptions{}), reversed(ids)...)
	}
	if _, err := other.Archive(ids[0]); err != nil {
		t.Fatal(err)
	}
	same(t, "one fewer", list(t, s, ListOptions{}), reversed(ids[1:])...)
	same(t, "archived", list(t, s, ListOptions{Archived: true}), ids[0])
	ok(t, other.SetName(ids[1], "first"))
	ok(t, other.SetName(ids[1], "second"))
	if got := s.Name(ids[1]); got != "second" {
		t.Errorf("name %q", got)
	}
	if err := s.SetName(ids[1], " \n"); !errors.Is(err, ErrEmptyName) {
		t.Errorf("blank name: %v", err)
	}
}

// A thread is listed once, however many segments and forks there are, where it was created.
func TestListShowsAThreadOnce(t *testing.T) {
	s := testStore(t)
	now := testTime
	s.now = func() time.Time { return now }
	r, turns := thread(t, s, ModePaginated, "p0", "p1", "p2")
	now = now.Add(48 * time.Hour)
	later, _ := thread(t, s, ModePaginated, "later")
	h := read(t, s, r.ID())
	f, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	now = now.Add(48 * time.Hour)
	cut, err := h.CutBeforeTurn(turns[1])
	ok(t, err)
	ok(t, r.Revert(cut.At))
	ask(t, r, "after")
	p, err := s.List(ListOptions{})
	ok(t, err)
	got := listIDs(p)
	slices.Sort(got[:2]) // of one second
	want := []string{later.ID(), f.ID()}
	slices.Sort(want)
	same(t, "listed", got, append(want, r.ID())...)
	last := p.Threads[2]
	if last.Path != r.Path() || last.Preview != "p0" || !last.CreatedAt.Equal(testTime) {
		t.Errorf("reverted thread is listed as %+v", last)
	}
	for _, sum := range p.Threads {
		if sum.ID == f.ID() && (sum.Preview != "p0" || sum.Model != "mock-model") {
			t.Errorf("fork is listed as %+v", sum)
		}
	}
}

func TestAThreadWithoutAQuestionIsNotListed(t *testing.T) {
	s := testStore(t)
	r := create(t, s, testMeta())
	ok(t, r.Materialize(TaskStarted(TurnStart{TurnID: "t"}), InterruptMarker()))
	if got := list(t, s, ListOptions{}); got != nil {
		t.Errorf("listed %v", got)
	}
	if _, err := s.Find(testID); err != nil {
		t.Errorf("find: %v", err)
	}
	if _, err := s.Find(newID(t)); !errors.Is(err, ErrNotFound) {
		t.Errorf("find nothing: %v", err)
	}
}

func TestAPageThatEndsWithTheListHasNoNext(t *testing.T) {
	s := testStore(t)
	ids := someThreads(t, s, 4, nil)
	for _, key := range []string{SortCreated, SortUpdated} {
		for _, ascending := range []bool{true, false} {
			o := ListOptions{SortKey: key, Ascending: ascending, Limit: 2}
			p, err := s.List(o)
			ok(t, err)
			o.Cursor = p.Next
			if p, err = s.List(o); err != nil || len(p.Threads) != 2 || p.Next != "" {
				t.Errorf("%s, ascending %v: %d threads, next %q, %v", key, ascending, len(p.Threads), p.Next, err)
			}
		}
	}
	o := ListOptions{Limit: 2, Excluded: []string{ids[3], ids[2]}}
	if got := list(t, s, o); !slices.Equal(got, []string{ids[1], ids[0]}) {
		t.Errorf("a page with threads left out: %v", got)
	}
}

func TestSummaryIsWhatTheListShows(t *testing.T) {
	s := testStore(t)
	ids := someThreads(t, s, 2, nil)
	ok(t, s.SetName(ids[1], "a name"))
	p, err := s.List(ListOptions{})
	ok(t, err)
	for _, want := range p.Threads {
		if got, err := s.Summary(want.ID); err != nil || got.Preview != want.Preview || got.Name != want.Name || !got.UpdatedAt.Equal(want.UpdatedAt) {
			t.Errorf("%+v, want %+v, %v", got, want, err)
		}
	}
	tail, err := s.Tail(ids[0])
	ok(t, err)
	f, err := s.ForkAt(forkMeta(t), ids[0], tail.Cut())
	ok(t, err)
	if got, err := s.Summary(f.ID()); err != nil || got.Preview != "question 0" {
		t.Errorf("of a fork: %+v, %v", got, err)
	}
}
