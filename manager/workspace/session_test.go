package workspace

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

type (
	updated   = protocol.FuzzyFileSearchSessionUpdatedNotification
	completed = protocol.FuzzyFileSearchSessionCompletedNotification
)

// completedBy fits the end of a session's work on a query.
func completedBy(id string) func(any) bool {
	return func(x any) bool {
		c, ok := x.(*completed)
		return ok && c.SessionID == id
	}
}

// start starts a session and waits until it has read everything.
func start(t *testing.T, c *Client, e *ear, id string, roots ...string) {
	t.Helper()
	n := e.count()
	release, err := c.StartSession(id, roots)
	if err != nil {
		t.Fatal(err)
	}
	release()
	e.wait(n, "the end of reading", completedBy(id))
}

// ask asks a session and gives what it has told last when it is done.
func ask(t *testing.T, c *Client, e *ear, id, text string) []string {
	t.Helper()
	n := e.count()
	release, err := c.Query(id, text)
	if err != nil {
		t.Fatal(err)
	}
	release()
	_, end := e.wait(n, "the end of "+text, completedBy(id))
	var last *updated
	for _, x := range e.all()[n:end] {
		if u, ok := x.(*updated); ok && u.SessionID == id {
			last = u
		}
	}
	if last == nil || last.Query != text || last.SessionID != id || last.Files == nil {
		t.Fatalf("told %+v of %q", last, text)
	}
	return paths(last.Files)
}

func TestSession(t *testing.T) {
	root := tree(t, "abc.txt", "sub/abd.txt", "zoo.md")
	c, e := newClient(t)
	start(t, c, e, "s", root)
	for _, q := range []struct {
		text string
		want []string
	}{
		{"ab", []string{"abc.txt", "sub/abd.txt"}},
		{"ab", []string{"abc.txt", "sub/abd.txt"}},
		{"abd", []string{"sub/abd.txt"}},
		{"zzzz", []string{}},
		{"", []string{}},
	} {
		if got := ask(t, c, e, "s", q.text); !slices.Equal(got, q.want) {
			t.Errorf("%q: %q, want %q", q.text, got, q.want)
		}
	}
	plant(t, root, "abnew")
	if got := ask(t, c, e, "s", "abnew"); len(got) > 0 {
		t.Errorf("a session remembers what was there, but found %q", got)
	}
	start(t, c, e, "s", root) // takes the place of the first
	if got := ask(t, c, e, "s", "abnew"); !slices.Equal(got, []string{"abnew"}) {
		t.Errorf("a new session found %q", got)
	}
	start(t, c, e, "gone", filepath.Join(root, "missing"))
	if got := ask(t, c, e, "gone", "ab"); len(got) > 0 {
		t.Errorf("found %q in a missing folder", got)
	}
}

func TestSessionRefusals(t *testing.T) {
	c, _ := newClient(t)
	_, noID := c.StartSession("", []string{"/"})
	_, noRoots := c.StartSession("s", nil)
	_, unknown := c.Query("s", "x")
	for _, x := range []struct {
		err  error
		want string
	}{
		{noID, "sessionId must not be empty"},
		{noRoots, "failed to start fuzzy file search session: at least one search directory is required"},
		{unknown, "fuzzy file search session not found: s"},
	} {
		if text(x.err) != x.want {
			t.Errorf("%q, want %q", text(x.err), x.want)
		}
	}
	c.EndSession("s")
	c.Close()
	if _, err := c.StartSession("s", []string{"/"}); err == nil {
		t.Error("a closed client started a session")
	}
}

