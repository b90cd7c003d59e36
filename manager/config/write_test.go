package config

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func edit(key, value string) Edit { return Edit{KeyPath: key, Value: json.RawMessage(value)} }

func (w *world) read() string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.home, "config.toml"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(b)
}

// Each case shows the whole file: what is not the edit must be there byte for byte.
func TestWrite(t *testing.T) {
	tests := []struct {
		name, before string
		edits        []Edit
		after        string
	}{
		{"value, comment kept", "# top\nmodel =   \"m\"   # my model\n\n[a]\nx=1", []Edit{edit("model", `"n"`)}, "# top\nmodel =   \"n\"   # my model\n\n[a]\nx=1"},
		{"empty file", "", []Edit{edit("model", `"n"`)}, "model = \"n\"\n"},
		{"only a comment", "# mine", []Edit{edit("model", `"n"`)}, "# mine\nmodel = \"n\"\n"},
		{"no newline at the end", "model=\"m\"", []Edit{edit("history.persistence", `"none"`)}, "model=\"m\"\n\n[history]\npersistence = \"none\"\n"},
		{"top key after the last top key", "a = 1\n\n# t\n[t]\nx = 1\n", []Edit{edit("b", `2`)}, "a = 1\nb = 2\n\n# t\n[t]\nx = 1\n"},
		{"top key before a commented section", "# file\n\n# about t\n[t]\nx = 1\n", []Edit{edit("b", `2`)}, "# file\n\nb = 2\n\n# about t\n[t]\nx = 1\n"},
		{"windows line ends", "model=\"m\" # c\r\n[t]\r\nx=1\r\n", []Edit{edit("model", `"n"`), edit("t.y", `2`), edit("u.z", `3`)},
			"model=\"n\" # c\r\n[t]\r\nx=1\r\ny = 2\r\n\r\n[u]\r\nz = 3\r\n"},
		{"into a section, comments stay", "[h]\na = 1 # keep\n# trailing\n\n[i]\n", []Edit{edit("h.b", `2`)}, "[h]\na = 1 # keep\nb = 2\n# trailing\n\n[i]\n"},
		{"into an empty section", "[h]\n# nothing yet\n[i]\n", []Edit{edit("h.b", `2`)}, "[h]\nb = 2\n# nothing yet\n[i]\n"},
		{"upsert merges", "[h]\na = 1\n", []Edit{{"h", json.RawMessage(`{"b":2,"c":{"d":3}}`), true}}, "[h]\na = 1\nb = 2\n\n[h.c]\nd = 3\n"},
		{"replace drops the rest", "[h]\na = 1 # x\nb = 1\n[h.c]\nd = 3\n", []Edit{edit("h", `{"b":2}`)}, "[h]\nb = 2\n"},
		{"table over a value", "h = 1\nk = 2\n", []Edit{edit("h", `{"b":2}`)}, "k = 2\n\n[h]\nb = 2\n"},
		{"value over a table", "k = 1\n[h]\nb = 2\n[h.c]\nd = 3\n[i]\n", []Edit{edit("h", `5`)}, "k = 1\nh = 5\n[i]\n"},
		{"dotted keys stay dotted", "s.a = true # c\nk = 1\n", []Edit{edit("s.b", `true`), edit("s.a", `false`), edit("s.c.d", `1`)}, "s.a = false # c\ns.b = true\ns.c.d = 1\nk = 1\n"},
		{"dotted inside a section", "[m]\ns.a = 1\n", []Edit{edit("m.s.b", `2`), edit("m.t", `3`)}, "[m]\ns.a = 1\ns.b = 2\nt = 3\n"},
		{"inline table", "i = { a = 1, b = { c = 2 } } # x\n", []Edit{edit("i.b.c", `3`), edit("i.b.d.e", `4`), edit("i.f", `[1]`)}, "i = { a = 1, b = { c = 3, d.e = 4 }, f = [1] } # x\n"},
		{"empty inline table", "i = {}\n", []Edit{edit("i.a", `1`)}, "i = { a = 1 }\n"},
		{"table into an inline table", "i = {a=1}\n", []Edit{{"i", json.RawMessage(`{"b":{"c":1}}`), true}}, "i = {a=1, b.c = 1}\n"},
		{"inline removal first", "i = { a = 1, b = 2, c = 3 }\n", []Edit{edit("i.a", `null`)}, "i = { b = 2, c = 3 }\n"},
		{"inline removal last", "i = { a = 1, b = 2 }\n", []Edit{edit("i.b", `null`)}, "i = { a = 1 }\n"},
		{"inline removal only", "i = { a = 1 }\nb = 1\n", []Edit{edit("i.a", `null`)}, "i = {}\nb = 1\n"},
		{"beside its relatives", "[a.x]\nk = 1\n\n[b]\nk = 1\n", []Edit{edit("a.y.k", `2`)}, "[a.x]\nk = 1\n\n[a.y]\nk = 2\n\n[b]\nk = 1\n"},
		{"parent after its child", "[a.x]\nk = 1\n", []Edit{edit("a.y", `2`)}, "[a.x]\nk = 1\n\n[a]\ny = 2\n"},
		{"quoted segments", "", []Edit{edit(`projects."/a/b.c".trust_level`, `"trusted"`)}, "[projects.\"/a/b.c\"]\ntrust_level = \"trusted\"\n"},
		{"quoted keys are found", "[projects.'/a']\ntrust_level = \"untrusted\" # c\n", []Edit{edit(`projects."/a".trust_level`, `"trusted"`)}, "[projects.'/a']\ntrust_level = \"trusted\" # c\n"},
		{"remove a line, keep the comment above", "# why\na = 1\nb = 2\n", []Edit{edit("a", `null`)}, "# why\nb = 2\n"},
		{"remove a section", "a = 1\n\n[h]\nx = 1\n\n[i]\ny = 1\n", []Edit{edit("h", `null`)}, "a = 1\n\n[i]\ny = 1\n"},
		{"remove nothing", "a = 1", []Edit{edit("x.y", `null`)}, "a = 1"},
		{"no edits", "a = 1", nil, "a = 1"},
		{"same value", "a  =  1", []Edit{edit("a", `1`)}, "a  =  1"},
		{"array over lines", "a = [\n  1, # one\n  2,\n]\nb = 1\n", []Edit{edit("b", `2`)}, "a = [\n  1, # one\n  2,\n]\nb = 2\n"},
		{"multi-line strings are skipped", "a = '''\n[b]\nc = 1'''\nd = \"\"\"x\"\"\"\"\n", []Edit{edit("b.c", `2`)}, "a = '''\n[b]\nc = 1'''\nd = \"\"\"x\"\"\"\"\n\n[b]\nc = 2\n"},
		{"text of several lines", "", []Edit{edit("t", `"a\n\"b\"\"\n\\\t"`)}, "t = \"\"\"\na\n\"b\\\"\"\n\\\\\\t\"\"\"\n"},
		{"odd values", "", []Edit{edit("a", `"\u0000\u007f\u2028é"`), edit("b", `1e3`), edit("c", `[{"x":"\n"},[]]`), edit("d", `-1.5`), edit("e", `{}`)},
			"a = \"\\u0000\\u007F\u2028é\"\nb = 1000.0\nc = [{ x = \"\\n\" }, []]\nd = -1.5\n\n[e]\n"},
		{"array of tables replaced", "[skills.bundled]\nenabled = false\n\n[[skills.config]]\nname = \"a\"\nenabled = false\n\n[z]\n", []Edit{edit("skills.config", `[{"name":"z","enabled":true}]`)},
			"[skills.bundled]\nenabled = false\n\n[skills]\nconfig = [{ enabled = true, name = \"z\" }]\n\n[z]\n"},
		{"byte order mark", "\ufeffa = 1\n", []Edit{edit("a", `2`)}, "\ufeffa = 2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.user(tt.before)
			if _, err := New(w.opts).Write(context.Background(), tt.edits, "", ""); err != nil {
				t.Fatal(err)
			}
			if got := w.read(); got != tt.after {
				t.Errorf("got\n%s\nwant\n%s", got, tt.after)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	before := "model = \"m\"\nlist = [1]\n"
	tests := []struct {
		name          string
		edit          Edit
		version, file string
		code          WriteCode
		want          string
	}{
		{"variant", edit("approval_policy", `"sometimes"`), "", "", ValidationError, "Invalid configuration: unknown variant `sometimes`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, `never`\nin `approval_policy`\n"},
		{"type", edit("sandbox_mode", `7`), "", "", ValidationError, "Invalid configuration: invalid type: unit variant, expected string only\nin `sandbox_mode`\n"},
		{"empty", edit("", `1`), "", "", ValidationError, "keyPath must not be empty"},
		{"empty segment", edit("a..b", `1`), "", "", ValidationError, "keyPath segments must not be empty"},
		{"empty quoted segment", edit(`x."".y`, `1`), "", "", ValidationError, "keyPath segments must not be empty"},
		{"quote", edit(`a."b`, `1`), "", "", ValidationError, "unterminated quoted keyPath segment"},
		{"other file", edit("model", `"x"`), "", "/tmp/other.toml", LayerReadonly, "Only writes to the user config are allowed"},
		{"relative file", edit("model", `"x"`), "", "config.toml", LayerReadonly, "Only writes to the user config are allowed"},
		{"version", edit("model", `"x"`), "sha256:0000", "", VersionConflict, "Configuration was modified since last read. Fetch latest version and retry."},
		{"null inside", edit("a", `{"b":null}`), "", "", ValidationError, "invalid value: invalid type: null, expected any valid TOML value"},
		{"big", edit("a", `12345678901234567890`), "", "", ValidationError, "invalid value: u64 value was too large"},
		{"profile", edit("profile", `"x"`), "", "", ValidationError, "`profile` is a legacy config selector and can no longer be written; use `--profile <name>` with `<name>.config.toml` instead"},
		{"profiles", edit("profiles.x.model", `"x"`), "", "", ValidationError, "`profiles` contains legacy config profile tables and can no longer be written; use `--profile <name>` with `<name>.config.toml` instead"},
		{"value as parent", edit("model.x", `1`), "", "", ValidationError, "cannot set value on non-table parent"},
		{"array as parent", edit("list.0", `1`), "", "", ValidationError, "cannot set value on non-table parent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.user(before)
			// All or nothing: a good edit in front must not survive a bad one.
			_, err := New(w.opts).Write(context.Background(), []Edit{edit("good", `1`), tt.edit}, tt.version, tt.file)
			var werr *WriteError
			if !errors.As(err, &werr) || werr.Code != tt.code || werr.Message != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if got := w.read(); got != before {
				t.Errorf("the file changed: %s", got)
			}
		})
	}
}

func TestWriteToABrokenFile(t *testing.T) {
	w := newWorld(t)
	w.user("model = [broken\n")
	_, err := New(w.opts).Write(context.Background(), []Edit{edit("model", `"x"`)}, "", "")
	var lerr *LoadError
	if !errors.As(err, &lerr) || w.read() != "model = [broken\n" {
		t.Errorf("got %v, file %q", err, w.read())
	}
}

func TestVersions(t *testing.T) {
	w := newWorld(t)
	w.user("b = 1\na = \"<é>\"\n")
	ctx := context.Background()
	l := New(w.opts)
	r, err := l.Read(ctx, "", true)
	if err != nil {
		t.Fatal(err)
	}
	// printf '{"a":"<é>","b":1}' | sha256sum
	if want := "sha256:d949cbe773ff8027"; !strings.HasPrefix(r.Layers[0].Version, want) {
		t.Errorf("version %s, want %s...", r.Layers[0].Version, want)
	}
	if empty := r.Layers[1].Version; empty != "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" {
		t.Errorf("empty layer %s", empty)
	}
	res, err := l.Write(ctx, []Edit{edit("b", `2`)}, r.Layers[0].Version, l.UserFile())
	if err != nil || res.Status != "ok" || res.FilePath != l.UserFile() {
		t.Fatalf("%+v, %v", res, err)
	}
	if again, err := l.Read(ctx, "", true); err != nil || again.Layers[0].Version != res.Version {
		t.Errorf("the version after the write is not the one it answered: %v", err)
	}
	if _, err := l.Write(ctx, nil, r.Layers[0].Version, ""); err == nil {
		t.Error("an old version was accepted")
	}
}

func TestOverridden(t *testing.T) {
	w := newWorld(t)
	w.opts.Flags = []string{`review_model="flag"`}
	l := New(w.opts)
	res, err := l.Write(context.Background(), []Edit{edit("model", `"a"`), edit("review_model", `"x"`)}, "", "")
	if err != nil || res.Status != "okOverridden" || res.Overridden == nil {
		t.Fatalf("%+v, %v", res, err)
	}
	b, err := json.Marshal(res.Overridden)
	if err != nil || !strings.Contains(string(b), `{"message":"Overridden by session flags","overridingLayer":{"name":{"type":"sessionFlags"},"version":"sha256:`) || !strings.HasSuffix(string(b), `"effectiveValue":"flag"}`) {
		t.Errorf("got %s", b)
	}
}

func TestWriteKeepsLinksAndModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes here")
	}
	w := newWorld(t)
	file := filepath.Join(w.home, "config.toml")
	l := New(w.opts)
	mode := func(path string) os.FileMode {
		t.Helper()
		fi, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.Mode()
	}
	set := func() {
		t.Helper()
		if _, err := l.Write(context.Background(), []Edit{edit("n", index(len(w.read())))}, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	set()
	if got := mode(file); got != 0o600 {
		t.Errorf("a new file has mode %v", got)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	set()
	if got := mode(file); got != 0o640 {
		t.Errorf("the mode changed to %v", got)
	}
	target := filepath.Join(filepath.Dir(w.home), "dotfiles", "codex.toml")
	w.file(target, "n = 1\n")
	os.Remove(file)
	if err := os.Symlink("../dotfiles/codex.toml", file); err != nil {
		t.Fatal(err)
	}
	set()
	if mode(file)&os.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	if b, err := os.ReadFile(target); err != nil || string(b) == "n = 1\n" {
		t.Errorf("the target was not written: %q %v", b, err)
	}
	os.Remove(target) // a link whose end is gone
	set()
	if _, err := os.Stat(target); err != nil || mode(file)&os.ModeSymlink == 0 {
		t.Errorf("dangling link: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(w.home, ".config.toml.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestReadOnlyHome(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("modes do not bind this user")
	}
	w := newWorld(t)
	w.user("a = 1\n")
	if err := os.Chmod(w.home, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := New(w.opts).Write(context.Background(), []Edit{edit("a", `2`)}, "", "")
	if err == nil || !strings.Contains(err.Error(), "writing "+filepath.Join(w.home, "config.toml")) {
		t.Errorf("got %v", err)
	}
}

func TestSetSkillEnabled(t *testing.T) {
	base := "[skills.bundled]\nenabled = false # b\n[analytics]\nenabled = false\n"
	name, path := SkillSelector{Name: "beta"}, SkillSelector{Path: "/s/SKILL.md"}
	type step struct {
		s  SkillSelector
		on bool
	}
	tests := []struct {
		name, before string
		steps        []step
		after        string
	}{
		{"off beside the other skill tables", base, []step{{name, false}}, "[skills.bundled]\nenabled = false # b\n\n[[skills.config]]\nname = \"beta\"\nenabled = false\n\n[analytics]\nenabled = false\n"},
		{"on again", base, []step{{path, false}, {name, false}, {path, true}}, "[skills.bundled]\nenabled = false # b\n\n[[skills.config]]\nname = \"beta\"\nenabled = false\n\n[analytics]\nenabled = false\n"},
		{"off twice", "", []step{{name, false}, {name, false}}, "[[skills.config]]\nname = \"beta\"\nenabled = false\n"},
		{"on without a rule", "# x\n", []step{{name, true}}, "# x\n"},
		{"doubles and others", "[[skills.config]]\nname = \"beta\"\nenabled = true\n\n[[skills.config]] # keep\nname = \"other\"\nenabled = false\n\n[[skills.config]]\nname = \"beta\"\nenabled = false\n",
			[]step{{name, true}}, "[[skills.config]] # keep\nname = \"other\"\nenabled = false\n"},
		{"inline array", "[skills]\nconfig = [{ name = \"beta\", enabled = false }, { name = \"o\", enabled = false }] # c\n", []step{{name, true}}, "[skills]\nconfig = [{ enabled = false, name = \"o\" }] # c\n"},
		{"relative path of the file", "[[skills.config]]\npath = \"~/x/SKILL.md\"\nenabled = false\n", []step{{SkillSelector{Path: "/me/x/SKILL.md"}, true}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.opts.Environ = func(string) string { return "/me" }
			w.user(tt.before)
			l := New(w.opts)
			for _, s := range tt.steps {
				if err := l.SetSkillEnabled(context.Background(), s.s, s.on); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.read(); got != tt.after {
				t.Errorf("got\n%s\nwant\n%s", got, tt.after)
			}
		})
	}
}

func TestSetTrust(t *testing.T) {
	w := newWorld(t)
	w.user("model = \"m\" # c\n")
	l := New(w.opts)
	for _, want := range []Trust{Trusted, Untrusted, Undecided} {
		if err := l.SetTrust(context.Background(), w.ws+"/", want); err != nil {
			t.Fatal(err)
		}
		if c := w.must(Query{Cwd: w.ws}); c.Trust != want {
			t.Errorf("got %v, want %v", c.Trust, want)
		}
	}
	if !strings.HasPrefix(w.read(), "model = \"m\" # c\n") {
		t.Errorf("got %s", w.read())
	}
}

func TestConfigRead(t *testing.T) {
	w := newWorld(t)
	w.system("model = \"s\"\nproject_doc_fallback_filenames = [\"A\", \"B\", \"C\"]\n")
	w.user("model = \"m\"\nfoo = 1\napproval_policy = \"on-failure\"\nproject_doc_fallback_filenames = [\"D\"]\n[projects.\"" + w.ws + "\"]\ntrust_level = \"trusted\"\n")
	w.project("", "review_model = \"r\"\n")
	w.opts.Flags = []string{"tools.web_search=true"}
	l := New(w.opts)
	r, err := l.Read(context.Background(), w.ws, true)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{"model": "m", "review_model": "r", "foo": int64(1), "approval_policy": "on-request", "model_provider": nil, "profile": nil, "instructions": nil, "allow_login_shell": true} {
		if got, ok := r.Config[k]; !ok || got != want {
			t.Errorf("%s = %v", k, got)
		}
	}
	for k, want := range map[string]LayerType{"model": LayerUser, "review_model": LayerProject, "tools.web_search": LayerFlags, "project_doc_fallback_filenames.0": LayerUser, "projects." + w.ws + ".trust_level": LayerUser} {
		if got := r.Origins[k].Name.Type; got != want {
			t.Errorf("origin of %s: %v", k, got)
		}
	}
	if _, stale := r.Origins["project_doc_fallback_filenames.1"]; stale {
		t.Error("the origin of a replaced array's element is still there")
	}
	b, err := json.Marshal(r.Layers)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":{"type":"sessionFlags"},"version":"sha256:`
	if !strings.HasPrefix(string(b), want) || !strings.Contains(string(b), `{"name":{"type":"project","dotCodexFolder":"`+w.ws+`/.codex"},`) ||
		!strings.Contains(string(b), `{"type":"user","file":"`+w.home+`/config.toml","profile":null}`) || strings.Contains(string(b), "disabledReason") {
		t.Errorf("got %s", b)
	}
	if r, err := l.Read(context.Background(), "", false); err != nil || r.Layers != nil || r.Config["review_model"] != nil {
		t.Errorf("without a cwd: %v %v", r.Layers, err)
	}
}
