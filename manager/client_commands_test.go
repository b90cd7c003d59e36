package manager

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/sandbox"
)

// A client's command speaks the user's language and may use colours; secrets are
// as far from it as from a model's.
func TestOwnEnviron(t *testing.T) {
	for name, value := range map[string]string{"LANG": "de_DE.UTF-8", "PAGER": "less", "LC_ALL": "", "A_TOKEN": "secret", "PLAIN": "x", "NO_COLOR": ""} {
		t.Setenv(name, value)
	}
	for _, name := range []string{"NO_COLOR", "LC_ALL", "GIT_PAGER"} {
		if err := os.Unsetenv(name); err != nil { // Setenv puts it back
			t.Fatal(err)
		}
	}
	m := &Manager{opts: Options{Home: "/home/of/host", Version: "1"}}
	for _, c := range []struct {
		name   string
		policy config.ShellEnvironment
		want   map[string]string // "-" for a name that must not be there
	}{
		{"by default", config.ShellEnvironment{Inherit: "all"}, map[string]string{
			"LANG": "de_DE.UTF-8", "PAGER": "less", "NO_COLOR": "-", "LC_ALL": "-", "GIT_PAGER": "-", "CODEX_CI": "-",
			"A_TOKEN": "-", "PLAIN": "x", "CODEX_HOME": "/home/of/host", "CODEX_SANDBOX_NETWORK_DISABLED": "1"}},
		{"nothing inherited", config.ShellEnvironment{Inherit: "none"}, map[string]string{"LANG": "-", "PAGER": "-", "PLAIN": "-"}},
		{"set by the user", config.ShellEnvironment{Inherit: "all", Set: map[string]string{"PAGER": "more", "NO_COLOR": "yes"}},
			map[string]string{"PAGER": "more", "NO_COLOR": "yes", "LANG": "de_DE.UTF-8"}},
		{"some only", config.ShellEnvironment{Inherit: "all", IncludeOnly: []string{"PLAIN"}}, map[string]string{"PLAIN": "x", "LANG": "-", "PAGER": "-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(c.policy.Set)
			got := map[string]string{}
			for _, kv := range m.ownEnviron(&config.Config{Shell: c.policy}, sandbox.Origin{NetworkOff: true}) {
				name, value, _ := strings.Cut(kv, "=")
				got[name] = value
			}
			for name, want := range c.want {
				if value, has := got[name]; want == "-" && has || want != "-" && value != want {
					t.Errorf("%s is %q (%v), want %s", name, value, has, want)
				}
			}
			if len(c.policy.Set) != before {
				t.Error("the configuration was changed")
			}
		})
	}
}

func TestOverlay(t *testing.T) {
	text := func(s string) *string { return &s }
	got := overlay([]string{"A=1", "B=2", "C=3"}, map[string]*string{
		"A": nil, "B": text("x=y"), "D": text(""), "": text("x"), "E=F": text("x"), "G": text("a\x00b"), "MISSING": nil})
	if want := []string{"B=x=y", "C=3", "D="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProfilePolicy(t *testing.T) {
	cfg := &config.Config{WorkspaceWrite: config.WorkspaceWrite{NetworkAccess: true}}
	for name, want := range map[string]sandbox.Mode{":read-only": sandbox.ReadOnly, ":workspace": sandbox.WorkspaceWrite, ":danger-full-access": sandbox.FullAccess} {
		p, err := profilePolicy(cfg, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Manager{}).confinement(cfg, "/tmp", p).Mode; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if p, err := profilePolicy(cfg, "mine"); err == nil {
		t.Errorf("a profile that nobody defined is %T", p)
	}
}
