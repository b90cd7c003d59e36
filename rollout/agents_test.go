package rollout

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAgentsOfAThread(t *testing.T) {
	s := NewStore(t.TempDir(), Options{Fsync: FsyncOff})
	n := 0
	thread := func(parent, source, said string) string {
		t.Helper()
		n++
		id := "01990000-0000-7000-8000-00000000000" + string(rune('0'+n))
		r, err := s.Create(Meta{ID: id, ParentThreadID: parent, Source: json.RawMessage(source), Cwd: "/", ModelProvider: "p"})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Materialize(ResponseItem(json.RawMessage(`{"type":"function_call","call_id":"c","name":"` + said + `","arguments":"{}"}`))); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return id
	}
	spawned := func(parent string) string {
		return `{"subagent":{"thread_spawn":{"parent_thread_id":"` + parent + `","depth":1}}}`
	}
	root := thread("", `"vscode"`, "spawn_agent")
	child := thread(root, spawned(root), "spawn_agent")
	grandchild := thread(child, spawned(child), "other")
	thread(root, `{"subagent":"review"}`, "other")
	quiet := thread("", `"vscode"`, "other")
	thread(quiet, spawned(quiet), "other") // its parent never called the tool: nobody looks
	if _, err := s.Archive(grandchild); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string][]string{root: {child, grandchild}, child: {grandchild}, grandchild: nil, quiet: nil, "01990000-0000-7000-8000-0000000000ff": nil} {
		if got, err := s.Agents(id); err != nil || !slices.Equal(got, want) {
			t.Errorf("agents of %s: %q, %v; want %q", id, got, err, want)
		}
	}
}

// A word counts wherever it lies, also across two reads.
func TestMentions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	const word = "spawn_agent"
	for before := 256<<10 - len(word) - 1; before <= 256<<10+1; before++ {
		if err := os.WriteFile(path, []byte(strings.Repeat("x", before)+word+"y"), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := mentions(path, []byte(word)); err != nil || !found {
			t.Fatalf("at %d: %v, %v", before, found, err)
		}
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("spawn_agen ", 60_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := mentions(path, []byte(word)); err != nil || found {
		t.Errorf("none: %v, %v", found, err)
	}
	if found, err := mentions(path+"x", []byte(word)); err != nil || found {
		t.Errorf("no file: %v, %v", found, err)
	}
}
