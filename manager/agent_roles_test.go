package manager_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const roles = `
[agents.scout]
description = "Looks around."
config_file = "roles/scout.toml"
nickname_candidates = ["Pip", "Squeak"]

[agents.worker]
description = "Mine."

[agents.lost]
config_file = "roles/none.toml"
`

// A role's file says how an agent works. What an agent may do is not its to say.
func TestAgentsHaveRoles(t *testing.T) {
	f := newFolders(t)
	config := filepath.Join(f.dir, "config.toml")
	plain, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	scout := "model_reasoning_effort = \"low\"\ndeveloper_instructions = \"You are a scout.\"\nsandbox_mode = \"danger-full-access\"\napproval_policy = \"never\"\nnotify = [\"evil\"]\n"
	for path, text := range map[string]string{config: string(plain) + roles, filepath.Join(f.dir, "roles", "scout.toml"): scout} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := f.in(t)
	h.boot()
	t.Cleanup(h.stop)
	parent := h.start()
	before := parent.Snapshot().Settings
	for _, role := range []string{"scout", "scout", "scout", "explorer", "worker", "default"} {
		h.turn(parent, `call:multi_agent_v1/spawn_agent {"message":"say:here","agent_type":"`+role+`","reasoning_effort":"high"} ;; say:x`)
	}
	ids := h.agents(parent.ID())
	if len(ids) != 6 {
		t.Fatalf("%d agents: %q", len(ids), h.outputs(parent.ID()))
	}
	for i, want := range []struct {
		role, nickname, effort, text string
	}{
		{"scout", "Pip", "low", "You are a scout."}, {"scout", "Squeak", "low", "You are a scout."}, {"scout", "Ada", "low", "You are a scout."},
		{"explorer", "", "high", ""}, {"worker", "", "high", ""}, {"default", "", "high", ""},
	} {
		th, err := h.Get(ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := th.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := th.Snapshot().Settings
		if s.Effort != want.effort || s.DeveloperInstructions != want.text {
			t.Errorf("agent %d works with effort %q and instructions %q", i, s.Effort, s.DeveloperInstructions)
		}
		if s.Approval != before.Approval || !reflect.DeepEqual(s.Sandbox, before.Sandbox) {
			t.Errorf("agent %d may do more than its thread: %v %v", i, s.Approval, s.Sandbox)
		}
		r, err := h.Read(t.Context(), ids[i], false)
		if err != nil {
			t.Fatal(err)
		}
		v := r.Thread
		if v.AgentRole == nil || *v.AgentRole != want.role || want.nickname != "" && *v.AgentNickname != want.nickname {
			t.Errorf("agent %d is shown as %v, %v", i, v.AgentRole, v.AgentNickname)
		}
	}
	for role, why := range map[string]string{"lost": "none.toml", "zork": "unknown agent_type 'zork'"} {
		h.turn(parent, `call:multi_agent_v1/spawn_agent {"message":"x","agent_type":"`+role+`"} ;; say:x`)
		said := h.outputs(parent.ID())
		if !strings.Contains(strings.Join(said, "\n"), why) {
			t.Errorf("%s: %q", role, said)
		}
	}

	// A closed agent comes back in its role.
	h.turn(parent, `call:multi_agent_v1/close_agent {"target":"`+ids[0]+`"} ;; call:multi_agent_v1/resume_agent {"id":"`+ids[0]+`"} ;; say:x`)
	again, err := h.Get(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if s := again.Snapshot().Settings; s.DeveloperInstructions != "You are a scout." {
		t.Errorf("the agent that came back has instructions %q", s.DeveloperInstructions)
	}
}

// What was said to agents goes where the conversation goes.
func TestAgentsAreFiledWithTheirThread(t *testing.T) {
	h := newHome(t)
	parent := h.start()
	ids := h.spawn(parent, "say:one", "say:two")
	other := h.start("say:hello").ID()
	for _, id := range ids {
		th, err := h.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := th.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	root := parent.ID()
	moved, err := h.Archive(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "archived", moved, []string{root, ids[1], ids[0]})
	for _, id := range moved {
		if f, err := h.store.Find(id); err != nil || !f.Archived {
			t.Errorf("%s is not in the archive: %v", id, err)
		}
	}
	if f, err := h.store.Find(other); err != nil || f.Archived {
		t.Errorf("a thread that has nothing to do with it: %+v, %v", f, err)
	}
	v, moved, err := h.Unarchive(t.Context(), root)
	if err != nil || v.ID != root {
		t.Fatal(v.ID, err)
	}
	same(t, "unarchived", moved, []string{root, ids[0], ids[1]})
	gone, err := h.Delete(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "deleted", gone, []string{ids[1], ids[0], root})
	for _, id := range gone {
		if _, err := h.store.Find(id); err == nil {
			t.Errorf("%s is still there", id)
		}
	}
	if _, err := h.store.Find(other); err != nil {
		t.Error(err)
	}
}
