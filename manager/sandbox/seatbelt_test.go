package sandbox

import (
	"strings"
	"testing"
)

// The profile can be run on macOS only; what can be held here is its shape: everything is denied first, what is taken
// away comes after what is given, and no name breaks out of its quotes.
func TestSeatbeltProfile(t *testing.T) {
	roots := []Root{
		{Path: "/w", ReadOnly: []string{"/w/.git", "/w/a/b/git"}, Missing: []string{"/w/.codex"}},
		{Path: `/odd "name\`},
	}
	got := seatbeltProfile(roots, []Hide{{Path: "/h/.ssh", Dir: true}}, false)
	last := -1
	for _, want := range []string{
		"(deny default)", "(allow file-read*)", `(allow file-write* (subpath "/w"))`, `(allow file-write* (subpath "/odd \"name\\"))`,
		`(deny file-write* (regex #"^/w/\.[gG][iI][tT](/|$)"))`, `/w/\.[cC][oO][dD][eE][xX](/|$)`,
		`(deny file-write-unlink (literal "/w/a/b"))`, `(deny file-write-unlink (literal "/w/a"))`,
		`(deny file-read* file-write* (subpath "/h/.ssh"))`,
	} {
		at := strings.Index(got, want)
		if at <= last {
			t.Errorf("%q is missing or out of order in\n%s", want, got)
		}
		last = at
	}
	if strings.Count(got, "(") != strings.Count(got, ")") {
		t.Error("parentheses do not match")
	}
	if strings.Contains(got, "network") {
		t.Error("a network that was not asked for")
	}
	if with := seatbeltProfile(nil, nil, true); !strings.Contains(with, "(allow network*)") || strings.Contains(with, "file-write* (subpath") {
		t.Errorf("a read-only profile with network:\n%s", with)
	}
}
