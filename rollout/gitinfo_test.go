package rollout

import (
	"os"
	"testing"
)

func TestGitOfAThreadCanChange(t *testing.T) {
	s := testStore(t)
	word := func(s string) *string { return &s }
	recorded := &Git{CommitHash: "abc", Branch: "main"}
	if got := s.Git("a", recorded); got != recorded {
		t.Errorf("unchanged: %+v", got)
	}
	ok(t, s.SetGit("a", GitChange{Branch: word("feature"), RepositoryURL: word("u")}))
	ok(t, s.SetGit("b", GitChange{Branch: word("other")}))
	ok(t, s.SetGit("a", GitChange{CommitHash: word(""), RepositoryURL: word("v")}))
	want := Git{Branch: "feature", RepositoryURL: "v"}
	f, err := os.OpenFile(s.gitPath(), os.O_APPEND|os.O_WRONLY, 0)
	ok(t, err)
	_, err = f.WriteString("no line of ours\n{\"id\":\"a\",\"branch\":\"cut o")
	ok(t, err)
	ok(t, f.Close())
	for _, s := range []*Store{s, NewStore(s.home, Options{})} {
		if got := s.Git("a", recorded); got == nil || *got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	ok(t, s.SetGit("a", GitChange{Branch: word("again")}))
	if got := s.Git("a", nil); got == nil || got.Branch != "again" {
		t.Errorf("after a line that somebody left unfinished: %+v", got)
	}
}
