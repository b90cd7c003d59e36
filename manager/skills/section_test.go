package skills

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// entries returns the lines of the section that list skills.
func entries(s Section) []string {
	_, body, ok := strings.Cut(s.Text, "### Available skills\n")
	if !ok {
		return nil
	}
	body = strings.TrimSuffix(body, "</skills_instructions>")
	return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
}

func TestSection(t *testing.T) {
	w := newWorld(t)
	if s := w.list(false).Section(272_000); s != (Section{}) {
		t.Errorf("without skills: %+v", s)
	}
	w.skill("codex/skills/alpha", "The  alpha\n  multi")
	w.skill("codex/skills/.system/sys")
	w.skill("home/.agents/skills/beta")
	w.skill("home/.agents/skills/hid")
	w.file("home/.agents/skills/hid/agents/openai.yaml", "policy: {allow_implicit_invocation: false}\n")
	w.skill("ws/.agents/skills/gamma")
	w.skill("ws/.agents/skills/x/y/delta")
	w.skill("ws/.agents/skills/off")
	w.settings.Rules = []Rule{{Name: "off"}}
	want := strings.NewReplacer("$INTRO", intro, "$DIR", w.dir).Replace(`<skills_instructions>
## Skills
$INTRO### Skill roots
- ` + "`r0` = `$DIR/codex/skills`" + `
- ` + "`r1` = `$DIR/codex/skills/.system`" + `
- ` + "`r2` = `$DIR/home/.agents/skills`" + `
- ` + "`r3` = `$DIR/ws/.agents/skills`" + `
### Available skills
- sys: d (file: r1/sys/SKILL.md)
- delta: d (file: r3/x/y/delta/SKILL.md)
- gamma: d (file: r3/gamma/SKILL.md)
- alpha: The alpha multi (file: r0/alpha/SKILL.md)
- beta: d (file: r2/beta/SKILL.md)
</skills_instructions>`)
	if got := w.list(true).Section(272_000); got.Text != want || got.Warning != "" {
		t.Errorf("got\n%s\nwant\n%s", got.Text, want)
	}
}

// TestSectionBudget holds the entries against recorded ones, for eight skills
// whose descriptions are 10, 30, ... 150 letters long.
func TestSectionBudget(t *testing.T) {
	w := newWorld(t)
	for i := range 8 {
		w.skill(fmt.Sprintf("codex/skills/s%02d", i), strings.Repeat("D", 20*i+10))
	}
	sn := w.list(false)
	for _, c := range []struct {
		window  int64
		lengths []int // of the lines
		omitted int
	}{
		{12_000, []int{41, 61, 81, 101, 121, 141, 161, 181}, 0},
		{10_000, []int{41, 61, 81, 101, 121, 127, 127, 123}, 0},
		{8_000, []int{41, 61, 81, 91, 91, 87, 87, 87}, 0},
		{6_000, []int{41, 61, 63, 63, 63, 59, 59, 59}, 0},
		{5_000, []int{41, 51, 51, 51, 51, 51, 47, 47}, 0},
		{4_000, []int{39, 39, 39, 39, 39, 39, 39, 39}, 0},
		{3_350, []int{35, 35, 35, 30, 30, 30, 30, 30}, 0},
		{3_200, []int{30, 30, 30, 30, 30, 30, 30, 30}, 0},
		{3_000, []int{30, 30, 30, 30, 30, 30, 30}, 1},
		{2_500, []int{30, 30, 30, 30, 30, 30}, 2},
	} {
		s := sn.Section(c.window)
		var lengths []int
		tokens := 0
		for _, l := range entries(s) {
			lengths = append(lengths, len(l))
			tokens += (len(l) + 1 + 3) / 4
		}
		if !slices.Equal(lengths, c.lengths) || s.Omitted != c.omitted || (s.Warning == "") != (c.omitted == 0) {
			t.Errorf("%d: lines %v, omitted %d, warning %q; want %v", c.window, lengths, s.Omitted, s.Warning, c.lengths)
		}
		if int64(tokens) > c.window*2/100 {
			t.Errorf("%d: %d tokens", c.window, tokens)
		}
	}
	if s := sn.Section(100); s.Omitted != 8 || s.Warning != "Exceeded skills context budget. All skill descriptions were removed and 8 additional skills were not included in the model-visible skills list." {
		t.Errorf("no room at all: %+v", s)
	}
}

func TestSectionCountsCharactersWithoutAWindow(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.skill(fmt.Sprintf("codex/skills/s%02d", i), strings.Repeat("é ü ", 200))
	}
	s := w.list(false).Section(0)
	n := 0
	for _, l := range entries(s) {
		n += utf8.RuneCountInString(l) + 1
		if !utf8.ValidString(l) {
			t.Errorf("a character was cut: %q", l)
		}
	}
	if n > fallbackBudget || n < fallbackBudget-60 || s.Omitted != 0 {
		t.Errorf("%d characters, %d omitted", n, s.Omitted)
	}
}

func BenchmarkSection2000(b *testing.B) {
	w := newWorld(b)
	for i := range 1999 {
		w.skill(fmt.Sprintf("codex/skills/skill-%04d", i), fmt.Sprintf("Does thing %d (first) when someone asks for thing %d.", i, i))
	}
	sn := w.list(false)
	b.Run("made", func(b *testing.B) {
		for b.Loop() {
			sn.makeSection(272_000)
		}
	})
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			sn.Section(272_000)
		}
	})
	b.Run("list cached", func(b *testing.B) {
		for b.Loop() {
			w.list(false)
		}
	})
	b.Run("list forced, provider in process", func(b *testing.B) {
		for b.Loop() {
			w.list(true)
		}
	})
}
