package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// tree makes a folder with files, each holding its own name; a name that ends in
// a slash is a folder, "a -> b" a link, "a: text" a file that holds the text.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plant(t, root, names...)
	return root
}

func plant(t testing.TB, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		name, target, isLink := strings.Cut(name, " -> ")
		name, text, hasText := strings.Cut(name, ": ")
		if !hasText {
			text = name
		}
		path := filepath.Join(root, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(filepath.FromSlash(target), path)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o777)
		default:
			err = os.WriteFile(path, []byte(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ear keeps what a client is told.
type ear struct {
	t     testing.TB
	mu    sync.Mutex // guards the fields below
	cond  sync.Cond
	heard []any
	late  bool
}

// newClient makes a client of a service of its own, and closes both in the end.
func newClient(t testing.TB) (*Client, *ear) {
	t.Helper()
	e := &ear{t: t}
	e.cond.L = &e.mu
	s := New(Options{})
	t.Cleanup(s.Close)
	return s.Client(func(_ string, params any) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, params)
		e.cond.Broadcast()
	}), e
}

// wait gives the first thing heard from the n-th on that fits, and the number of the next one.
func (e *ear) wait(n int, what string, fits func(any) bool) (any, int) {
	e.t.Helper()
	timer := time.AfterFunc(patience, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.late = true
		e.cond.Broadcast()
	})
	defer timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		for ; n < len(e.heard); n++ {
			if fits(e.heard[n]) {
				return e.heard[n], n + 1
			}
		}
		if e.late {
			e.t.Fatalf("not heard within %v: %s; heard %d things", patience, what, len(e.heard))
		}
		e.cond.Wait()
	}
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard)
}

func (e *ear) all() []any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]any(nil), e.heard...)
}

func paths(found []protocol.FuzzyFileSearchResult) []string {
	list := make([]string, len(found))
	for i, f := range found {
		list[i] = filepath.ToSlash(f.Path)
	}
	return list
}
