package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// greeter is a plugin with one skill, which is no file.
type greeter struct{}

func (greeter) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 1, Skills: []skill.Skill{{
		Path: "greeter:/ahoy", Name: "ahoy", Description: "How to greet on a ship.", Scope: skill.ScopeUser,
	}}}, nil
}

func (greeter) Read(_ context.Context, r skill.ReadRequest) (skill.Content, error) {
	if r.Path != "greeter:/ahoy" {
		return skill.Content{}, skill.ErrNotFound
	}
	return skill.Content{Text: []byte("---\nname: ahoy\ndescription: How to greet on a ship.\n---\nSay ahoy.\n")}, nil
}

// complainer is what greeter may become.
type complainer struct{ greeter }

func (complainer) List(context.Context, skill.ListRequest) (skill.Listing, error) {
	return skill.Listing{Generation: 1, Skills: []skill.Skill{{
		Path: "greeter:/moan", Name: "moan", Description: "How to complain on a ship.", Scope: skill.ScopeUser,
	}}}, nil
}

// shouter is a plugin with a server of one tool.
func shouter() *mcp.ToolServer {
	return &mcp.ToolServer{Name: "shouter", Version: "1", Tools: []mcp.Tool{{
		Name: "shout", ReadOnly: true,
		Schema: json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}}}`),
		Run: func(_ context.Context, arguments json.RawMessage, _ mcp.Host) (string, error) {
			var a struct{ Text string }
			err := json.Unmarshal(arguments, &a)
			return strings.ToUpper(a.Text), err
		},
	}}}
}

// What "plugin new" writes is a module of its own, outside of this one; it must
// build, pass its own test's suite and be tidy.
func TestNewPlugins(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"skill", "mcp"} {
		t.Run(kind, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			dir := filepath.Join(t.TempDir(), "my-"+kind)
			var said strings.Builder
			c := newPluginCommand(&said)
			c.SilenceErrors, c.SilenceUsage = true, true
			c.SetArgs([]string{"new", dir, "--kind", kind, "--source", source})
			if err := c.ExecuteContext(ctx); err != nil {
				t.Fatal(err)
			}
			exe := filepath.Join(dir, "my-"+kind+".exe")
			for _, args := range [][]string{{"build", "-o", exe, "."}} {
				cmd := exec.CommandContext(ctx, "go", args...)
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("go %v: %v\n%s", args, err, out)
				}
			}
			r, err := check.Run(ctx, check.Target{Path: exe, Kind: kind}, check.Limits{}, nil)
			if err != nil || !r.Passed {
				t.Errorf("%v: %+v", err, r)
			}
			if err := c.ExecuteContext(ctx); err == nil {
				t.Error("a project was written over another")
			}
			unformatted, err := exec.CommandContext(ctx, "gofmt", "-l", dir).Output()
			if err != nil || len(unformatted) > 0 {
				t.Errorf("gofmt: %v %s", err, unformatted)
			}
		})
	}
}

// A folder is installed as a whole, and the program in it finds its files there.
func TestNewPythonPlugin(t *testing.T) {
	if err := exec.Command("python3", "-c", "import grpc, google.protobuf").Run(); err != nil {
		if err := exec.Command("/usr/bin/python3", "-c", "import grpc, google.protobuf").Run(); err != nil {
			t.Skip("there is no Python with grpcio and protobuf (Debian: python3-grpcio, python3-protobuf)")
		}
		t.Setenv("PATH", "/usr/bin:"+os.Getenv("PATH"))
	}
	for kind, file := range map[string]string{"skill": "skill_pb2.py", "mcp": "codexhost_mcp.py"} {
		home, dir := t.TempDir(), filepath.Join(t.TempDir(), "pie")
		t.Setenv("CODEX_HOME", home)
		for _, args := range [][]string{{"new", dir, "--kind", kind, "--lang", "python"}, {"check", dir}, {"install", dir}, {"check", "--kind", kind, "pie"}} {
			var said strings.Builder
			c := newPluginCommand(&said)
			c.SetArgs(args)
			c.SilenceErrors, c.SilenceUsage = true, true
			if err := c.ExecuteContext(t.Context()); err != nil {
				t.Fatalf("%q: %v\n%s", args, err, said.String())
			}
		}
		if info, err := os.Stat(filepath.Join(home, pluginFolder, "pie", file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("installed: %v, %v", info, err)
		}
	}
}

func TestNewPluginRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"new", "x", "--kind", "theme"}, {"new", "x", "--lang", "cobol"}, {"new", "skills"}, {"new", "a b"}, {"new"},
	} {
		c := newPluginCommand(&strings.Builder{})
		c.SetArgs(args)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.Execute(); err == nil {
			t.Errorf("%q was accepted", args)
		}
		if _, err := os.Stat("x"); err == nil {
			t.Errorf("%q wrote something", args)
		}
	}
}

// Files that a folder's plugin needs come along; version control does not, and
// neither do links, which may lead anywhere.
func TestInstalledFolder(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "store", "p")
	for name, mode := range map[string]os.FileMode{"plugin": 0o755, "data/words.txt": 0o644, ".git/config": 0o644} {
		path := filepath.Join(from, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(from, "etc")); err != nil {
		t.Skip("no links here: ", err)
	}
	program, err := programIn(from)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second replaces the first
		path, err := copyPlugin(from, program, to)
		if err != nil || path != filepath.Join(to, "plugin") {
			t.Fatalf("%q, %v", path, err)
		}
	}
	var found []string
	filepath.WalkDir(filepath.Dir(to), func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(filepath.Dir(to), path)
		info, _ := d.Info()
		found = append(found, info.Mode().String()+" "+filepath.ToSlash(rel))
		return err
	})
	want := "drwx------ .\ndrwx------ p\ndrwx------ p/data\n-rw------- p/data/words.txt\n-rwx------ p/plugin"
	if got := strings.Join(found, "\n"); got != want {
		t.Errorf("installed:\n%s\nwant:\n%s", got, want)
	}
}