// Between a query's answer and its release, and of queries before it, nothing is told.
func TestSessionTellsOnlyOfTheLastQuery(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("d%03d/file_%03d_x", i, i))
	}
	root := tree(t, names...)
	c, e := newClient(t)
	start(t, c, e, "s", root)
	for i := range 200 {
		text := fmt.Sprintf("file%d", i%10)
		release, err := c.Query("s", text)
		if err != nil {
			t.Fatal(err)
		}
		n := e.count()
		if i%3 == 0 {
			next, err := c.Query("s", "other")
			if err != nil {
				t.Fatal(err)
			}
			release() // of the one before: it lets nothing out
			release, text = next, "other"
		}
		for _, x := range e.all()[n:] {
			t.Fatalf("told before the release: %+v", x)
		}
		release()
		if i%7 == 0 {
			_, end := e.wait(n, "the end", completedBy("s"))
			for _, x := range e.all()[n:end] {
				if u, ok := x.(*updated); ok && u.Query != text {
					t.Fatalf("told of %q after %q was asked", u.Query, text)
				}
			}
		}
	}
	c.EndSession("s")
	n := e.count()
	if _, err := c.Query("s", "x"); err == nil {
		t.Error("a session that has ended takes a query")
	}
	start(t, c, e, "other", root) // time for something late
	for _, x := range e.all()[n:] {
		if u, ok := x.(*updated); ok && u.SessionID == "s" {
			t.Errorf("told after the end: %+v", u)
		}
	}
}

func TestManySessionsAtOnce(t *testing.T) {
	root := tree(t, "a/b/c", "a/d", "e")
	c, e := newClient(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := fmt.Sprint("s", i%4)
			for range 20 {
				if release, err := c.StartSession(id, []string{root}); err == nil {
					release()
				}
				if release, err := c.Query(id, "c"); err == nil {
					release()
				}
				if i > 5 {
					c.EndSession(id)
				}
			}
		})
	}
	all.Wait()
	start(t, c, e, "last", root)
	if got := ask(t, c, e, "last", "c"); !slices.Equal(got, []string{"a/b/c"}) {
		t.Errorf("found %q", got)
	}
}

func TestSearch(t *testing.T) {
	root, other := tree(t, "src/zebra.go", "src/zoo/zebra_test.go", "docs/manual.md"), tree(t, "zebrafish.txt")
	c, _ := newClient(t)
	found, err := c.Search(t.Context(), "zebra", []string{root, other}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(found), []string{"src/zebra.go", "src/zoo/zebra_test.go", "zebrafish.txt"}; !slices.Equal(got, want) {
		t.Fatalf("found %q, want %q", got, want)
	}
	if f := found[2]; f.Root != other || f.FileName != "zebrafish.txt" || f.MatchType != protocol.FuzzyFileSearchMatchTypeFile || f.Score != 1<<16+134 {
		t.Errorf("told %+v", f)
	}
	for _, x := range []struct {
		text  string
		roots []string
	}{{"", []string{root}}, {"zebra", nil}, {"zebra", []string{root + "/missing"}}, {"zzzz", []string{root}}} {
		if found, err := c.Search(t.Context(), x.text, x.roots, ""); found == nil || len(found) > 0 || err != nil {
			t.Errorf("%q in %q: %v, %v; want an empty list", x.text, x.roots, found, err)
		}
	}
}

func TestSearchTellsTheFirstOfEquals(t *testing.T) {
	var names []string
	for i := range 130 {
		names = append(names, fmt.Sprintf("d%d/f%03d_abc.txt", i%7, i))
	}
	root := tree(t, names...)
	c, _ := newClient(t)
	found, err := c.Search(t.Context(), "abc", []string{root}, "")
	slices.Sort(names)
	if !slices.Equal(paths(found), names[:mostFinds]) || err != nil {
		t.Errorf("found %q %v", paths(found), err)
	}
}

func TestSearchEnds(t *testing.T) {
	root := tree(t, "a", "b")
	c, _ := newClient(t)
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.Search(ended, "a", []string{root}, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a search whose caller is gone: %v", err)
	}
	stopped := false
	done, err := c.begin(&search{cancel: func() { stopped = true }}, "token")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := c.Search(t.Context(), "a", []string{root}, "other"); len(found) != 1 || err != nil || stopped {
		t.Errorf("another token: %v %v, stopped %v", found, err, stopped)
	}
	if found, err := c.Search(t.Context(), "a", []string{root}, "token"); len(found) != 1 || err != nil || !stopped {
		t.Errorf("the same token: %v %v, stopped %v", found, err, stopped)
	}
	done()
	c.Close()
	if _, err := c.Search(t.Context(), "a", []string{root}, ""); err == nil {
		t.Error("a closed client searches")
	}
}
