package config

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden is as much of a recorded session as these tests need.
type golden struct {
	Lanes map[string]struct {
		Messages map[string]struct {
			Error struct {
				Message string
				Data    struct {
					Code WriteCode `json:"config_write_error_code"`
				}
			}
			Params struct {
				Summary, Details, Path string
				Range                  struct{ Start, End struct{ Line, Column int } }
			}
		}
	}
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "lab", "golden", name+".json"))
	if os.IsNotExist(err) {
		t.Skip("the recorded sessions are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGoldenBrokenFile(t *testing.T) {
	g := readGolden(t, "config_broken_file")
	w := newWorld(t)
	w.user("model = [broken\n")
	_, err := w.load(Query{Cwd: w.ws})
	var lerr *LoadError
	if !errors.As(err, &lerr) {
		t.Fatal(err)
	}
	home := strings.NewReplacer("$HOME", w.home)
	if want := home.Replace(g.Lanes["p1/conn"].Messages["answer thread/start error -32600"].Error.Message); err.Error() != want {
		t.Errorf("got %s\nwant %s", err, want)
	}
	want := g.Lanes["p1/~configWarning"].Messages["configWarning"].Params
	got := lerr.Warning()
	if got.Summary != want.Summary || got.Details != home.Replace(want.Details) || got.Path != home.Replace(want.Path) ||
		got.Line != want.Range.Start.Line || got.Column != want.Range.Start.Column || got.EndLine != want.Range.End.Line || got.EndColumn != want.Range.End.Column {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestGoldenWriteErrors(t *testing.T) {
	g := readGolden(t, "config_write_errors")
	w := newWorld(t)
	w.user("model = \"mock-model\"\n")
	l := New(w.opts)
	calls := []struct {
		edit          Edit
		version, file string
	}{
		{edit: edit("approval_policy", `"sometimes"`)}, {edit: edit("sandbox_mode", `7`)}, {edit: edit("", `"x"`)}, {edit: edit("a..b", `"x"`)},
		{}, // a strategy that is none is refused while the request is decoded
		{edit: edit("model", `"x"`), file: w.ws + "/other.toml"}, {edit: edit("model", `"x"`), file: "relative.toml"},
		{edit: edit("model", `"x"`), version: "sha256:0000"},
	}
	for i, c := range calls {
		if c.edit.Value == nil {
			continue
		}
		label := "answer config/value/write error -32600"
		if i > 0 {
			label += " #" + index(i+1)
		}
		want, ok := g.Lanes["p1/conn"].Messages[label]
		if !ok {
			t.Fatalf("no %q", label)
		}
		_, err := l.Write(context.Background(), []Edit{c.edit}, c.version, c.file)
		var werr *WriteError
		if !errors.As(err, &werr) || werr.Code != want.Error.Data.Code || werr.Message != want.Error.Message {
			t.Errorf("%s: got %v\nwant %s", label, err, want.Error.Message)
		}
	}
	if _, err := l.Write(context.Background(), []Edit{edit("unknown_key_of_the_lab", `"x"`)}, "", ""); err != nil {
		t.Errorf("an unknown key is refused: %v", err)
	}
}

// The lines of config.toml that a client sees after skills were switched.
func TestGoldenSkillRules(t *testing.T) {
	w := newWorld(t)
	w.user("[tools.update_plan]\nenabled = true\n[skills.bundled]\nenabled = false\n[analytics]\nenabled = false\n\n[features]\nplugins = false\n")
	l := New(w.opts)
	ctx := context.Background()
	for _, s := range []struct {
		sel SkillSelector
		on  bool
	}{{SkillSelector{Path: "/ws/alpha/SKILL.md"}, false}, {SkillSelector{Name: "beta"}, false}, {SkillSelector{Path: "/ws/alpha/SKILL.md"}, true}} {
		if err := l.SetSkillEnabled(ctx, s.sel, s.on); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	for _, l := range strings.Split(w.read(), "\n") {
		if strings.Contains(l, "skills") || strings.Contains(l, "enabled = ") {
			lines = append(lines, l)
		}
	}
	want := "enabled = false|[[skills.config]]|enabled = false|enabled = false"
	if got := strings.Join(lines[len(lines)-4:], "|"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
