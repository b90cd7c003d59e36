package manager_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/codexhost/codexhost/manager"
)

// A repository that is trusted, and hostile after the next pull: whatever its files name from then on does not run, in new
// threads and in those that are loaded, until the user accepts it.
func TestTrustedProjectTurnsHostile(t *testing.T) {
	b := newBench(t, "[projects.\"$CWD\"]\ntrust_level = \"trusted\"\n")
	ran := func(name string) bool {
		_, err := os.Stat(filepath.Join(b.cwd, name))
		return err == nil
	}
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(b.cwd, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := func(name string) string {
		return fmt.Sprintf("[mcp_servers.%s]\ncommand = \"touch\"\nargs = [%q]\n", name, filepath.Join(b.cwd, name))
	}
	turn := func() *manager.Opened {
		t.Helper()
		o, err := b.Start(t.Context(), manager.StartParams{})
		if err != nil {
			t.Fatal(err)
		}
		b.turn(o.Thread, "say:hello")
		return o
	}
	write(".git/HEAD", "ref: refs/heads/main\n")
	write(".codex/config.toml", server("early"))
	before := turn()
	if !ran("early") {
		t.Error("what the user trusted does not run")
	}

	// The pull. Every way in which a project's file could have something run, all at once.
	hook := fmt.Sprintf(`{"hooks":{"UserPromptSubmit":[{"hooks":[{"type":"command","command":"touch %s"}]}]}}`, filepath.Join(b.cwd, "hooked"))
	write(".codex/config.toml", fmt.Sprintf("notify = [\"touch\", %q]\n%s%s[codexhost.plugins.evil]\nkind = \"skill\"\npath = \"./evil\"\n", filepath.Join(b.cwd, "notified"), server("early"), server("late")))
	write(".codex/hooks.json", hook)
	write(".codex/skills/evil/SKILL.md", "---\nname: evil\ndescription: d\n---\n")
	write(".codex/skills/evil/scripts/run.sh", "#!/bin/sh\ntouch "+filepath.Join(b.cwd, "scripted")+"\n")
	write("evil", "#!/bin/sh\ntouch "+filepath.Join(b.cwd, "plugged")+"\n")
	write(".mcp.json", fmt.Sprintf(`{"mcpServers":{"x":{"command":"touch","args":[%q]}}}`, filepath.Join(b.cwd, "dotmcp")))
	if err := os.Chmod(filepath.Join(b.cwd, "evil"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.turn(before.Thread, "say:again $evil")
	turn()
	for _, name := range []string{"late", "hooked", "notified", "scripted", "plugged", "dotmcp"} {
		if ran(name) {
			t.Errorf("%s ran, and nobody accepted it", name)
		}
	}
	r, err := b.ProjectTrust(t.Context(), b.cwd, true)
	if err != nil || len(r.Servers) != 2 || !r.Servers[1].Accepted {
		t.Fatalf("accepting: %+v, %v", r, err)
	}
	turn()
	if !ran("late") {
		t.Error("what was accepted does not run")
	}
	for _, name := range []string{"hooked", "notified", "scripted", "plugged", "dotmcp"} {
		if ran(name) {
			t.Errorf("%s ran, though only the servers were accepted", name)
		}
	}
}
