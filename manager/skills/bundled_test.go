package skills

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestBundledSkillsAreSkills(t *testing.T) {
	w := newWorld(t)
	w.catalogue = New(Options{Providers: w.from, Builtin: "skills", Bundled: w.dir + "/bundled"})
	t.Cleanup(w.catalogue.Close)
	sn := w.list(false)
	want := []string{"system:make-a-skill", "system:review-a-change", "system:write-a-plugin"}
	if got := names(sn); !slices.Equal(got, want) || len(sn.Errors) > 0 {
		t.Errorf("got %q, %v", got, sn.Errors)
	}
	for _, s := range sn.Skills {
		if s.Interface == nil || s.Interface.DisplayName == nil || s.ShortDescription == nil || len(s.Description) > 400 ||
			s.Name != filepath.Base(filepath.Dir(s.Path)) {
			t.Errorf("%+v", s)
		}
		b, err := os.ReadFile(s.Path)
		if err != nil || len(b) > 8000 || strings.Count(string(b), "\n") > 200 {
			t.Errorf("%s has %d bytes, %v", s.Name, len(b), err)
		}
	}
	w.settings.NoBundled = true
	if got := names(w.list(false)); len(got) != 0 {
		t.Errorf("switched off, and yet %q", got)
	}
}

func TestNowhereToInstall(t *testing.T) {
	w := newWorld(t)
	w.skill("home/.agents/skills/own")
	file := w.file("file", "no folder")
	w.catalogue = New(Options{Providers: w.from, Builtin: "skills", Bundled: file})
	t.Cleanup(w.catalogue.Close)
	if sn := w.list(false); !slices.Equal(names(sn), []string{"user:own"}) || len(sn.Errors) > 0 {
		t.Errorf("got %q, %v", names(sn), sn.Errors)
	}
}

func TestInstallBundled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "skills")
	install := func() {
		t.Helper()
		if err := InstallBundled(dir); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "make-a-skill", "SKILL.md")
	read := func() string {
		b, _ := os.ReadFile(file)
		return string(b)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install()
	original := read()
	if !strings.HasPrefix(original, "---\nname: make-a-skill\n") {
		t.Fatalf("got %.40q", original)
	}
	write(file, "mine")
	install()
	if read() != "mine" {
		t.Error("an edit was undone although the skills are the same")
	}
	// Another release was here.
	write(filepath.Join(dir, marker), "other")
	write(filepath.Join(dir, "old-skill", "SKILL.md"), "old")
	write(filepath.Join(dir, "make-a-skill", "old.md"), "old")
	install()
	if _, err := os.Stat(filepath.Join(dir, "old-skill")); read() != original || err == nil {
		t.Error("what another release left is still there")
	}
	if _, err := os.Stat(filepath.Join(dir, "make-a-skill", "old.md")); err == nil {
		t.Error("a file of another release is still there")
	}
	os.Remove(filepath.Join(dir, marker))
	os.RemoveAll(filepath.Join(dir, "make-a-skill"))
	outside := t.TempDir()
	if os.Symlink(outside, filepath.Join(dir, "make-a-skill")) == nil {
		if err := InstallBundled(dir); err == nil {
			t.Error("files were written behind a link")
		}
		if left, _ := os.ReadDir(outside); len(left) > 0 {
			t.Error("files were written behind a link")
		}
	}
}

func TestManyInstallBundled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "skills")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := InstallBundled(dir); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if b, _ := os.ReadFile(filepath.Join(dir, "write-a-plugin", "SKILL.md")); !strings.Contains(string(b), "name: write-a-plugin") {
		t.Errorf("got %.40q", b)
	}
}
