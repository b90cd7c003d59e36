package rpc_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type shownSkill struct {
	Name, Path, Description string
	Enabled                 bool
}

// knowledge is what a client knows of the skills of a folder, by what it is told.
type knowledge struct {
	generation int64
	skills     map[string]shownSkill // by path
}

// follow makes a client that hears of changed skills, and lists those of its folder.
func follow(h *host) (*client, *knowledge) {
	c := h.connect()
	c.call("initialize", `{"clientInfo":{"name":"test","version":"1"},"capabilities":{"experimentalApi":true,"extensions":{"codexhost":{"notifications":["codexhost/skills/changed"]}}}}`, nil)
	return c, listGenerations(c, h.cwd)
}

func listGenerations(c *client, cwd string) *knowledge {
	c.t.Helper()
	var r struct {
		Data []struct {
			Generation int64
			Skills     []shownSkill
		}
	}
	c.call("codexhost/skills/list", fmt.Sprintf(`{"cwds":[%q]}`, cwd), &r)
	k := &knowledge{r.Data[0].Generation, map[string]shownSkill{}}
	for _, s := range r.Data[0].Skills {
		k.skills[s.Path] = s
	}
	return k
}

// until takes in what the client is told from a place on, until enough is known.
func (k *knowledge) until(c *client, from int, enough func(added, changed, removed []string) bool) (next int) {
	c.t.Helper()
	next, _ = c.await(from, func(m message) bool {
		if m.Method != "codexhost/skills/changed" {
			return false
		}
		var p struct {
			Since, Generation       int64
			Added, Changed, Removed []shownSkill
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			c.t.Errorf("%s: %v", m.line, err)
		}
		if p.Since != k.generation || p.Generation <= p.Since {
			c.t.Errorf("what is known is %d: %s", k.generation, m.line)
		}
		k.generation = p.Generation
		var names [3][]string
		for i, list := range [][]shownSkill{p.Added, p.Changed, p.Removed} {
			for _, s := range list {
				names[i] = append(names[i], s.Name)
				if k.skills[s.Path] = s; i == 2 {
					delete(k.skills, s.Path)
				}
			}
		}
		return enough(names[0], names[1], names[2])
	})
	return next
}

// putSkill writes a skill in one step: nobody sees half of it, however slow the machine.
func putSkill(t *testing.T, dir, name, description string) {
	t.Helper()
	path := filepath.Join(dir, name, "SKILL.md")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(t.TempDir(), "SKILL.md")
	if err := os.WriteFile(half, fmt.Appendf(nil, "---\nname: %s\ndescription: %s\n---\ntext of %[1]s: %[2]s\n", name, description), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(half, path); err != nil {
		t.Fatal(err)
	}
}

// A client that hears of changed skills has, without a thread, the same as whoever
// lists again, in whatever way they change.
func TestSkillsChangedTellsWhat(t *testing.T) {
	h := newHost(t)
	if err := os.WriteFile(h.home+"/config.toml", []byte("[skills.bundled]\nenabled = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(h.cwd, ".agents", "skills") // not there yet
	c, k := follow(h)
	at := 0
	for _, step := range []struct {
		what string
		do   func()
		want func(added, changed, removed []string) bool
	}{
		{"a first one", func() { putSkill(t, dir, "one", "d") }, func(a, _, _ []string) bool { return slices.Contains(a, "one") }},
		{"a second one", func() { putSkill(t, dir, "two", "d") }, func(a, _, _ []string) bool { return slices.Contains(a, "two") }},
		{"an edit", func() { putSkill(t, dir, "one", "another") }, func(_, ch, _ []string) bool { return slices.Contains(ch, "one") }},
		{"a file beside", func() {
			if err := os.WriteFile(filepath.Join(dir, "two", "notes.md"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, func(_, ch, _ []string) bool { return slices.Contains(ch, "two") }},
		{"switched off", func() { c.call("skills/config/write", `{"name":"one","enabled":false}`, nil) }, func(_, _, _ []string) bool {
			return slices.ContainsFunc(slices.Collect(maps.Values(k.skills)), func(s shownSkill) bool { return !s.Enabled })
		}},
		{"switched on in the file", func() {
			if err := os.WriteFile(h.home+"/config.toml", []byte("[skills.bundled]\nenabled = false\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, func(_, _, _ []string) bool {
			return !slices.ContainsFunc(slices.Collect(maps.Values(k.skills)), func(s shownSkill) bool { return !s.Enabled })
		}},
		{"removed", func() { os.RemoveAll(filepath.Join(dir, "one")) }, func(_, _, r []string) bool { return slices.Contains(r, "one") }},
	} {
		step.do()
		at = k.until(c, at, step.want)
	}
	if now := listGenerations(c, h.cwd); !maps.Equal(now.skills, k.skills) {
		t.Errorf("known is %v, listed %v", k.skills, now.skills)
	}
}

// Who did not ask for it is not told, and nothing is watched for them.
func TestSkillsChangedIsAskedFor(t *testing.T) {
	h := newHost(t)
	asked, k := follow(h)
	other := h.connect()
	other.initialize()
	other.call("skills/list", fmt.Sprintf(`{"cwds":[%q]}`, h.cwd), nil)
	putSkill(t, filepath.Join(h.cwd, ".agents", "skills"), "one", "d")
	k.until(asked, 0, func(a, _, _ []string) bool { return len(a) > 0 })
	other.call("skills/list", `{}`, nil)
	for _, m := range other.history() {
		if strings.HasPrefix(m.Method, "codexhost/") {
			t.Errorf("told %s", m.line)
		}
	}
}

// A turn works with the skills that there were when it began: what is said to it
// meanwhile names those.
func TestTurnPinsItsSkills(t *testing.T) {
	h := newHost(t)
	dir := filepath.Join(h.cwd, ".agents", "skills")
	putSkill(t, dir, "early", "before")
	c, k := follow(h)
	thread := c.startThread()
	turn := c.startTurn(thread, "slow:600000 working")
	c.notified("item/started", `"agentMessage"`)
	putSkill(t, dir, "late", "d")
	k.until(c, 0, func(a, _, _ []string) bool { return slices.Contains(a, "late") })
	c.call("turn/steer", fmt.Sprintf(`{"threadId":%q,"expectedTurnId":%q,"input":[{"type":"text","text":"say:done $early $late"}]}`, thread, turn), nil)
	c.notified("turn/completed", turn)
	text := rolloutOf(t, h)
	if !strings.Contains(text, "text of early") || strings.Contains(text, "text of late") {
		t.Error("the turn has another listing than it began with")
	}
	c.turn(thread, "say:again $late")
	if text := rolloutOf(t, h); !strings.Contains(text, "text of late") {
		t.Error("the next turn does not have the new skill")
	}
}

// rolloutOf is the file of the only thread.
func rolloutOf(t *testing.T, h *host) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.home, "sessions", "*", "*", "*", "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
