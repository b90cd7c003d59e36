package hooks

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The hashes are the reference's for the same files.
func TestFingerprints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.toml("[[hooks.Stop]]\nmatcher = \"zzz\"\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"echo stop\"\ntimeout = 5\n")
	w.write(w.file(), `{"description":"x","hooks":{
 "PreToolUse":[{"matcher":"^Bash$","hooks":[{"type":"command","command":"./check.sh","timeout":30,"statusMessage":"checking"},{"type":"command","command":"b","timeout":0,"async":true,"additionalContextLimit":100,"commandWindows":"b"}]},
   {"matcher":"*","hooks":[{"type":"command","command":"c"},{"type":"prompt"},{"type":"agent"},{"type":"command","command":"  "}]},
   {"matcher":"","hooks":[{"type":"command","command":"d"},{"type":"mcp_tool","server":"s","tool":"t","input":{}}]}],
 "UserPromptSubmit":[{"matcher":"x","hooks":[{"type":"command","command":"a"}]}],
 "SessionEnd":[{"hooks":[{"type":"command","command":"a","timeout":99}]}],
 "Interrupt":[{"hooks":[{"type":"command","command":"a"}]}]}}`)
	set := w.load()
	want := []struct{ key, hash string }{
		{"hooks.json:pre_tool_use:0:0", "1fb57ed7"}, {"hooks.json:pre_tool_use:0:1", "f697ab0f"}, {"hooks.json:pre_tool_use:1:0", "2c26e9ed"},
		{"hooks.json:pre_tool_use:2:0", "4d120299"}, {"hooks.json:pre_tool_use:2:1", "4ae0fc89"}, {"hooks.json:session_end:0:0", "42a53073"},
		{"hooks.json:user_prompt_submit:0:0", "aed49e88"}, {"hooks.json:interrupt:0:0", "be43c564"}, {"config.toml:stop:0:0", "09401cce"},
	}
	if len(set.hooks) != len(want) {
		t.Fatalf("%d hooks, want %d", len(set.hooks), len(want))
	}
	for i, h := range set.hooks {
		if h.key != filepath.Join(w.home, want[i].key) || !strings.HasPrefix(h.hash, "sha256:"+want[i].hash) || h.order != i {
			t.Errorf("hook %d is %s %s at %d, want %v", i, h.key, h.hash, h.order, want[i])
		}
	}
	wantWarnings := []string{"loading hooks from both", "skipping prompt hook in", "skipping agent hook in", "skipping empty hook command in", "clamping SessionEnd hook timeout to 3s in"}
	if !slices.EqualFunc(set.warnings, wantWarnings, strings.HasPrefix) {
		t.Errorf("warnings %q", set.warnings)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, "", "one")
	hash := w.load().hooks[0].hash
	entry := func(body string) string { return "[hooks.state.\"" + w.file() + ":stop:0:0\"]\n" + body + "\n" }
	tests := []struct {
		name, user, project string
		command             string
		want                protocol.HookTrustStatus
		runs                bool
	}{
		{"new", "", "", "one", protocol.HookTrustStatusUntrusted, false},
		{"trusted", entry(`trusted_hash = "` + hash + `"`), "", "one", protocol.HookTrustStatusTrusted, true},
		{"changed since", entry(`trusted_hash = "` + hash + `"`), "", "two", protocol.HookTrustStatusModified, false},
		{"switched off", entry(`trusted_hash = "` + hash + "\"\nenabled = false"), "", "one", protocol.HookTrustStatusTrusted, false},
		{"by the repository", "", entry(`trusted_hash = "` + hash + `"`), "one", protocol.HookTrustStatusUntrusted, false},
		{"nonsense", entry(`trusted_hash = 7`), "", "one", protocol.HookTrustStatusUntrusted, false},
		{"feature off", "[features]\nhooks = false\n" + entry(`trusted_hash = "`+hash+`"`), "", "one", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.hooks(Stop, "", tt.command)
			w.toml(tt.user)
			w.write(filepath.Join(w.repo, ".codex", "config.toml"), tt.project)
			set := w.load()
			if set.Has(Stop) != tt.runs {
				t.Errorf("runs is %v, want %v", set.Has(Stop), tt.runs)
			}
			if tt.want == "" {
				if set != nil {
					t.Error("there are hooks")
				}
			} else if got := set.hooks[0].trust; got != tt.want {
				t.Errorf("trust is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTrustAllRunsWhatIsListedAsUntrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.TrustAll = true
	w.hooks(Stop, "", "one")
	if set := w.load(); !set.Has(Stop) || set.hooks[0].trust != protocol.HookTrustStatusUntrusted {
		t.Error("a hook does not run, or hides that it is not trusted")
	}
}

func TestRepositories(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hooks(Stop, "", "user")
	w.write(filepath.Join(w.repo, ".codex", fileName), `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"project"}]}]}}`)
	if set := w.load(); len(set.hooks) != 2 || set.hooks[1].source != protocol.HookSourceProject {
		t.Errorf("%d hooks", len(set.hooks))
	}
	w.write(filepath.Join(w.home, "config.toml"), "") // the repository is trusted no more
	if set := w.load(); len(set.hooks) != 1 {
		t.Errorf("%d hooks, want the user's only", len(set.hooks))
	}
}

func TestHooksOfTheMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(filepath.Dir(w.home), "etc", fileName)
	w.write(path, `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"managed"}]}]}}`)
	w.toml("[hooks.state.\"" + path + ":stop:0:0\"]\nenabled = false\n")
	if set := w.load(); !set.Has(Stop) || set.hooks[0].trust != protocol.HookTrustStatusManaged {
		t.Error("a hook of the machine was switched off, or needs trust")
	}
	w.loader = config.New(config.Options{Home: w.home, SystemFile: filepath.Join(w.home, "system.toml"), Environ: func(string) string { return "" }})
	w.hooks(Stop, "", "user")
	if set := w.load(); set.Has(Stop) || len(set.hooks) != 1 {
		t.Error("what the user can write runs as if an administrator had written it")
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"hooks":{`, `{"zzz":{}}`, `{"hooks":{"Stop":[{"hooks":[{"type":"command"}]}]}}`, `{"hooks":{"Stop":[{"hooks":[{"type":"zork","command":"a"}]}]}}`,
		`{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"a","timeout":-1}]}]}}`, `{"hooks":{"Stop":{}}}`, `[]`, ``} {
		w := newWorld(t)
		w.write(w.file(), text)
		w.toml("[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"other\"\n")
		set := w.load()
		if len(set.Broken()) != 1 || set.Broken()[0].Path != w.file() || len(set.hooks) != 1 || set.hooks[0].command != "other" {
			t.Errorf("%s: broken %v, %d hooks", text, set.Broken(), len(set.hooks))
		}
	}
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.load() != nil {
		t.Error("hooks out of nothing")
	}
	w.hooks(Stop, "", "one")
	first := w.load()
	if len(first.hooks) != 1 || w.load() != first {
		t.Error("not found, or read again for nothing")
	}
	w.hooks(Stop, "", "one", "two")
	if len(w.load().hooks) != 2 {
		t.Error("a change was not seen")
	}
}

func TestMatchers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		matcher string
		bash    bool
		bad     bool
	}{
		{"", true, false}, {"*", true, false}, {"Bash", true, false}, {"Bash|x", true, false}, {"as", false, false}, {"as|x", false, false},
		{"^as", false, false}, {"B.s", true, false}, {"Ba*", true, false}, {"[", false, true},
	}
	for _, tt := range tests {
		matches, err := matcherOf(&tt.matcher)
		if (err != nil) != tt.bad || err == nil && matches("Bash") != tt.bash {
			t.Errorf("%q: error %v", tt.matcher, err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(`{"hooks":{"Stop":[{"matcher":"x","hooks":[{"type":"command","command":"a","timeout":1}]}]}}`))
	f.Add([]byte(`{"hooks":{"Stop":[null,{"hooks":[null]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := parseFile(data)
		if err != nil {
			return
		}
		hooks, _ := hooksOf("/hooks.json", events)
		for _, h := range hooks {
			if h.limit <= 0 || h.hash == "" || h.matches == nil {
				t.Errorf("%+v", h)
			}
		}
	})
}

// What a turn pays where there are no hooks.
func BenchmarkLoadNothing(b *testing.B) {
	w := newWorld(b)
	cfg, err := w.loader.Load(b.Context(), config.Query{Cwd: w.repo})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if w.store.Load(cfg).Has(Stop) {
			b.Fatal("hooks out of nothing")
		}
	}
}

func BenchmarkRun(b *testing.B) {
	w := newWorld(b)
	w.hooks(Stop, "", "true")
	w.run(b.Context(), Stop, nil)
	for b.Loop() {
		w.run(b.Context(), Stop, nil)
	}
}
