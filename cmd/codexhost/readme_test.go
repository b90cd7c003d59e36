package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the README tells the author of a plugin to type works as it stands, in
// the home of somebody who is new here, and says what the README says.
func TestReadmePlugin(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the README's shell is not there")
	}
	commands, want := readmeCommands(t, "## Write a plugin")
	home := t.TempDir()
	linkTo(t, filepath.Join(home, "bin", "codexhost"))
	script := "set -eo pipefail\n" + strings.Join(slices.DeleteFunc(commands, func(c string) bool {
		return c == "export PATH=$PWD/bin:$PATH" // what make build puts there stands in home here
	}), "\n")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "HOME="+home, "CODEX_HOME=", "PATH="+filepath.Join(home, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} { // they would lie below the new home
		value, err := exec.CommandContext(ctx, "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	said := strings.Split(strings.ReplaceAll(string(out), home, "/home/me"), "\n")
	for _, line := range want {
		i := slices.IndexFunc(said, func(s string) bool { return sameBut(s) == sameBut(line) })
		if i < 0 {
			t.Fatalf("nothing says, or not in this place:\n%s\nwhat is said from there on:\n%s", line, strings.Join(said, "\n"))
		}
		said = said[i+1:]
	}
}

var times = regexp.MustCompile(` +\d+ms`)

// sameBut is a line without what differs from run to run.
func sameBut(line string) string { return times.ReplaceAllString(line, " Nms") }

// readmeCommands are what is typed in the first block of a section, and what is
// to come of it, but for what three dots stand for.
func readmeCommands(t *testing.T, section string) (commands, says []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), section+"\n")
	_, text, _ = strings.Cut(text, "\n```\n")
	text, _, ok := strings.Cut(text, "\n```\n")
	if !ok {
		t.Fatalf("the README has no block below %q", section)
	}
	goesOn := false
	for line := range strings.SplitSeq(text, "\n") {
		command, typed := strings.CutPrefix(line, "$ ")
		switch {
		case goesOn:
			commands[len(commands)-1] += "\n" + line
		case typed:
			commands = append(commands, command)
		case line != "...":
			says = append(says, line)
			continue
		}
		goesOn = strings.HasSuffix(line, `\`)
	}
	if len(commands) == 0 {
		t.Fatalf("nothing is typed in the block below %q", section)
	}
	return commands, says
}

// linkTo makes this test binary, which is codexhost when it is called so,
// available at a path.
func linkTo(t *testing.T, path string) {
	t.Helper()
	exe, err := os.Executable()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.Symlink(exe, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}
