package skills

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shown is a change in short: +added ~changed -removed, and the errors if they
// are others.
func shown(c Change, differs bool) string {
	var out []string
	for _, s := range c.Added {
		out = append(out, "+"+s.Name)
	}
	for _, s := range c.Changed {
		out = append(out, "~"+s.Name)
	}
	for _, s := range c.Removed {
		out = append(out, "-"+s.Name)
	}
	if c.Errors != nil {
		out = append(out, "errors")
		for _, e := range c.Errors {
			out = append(out, filepath.Base(filepath.Dir(e.Path)))
		}
	}
	if differs != (len(out) > 0) {
		out = append(out, "differs?")
	}
	return strings.Join(out, " ")
}

// TestChange goes through what can happen to skills, one after the other: what
// is told, and whether it is another listing.
func TestChange(t *testing.T) {
	w := newWorld(t)
	h := &hand{}
	w.watching(h, nil)
	alpha := w.skill("ws/.agents/skills/alpha")
	w.skill("ws/.agents/skills/beta")
	w.skill("out/linked")
	os.Symlink(w.dir+"/out/linked", w.ws+"/.agents/skills/link")
	w.settings.ProjectRoot = w.dir
	defer w.catalogue.Hold(w.settings)()
	root := w.ws + "/.agents/skills"
	old := w.list(false)
	for _, step := range []struct {
		name  string
		do    func()
		files []string // what the watcher says
		want  string
	}{
		{"nothing", func() {}, nil, ""},
		{"a file of no skill", func() { w.file("ws/.agents/skills/README.md", "x") }, []string{root + "/README.md"}, ""},
		{"a new one", func() { w.skill("ws/.agents/skills/gamma") }, []string{root + "/gamma"}, "+gamma"},
		{"its header", func() { w.skill("ws/.agents/skills/gamma", "another") }, []string{root + "/gamma/SKILL.md"}, "~gamma"},
		{"its text only", func() {}, []string{alpha}, "~alpha"},
		{"a file beside it", func() {}, []string{root + "/beta/scripts/run.sh"}, "~beta"},
		{"through a link", func() {}, []string{root + "/link/SKILL.md"}, "~linked"},
		{"behind a link", func() {}, []string{w.dir + "/out/linked/SKILL.md"}, "~linked"},
		{"broken", func() { w.file("ws/.agents/skills/gamma/SKILL.md", "x") }, []string{root + "/gamma/SKILL.md"}, "-gamma errors gamma"},
		{"mended", func() { w.skill("ws/.agents/skills/gamma") }, []string{root + "/gamma/SKILL.md"}, "+gamma errors"},
		{"gone", func() { os.RemoveAll(root + "/gamma") }, []string{root + "/gamma"}, "-gamma"},
		{"unknown what", func() { w.skill("ws/.agents/skills/beta", "other") }, nil, "~beta"},
		{"switched off", func() { w.settings.Rules = []Rule{{Name: "alpha"}} }, nil, "~alpha"},
	} {
		step.do()
		if len(step.files) > 0 || step.want != "" {
			h.touch(root, step.files...)
		}
		sn := w.list(false)
		if got := shown(w.catalogue.Since(old, sn)); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
		if grew := sn.Generation > old.Generation; grew != (step.want != "") {
			t.Errorf("%s: listing %d after %d", step.name, sn.Generation, old.Generation)
		}
		if again := w.list(true); again.Generation != sn.Generation {
			t.Errorf("%s: listed again it is %d, not %d", step.name, again.Generation, sn.Generation)
		}
		old = sn
	}
}
