package skills

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// TestGoldens plays the recorded skills/list scenarios: the entries must be the
// same, member for member.
func TestGoldens(t *testing.T) {
	const pretty = "interface:\n  display_name: \"Pretty Skill\"\n  short_description: \"Looks good\"\n  default_prompt: \"Make it pretty\"\n  brand_color: \"#112233\"\n"
	type step struct {
		answer   string // the name of the message in the recording
		index    int    // of the entry in it
		settings func(w *world, s *Settings)
	}
	in := func(dir string) func(*world, *Settings) {
		return func(w *world, s *Settings) { s.Cwd, s.ProjectRoot = w.dir+dir, w.dir+dir }
	}
	for _, c := range []struct {
		name  string
		setup func(w *world)
		steps []step
	}{
		{"skills_none", func(*world) {}, []step{
			{"answer skills/list ok", 0, in("/ws")}, {"answer skills/list ok #2", 0, in("/ws")},
			{"answer skills/list ok #2", 1, in("/home")}, {"answer skills/list ok #4", 0, in("/ws/missing")},
		}},
		{"skills_repo", func(w *world) { w.skill("ws/.agents/skills/deploy", "Deploys things.") }, []step{
			{"answer skills/list ok", 0, in("/ws")},
			{"answer skills/list ok #2", 0, func(w *world, s *Settings) { s.Cwd, s.ProjectRoot = w.ws+"/sub", w.ws }},
		}},
		{"skills_user", func(w *world) {
			w.skill("home/.agents/skills/alpha", "does a thing")
			w.skill("codex/skills/beta", "does a thing")
		}, []step{{"answer skills/list ok", 0, in("/ws")}}},
		{"skills_clash", func(w *world) {
			w.skill("ws/.agents/skills/same", "from the repo")
			w.skill("home/.agents/skills/same", "from the user")
		}, []step{{"answer skills/list ok", 0, in("/ws")}}},
		{"skills_nested", func(w *world) {
			w.skill("ws/.agents/skills/a/b/deep", "does a thing")
			w.skill("ws/.agents/skills/.secret/hidden", "does a thing")
			w.skill("ws/.agents/skills/pretty", "does a thing")
			w.file("ws/.agents/skills/pretty/agents/openai.yaml", pretty)
		}, []step{{"answer skills/list ok", 0, in("/ws")}}},
		{"skills_disable", func(w *world) {
			w.skill("ws/.agents/skills/alpha", "The alpha description.")
			w.skill("ws/.agents/skills/beta", "The beta description.")
		}, []step{
			{"answer skills/list ok", 0, func(w *world, s *Settings) { s.Rules = []Rule{{Path: w.ws + "/.agents/skills/alpha/SKILL.md"}} }},
			{"answer skills/list ok #2", 0, func(w *world, s *Settings) {
				s.Rules = []Rule{{Path: w.ws + "/.agents/skills/alpha/SKILL.md"}, {Name: "beta"}}
			}},
			{"answer skills/list ok #3", 0, func(w *world, s *Settings) { s.Rules = []Rule{{Name: "beta"}} }},
		}},
		{"skills_extra_roots", func(w *world) {
			w.skill("home/extra1/alpha", "does a thing")
			w.skill("home/extra2/beta", "does a thing")
		}, []step{
			{"answer skills/list ok", 0, func(w *world, s *Settings) { s.Extra = []string{w.home + "/extra1"} }},
			{"answer skills/list ok #2", 0, func(w *world, s *Settings) { s.Extra = []string{w.home + "/extra2"} }},
			{"answer skills/list ok #3", 0, func(w *world, s *Settings) { s.Extra = []string{w.home + "/missing"} }},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := golden(t, c.name)
			w := newWorld(t)
			c.setup(w)
			for _, s := range c.steps {
				settings := w.settings
				s.settings(w, &settings)
				sn, err := w.catalogue.List(t.Context(), settings, false)
				if err != nil {
					t.Fatal(err)
				}
				b, err := protocol.Append(nil, sn.Entry(settings.Cwd))
				if err != nil {
					t.Fatal(err)
				}
				text := strings.NewReplacer(w.ws, "$WS", w.home, "$USER", w.codex, "$HOME").Replace(string(b))
				var got any
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Fatal(err)
				}
				if want := recorded[s.answer].Result.Data[s.index]; !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got %s, want %v", s.answer, text, want)
				}
			}
		})
	}
}

type answered struct {
	Result struct{ Data []any }
}

// golden reads the messages of a recording that lies beside the repository.
func golden(t *testing.T, name string) map[string]answered {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "lab", "golden", name+".json"))
	if err != nil {
		t.Skip("the recordings are not beside the repository")
	}
	var g struct {
		Lanes map[string]struct{ Messages map[string]answered }
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g.Lanes["p1/conn"].Messages
}
