package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/config"
)

func TestEnviron(t *testing.T) {
	host := []string{
		"PATH=/bin", "HOME=/h", "USER=u", "EDITOR=vi", "EMPTY=", "=C:=x", "broken", "EQ=a=b",
		"OPENAI_API_KEY=1", "GITHUB_TOKEN=2", "AWS_SECRET_ACCESS_KEY=3", "aws_session_token=4", "MySecret=5", "DB_PASSWORD=6",
		"GOOGLE_APPLICATION_CREDENTIALS=7", "SSH_AUTH_SOCK=/s",
	}
	secrets := []string{"OPENAI_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "aws_session_token", "MySecret", "DB_PASSWORD", "GOOGLE_APPLICATION_CREDENTIALS"}
	all := config.ShellEnvironment{Inherit: "all", IgnoreDefaultExcludes: true} // what no table at all reads as
	with := func(change func(*config.ShellEnvironment)) config.ShellEnvironment {
		p := all
		change(&p)
		return p
	}
	for _, c := range []struct {
		name    string
		policy  config.ShellEnvironment
		keep    bool
		has, no []string
	}{
		{"default", all, false, []string{"PATH=/bin", "EDITOR=vi", "EMPTY=", "EQ=a=b", "SSH_AUTH_SOCK=/s"}, append(secrets, "broken", "")},
		{"kept by the host's setting", all, true, []string{"OPENAI_API_KEY=1", "DB_PASSWORD=6"}, nil},
		{"kept by the user", with(func(p *config.ShellEnvironment) { p.DefaultExcludesSet = true }), false, []string{"GITHUB_TOKEN=2"}, nil},
		{"dropped by the user", with(func(p *config.ShellEnvironment) { p.DefaultExcludesSet, p.IgnoreDefaultExcludes = true, false }), true, nil, secrets},
		{"core", with(func(p *config.ShellEnvironment) { p.Inherit = "core" }), false, []string{"PATH=/bin", "HOME=/h", "USER=u"}, []string{"EDITOR", "EQ"}},
		{"none", with(func(p *config.ShellEnvironment) { p.Inherit = "none" }), false, []string{"NO_COLOR=1"}, []string{"PATH", "HOME"}},
		{"exclude", with(func(p *config.ShellEnvironment) { p.Exclude = []string{"ed*R", "E?"} }), false, []string{"EMPTY="}, []string{"EDITOR", "EQ"}},
		{"set wins", with(func(p *config.ShellEnvironment) {
			p.Set = map[string]string{"MY_TOKEN": "9", "EDITOR": "ed", "PAGER": "less", "bad=name": "x"}
		}), false, []string{"MY_TOKEN=9", "EDITOR=ed", "PAGER=less", "GIT_PAGER=cat"}, []string{"bad=name"}},
		{"include only", with(func(p *config.ShellEnvironment) {
			p.IncludeOnly = []string{"PATH", "E*"}
			p.Set = map[string]string{"EXTRA": "1", "OTHER": "2"}
		}), false, []string{"PATH=/bin", "EDITOR=vi", "EXTRA=1", "CODEX_THREAD_ID=t"}, []string{"HOME", "OTHER"}},
	} {
		got := Environ(c.policy, host, c.keep, Origin{ThreadID: "t", NetworkOff: true})
		for _, kv := range append(c.has, "CODEX_THREAD_ID=t", "CODEX_CI=1", "COLORTERM=", "CODEX_SANDBOX_NETWORK_DISABLED=1") {
			if !slices.Contains(got, kv) {
				t.Errorf("%s: %q is missing in %q", c.name, kv, got)
			}
		}
		for i, kv := range got {
			name, _, _ := strings.Cut(kv, "=")
			if slices.Contains(c.no, name) {
				t.Errorf("%s: %q reaches the command", c.name, kv)
			}
			if i > 0 && got[i-1] >= kv {
				t.Errorf("%s: %q after %q", c.name, kv, got[i-1])
			}
		}
		if slices.Contains(got, "CODEX_SESSION_ID=") {
			t.Errorf("%s: an empty id is told", c.name)
		}
	}
}

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"*KEY*", "key", true}, {"*KEY*", "my_Key_2", true}, {"*KEY*", "KE_Y", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"a?c", "ABC", true}, {"a?c", "ac", false}, {"*a*b*c", "xaybzc", true}, {"*a*b*c", "xaybzcd", false},
		{"**", "x", true}, {"a*", "ba", false}, {"*aab", "aaaab", true}, {"[a]", "a", false}, {"[a]", "[A]", true},
	} {
		if got := matchGlob(c.glob, c.name); got != c.want {
			t.Errorf("matchGlob(%q, %q) = %v", c.glob, c.name, got)
		}
	}
}
