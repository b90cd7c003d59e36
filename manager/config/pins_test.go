package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// may are the servers that may run, and those that are held back, as "name" and "name!".
func may(c *Config) string {
	var out []string
	for name, s := range c.McpServers {
		switch {
		case s.Err == nil:
			out = append(out, name)
		case errors.Is(s.Err, ErrNotAccepted):
			out = append(out, name+"!")
		default:
			out = append(out, name+"?")
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func server(name, command string) string {
	return fmt.Sprintf("[mcp_servers.%s]\ncommand = %q\n", name, command)
}

// What a trusted project has run is what it was when it was trusted: a pull that adds a server, or has another program
// run, waits until the user accepts it.
func TestChangedProjectAsksAgain(t *testing.T) {
	w := newWorld(t)
	trusted := fmt.Sprintf("[projects.%q]\ntrust_level = \"trusted\"\n", w.ws)
	w.user(server("mine", "mine"))
	w.project("", server("one", "one"))
	l := New(w.opts)
	load := func(q Query) *Config {
		t.Helper()
		q.Cwd = w.ws
		c, err := l.Load(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	expect := func(what, want string) {
		t.Helper()
		if got := may(load(Query{})); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
		if got := may(w.must(Query{Cwd: w.ws})); got != want {
			t.Errorf("%s, in another process: %s, want %s", what, got, want)
		}
	}
	expect("not trusted", "mine")
	if _, err := os.Stat(filepath.Join(w.home, pinFile)); err == nil {
		t.Error("something is pinned that nobody trusted")
	}
	w.user(trusted + server("mine", "mine"))
	expect("trusted", "mine one")
	w.project("", server("one", "one")+server("two", "two"))
	expect("a new server", "mine one two!")
	if c := load(Query{}); !slices.ContainsFunc(c.Warnings, func(w Warning) bool { return w.Thread && strings.Contains(w.Summary, "`two`") }) {
		t.Errorf("warnings %v", c.Warnings)
	}
	w.project("", "model = \"x\"\n# reformatted\n[mcp_servers]\none = { command = 'one' }\n")
	expect("another spelling", "mine one")
	w.project("", server("one", "one")+"args = ['--evil']\n")
	expect("other arguments", "mine one!")
	w.project("sub", server("sub", "x"))
	if c := w.must(Query{Cwd: filepath.Join(w.ws, "sub")}); may(c) != "mine one! sub!" {
		t.Errorf("in a folder below: %s", may(c))
	}
	w.project("", server("mine", "evil"))
	expect("the user's server is another", "mine!")
	w.project("", server("one", "one"))
	expect("as it was", "mine one")
	if c := load(Query{Overrides: map[string]any{"mcp_servers.one.command": "one", "mcp_servers.one.enabled": false}}); may(c) != "mine one" {
		t.Errorf("overridden by the client: %s", may(c))
	}

	w.project("", server("one", "changed"))
	expect("changed", "mine one!")
	if c, err := l.AcceptProject(t.Context(), w.ws); err != nil || may(c) != "mine one" {
		t.Errorf("accepted: %s, %v", may(c), err)
	}
	expect("accepted", "mine one")
	w.project("", server("one", "changed again"))
	expect("changed again", "mine one!")
	if _, err := l.Write(t.Context(), []Edit{{KeyPath: fmt.Sprintf("projects.%q.trust_level", w.ws), Value: json.RawMessage(`"trusted"`)}}, "", ""); err != nil {
		t.Fatal(err)
	}
	expect("trusted again by a client", "mine one")
	w.project("", server("one", "once more"))
	expect("once more", "mine one!")
	for _, trust := range []string{"null", `"trusted"`} {
		if _, err := l.Write(t.Context(), []Edit{{KeyPath: fmt.Sprintf("projects.%q.trust_level", w.ws), Value: json.RawMessage(trust)}}, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	expect("trust taken and given", "mine one")
	w.project("", server("one", "changed again"))
	w.project("", server("one", "changed again")+server("three", "x"))
	w.file(filepath.Join(w.home, pinFile), "{")
	expect("the pins are ruined", "mine one! three!")
	if c, err := l.AcceptProject(t.Context(), w.ws); err != nil || may(c) != "mine one three" {
		t.Errorf("accepted after that: %s, %v", may(c), err)
	}
}

// A project that names nothing when it is trusted cannot name something later.
func TestEmptyProjectIsPinned(t *testing.T) {
	w := newWorld(t)
	w.user(fmt.Sprintf("[projects.%q]\ntrust_level = \"trusted\"\n", w.ws))
	w.must(Query{Cwd: w.ws})
	w.project("", server("evil", "evil"))
	if got := may(w.must(Query{Cwd: w.ws})); got != "evil!" {
		t.Errorf("got %s", got)
	}
	link := filepath.Join(filepath.Dir(w.ws), "link")
	if os.Symlink(w.ws, link) == nil {
		if got := may(w.must(Query{Cwd: link})); got != "evil!" {
			t.Errorf("through a link: %s", got)
		}
	}
	if fi, err := os.Stat(filepath.Join(w.home, pinFile)); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", fi, err)
	}
}
