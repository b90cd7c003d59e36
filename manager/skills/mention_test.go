package skills

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// TestMentioned holds the choice against what was recorded for the same inputs.
func TestMentioned(t *testing.T) {
	w := newWorld(t)
	a := w.skill("codex/skills/a")
	w.skill("codex/skills/a/b/c c")
	x := w.skill("out/x")
	os.MkdirAll(w.home+"/.agents/skills", 0o755)
	os.Symlink(w.dir+"/out/x", w.home+"/.agents/skills/lx")
	w.skill("ws/.agents/skills/clash")
	w.skill("codex/skills/clash")
	w.skill("ws/.agents/skills/hid")
	w.file("ws/.agents/skills/hid/agents/openai.yaml", "policy: {allow_implicit_invocation: false}\n")
	off := w.skill("ws/.agents/skills/off")
	w.skill("ws/.agents/skills/path")
	w.settings.Rules = []Rule{{Name: "off"}}
	sn := w.list(false)
	text := func(s string) []protocol.UserInput { return []protocol.UserInput{&protocol.UserInputText{Text: s}} }
	item := func(name, path string) protocol.UserInput { return &protocol.UserInputSkill{Name: name, Path: path} }
	for _, c := range []struct {
		input []protocol.UserInput
		want  string
	}{
		{text("nothing here, $ 5, $nosuch, $A"), ""},
		{text("$a"), "a"},
		{text("foo$a, bar"), "a"},
		{text("$$a"), "a"}, {text(`\$a`), "a"}, {text("`$a`"), "a"}, {text("$a.b"), "a"}, {text("$aé"), "a"}, {text("($a)!"), "a"},
		{text("$a: and $a-b $a_c"), ""},
		{text("$A $PATH $path $a"), "a"},
		{text("$hid and $a"), "hid a"}, // in the order of the list
		{text("$clash"), ""},
		{text("$off"), ""},
		{text("[$off](" + off + ")"), ""},
		{text("[$a](" + a + ")"), "a"},
		{text("[$a](skill://" + a + ")"), "a"},
		{text("[$a] \n (" + a + ")"), "a"},
		{text("[$zz](" + x + ")"), "x"},
		{text("[$a](skill://nothing)"), ""},
		{text("[$a](skill://nothing) $a"), "a"},
		{text("[$a](app://foo) [$a](mcp://a) [$a](plugin://a)"), ""},
		{text("[ $a ](" + a + ") [$a] (" + x + ")"), "x a"},
		{text("[$a](" + strings.TrimSuffix(a, "/SKILL.md") + ")"), ""},
		{text("[a](" + a + ")"), ""},
		{text("[$c c](" + w.codex + "/skills/a/b/c c/SKILL.md)"), ""},
		{text("[$c](" + w.codex + "/skills/a/b/c c/SKILL.md)"), "c c"},
		{text("[$a](" + w.home + "/.agents/skills/lx/SKILL.md)"), ""}, // not the canonical path
		{text("[$a]() $["), "a"},
		{append(text("$a"), item("a", "/wrong")), ""},
		{append(text("$a"), item("x", x)), "x a"},
		{append(text("$a [$a]("+a+")"), item("a", a)), "a"},
		{[]protocol.UserInput{&protocol.UserInputMention{Name: "a", Path: "skill://" + a}}, ""},
	} {
		var got []string
		for _, i := range sn.Mentioned(c.input, nil) {
			got = append(got, sn.Skills[i].Name)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%+v: got %q, want %q", c.input[0], s, c.want)
		}
	}
	if got := sn.Mentioned(text("$a $hid"), func(name string) bool { return name == "a" }); len(got) != 1 || sn.Skills[got[0]].Name != "hid" {
		t.Errorf("a name that is something else's was taken: %v", got)
	}
}

func TestMessages(t *testing.T) {
	w := newWorld(t)
	path := w.skill("ws/.agents/skills/beta")
	w.skill("ws/.agents/skills/gone")
	sn := w.list(false)
	os.RemoveAll(w.ws + "/.agents/skills/gone")
	w.skill("ws/.agents/skills/beta", "edited since") // the text is read when it is needed
	messages, warnings := w.catalogue.Messages(t.Context(), sn, []int{0, 1})
	want := "<skill>\n<name>beta</name>\n<path>" + path + "</path>\n---\nname: beta\ndescription: edited since\n---\nbody of beta\n\n</skill>"
	if !slices.Equal(messages, []string{want}) {
		t.Errorf("got %q, want %q", messages, want)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "Failed to load skill gone at "+w.ws+"/.agents/skills/gone/SKILL.md: ") {
		t.Errorf("got %q", warnings)
	}
}

func FuzzScanMentions(f *testing.F) {
	for _, s := range []string{"$a [$b](c)", "[$a] (skill://x", "[$](x)", "$$", "[$a]( ) $b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		paths, names := make(map[string]bool), make(map[string]bool)
		scanMentions(s, paths, names)
		for n := range names {
			if n == "" || leadingName(n) != n || !strings.Contains(s, "$"+n) {
				t.Errorf("%q: name %q", s, n)
			}
		}
		for p := range paths {
			if !strings.Contains(s, p) {
				t.Errorf("%q: path %q", s, p)
			}
		}
	})
}
