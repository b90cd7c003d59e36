package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is a home folder and a repository to load configurations for.
type world struct {
	t        *testing.T
	home, ws string
	opts     Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, home: filepath.Join(root, "home"), ws: filepath.Join(root, "ws")}
	w.file(filepath.Join(w.ws, ".git", "HEAD"), "ref: refs/heads/main\n")
	w.file(filepath.Join(w.home, "keep"), "")
	w.opts = Options{Home: w.home, SystemFile: filepath.Join(root, "etc.toml"), Environ: func(string) string { return "" }}
	return w
}

func (w *world) file(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) user(text string)   { w.file(filepath.Join(w.home, "config.toml"), text) }
func (w *world) system(text string) { w.file(w.opts.SystemFile, text) }
func (w *world) project(dir, text string) {
	w.file(filepath.Join(w.ws, dir, ".codex", "config.toml"), text)
}

func (w *world) load(q Query) (*Config, error) {
	return New(w.opts).Load(context.Background(), q)
}

func (w *world) must(q Query) *Config {
	w.t.Helper()
	c, err := w.load(q)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

const mock = "[model_providers.mock]\nname = \"Mock\"\n"

// The texts and positions are the ones that clients of the protocol know.
func TestLoadErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unclosed array", "model = [broken\n", "1:16: unclosed array, expected `]`"},
		{"unclosed array at the end", `model = ["a", "b"`, "1:18: unclosed array, expected `]`"},
		{"missing comma", "model = [1,\n2\n\nx=1\n", "4:1: missing comma between array elements, expected `,`"},
		{"bare word", "model = broken\n", "1:9: string values must be quoted, expected literal string"},
		{"unclosed string", "model = \"abc\n", "1:13: invalid basic string, expected `\"`"},
		{"no value", "model =\n", "1:8: string values must be quoted, expected literal string"},
		{"no equals", "model\n", "1:6: key with no value, expected `=`"},
		{"no equals, value", "model \"x\"\n", "1:7: key with no value, expected `=`"},
		{"duplicate key", "model = \"a\"\nmodel = \"b\"\n", "2:1: duplicate key"},
		{"duplicate table", "[features]\n[features]\n", "2:2: duplicate key"},
		{"unclosed header", "[features\nx=1\n", "1:10: unclosed table, expected `]`"},
		{"empty header", "[]\n", "1:2: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`"},
		{"junk behind", "model = \"a\" b\n", "1:13: unexpected key or value, expected newline, `#`"},
		{"quote in a key", "mo'del = 1\n", "1:3: invalid unquoted key, expected letters, numbers, `-`, `_`"},
		{"half-closed header", "[[skills.config]\n", "1:17: unclosed array table, expected `]`"},
		{"blank in a header", "[feature s]\n", "1:9: unclosed table, expected `]`"},
		{"duplicate nested table", "[a.b]\n[a.b]\n", "2:4: duplicate key"},
		{"missing quote", "notify = [a\", \"b\"]\n", "1:11: missing opening quote, expected `\"`"},
		{"extra comma", "notify = [ , 1]\n", "1:12: extra comma in array, expected value"},
		{"feature value", "[features]\nwhat = 2.5\n", "2:8: invalid type: floating point `2.5`, expected a boolean"},
		{"unclosed inline table", "a = {x=1\n", "1:9: unclosed inline table, expected `}`"},
		{"bad number", "a = 12abc\n", "1:5: string values must be quoted, expected literal string"},
		{"integer for string", "model = 7\n", "1:9: invalid type: integer `7`, expected a string"},
		{"array for string", "model = [\"a\"]\n", "1:9: invalid type: sequence, expected a string"},
		{"unknown variant", "sandbox_mode = \"nonsense\"\n", "1:16: unknown variant `nonsense`, expected one of `read-only`, `workspace-write`, `danger-full-access`"},
		{"no word", "sandbox_mode = 7\n", "1:16: wanted string or table"},
		{"granular", "approval_policy = {granular={sandbox_approval=true}}\n", "1:29: missing field `rules`"},
		{"bool", "allow_login_shell = \"x\"\n", "1:21: invalid type: string \"x\", expected a boolean"},
		{"int", "model_context_window = \"x\"\n", "1:24: invalid type: string \"x\", expected i64"},
		{"negative", "project_doc_max_bytes = -3\n", "1:25: invalid value: integer `-3`, expected usize"},
		{"float", "project_doc_max_bytes = 3.5\n", "1:25: invalid type: floating point `3.5`, expected usize"},
		{"list", "notify = \"x\"\n", "1:10: invalid type: string \"x\", expected a sequence"},
		{"element", "notify = [1]\n", "1:11: invalid type: integer `1`, expected a string"},
		{"table", "features = 3\n", "1:12: invalid type: integer `3`, expected struct FeaturesToml"},
		{"two words", "[history]\npersistence=\"zz\"\n", "2:13: unknown variant `zz`, expected `save-all` or `none`"},
		{"project entry", "[projects]\nx=1\n", "2:3: invalid type: integer `1`, expected struct ProjectConfig"},
		{"chat", "[model_providers.m]\nname=\"x\"\nwire_api=\"chat\"\n", "3:10: `wire_api = \"chat\"` is no longer supported."},
		{"no name", "a.b=1\n[model_providers.m]\nbase_url=\"x\"\n", "2:2: model_providers.m: provider name must not be empty"},
		{"reserved", mock + "[model_providers.openai]\nname=\"x\"\n", "1:2: model_providers contains reserved built-in provider IDs: `openai`."},
		{"auth and env_key", "[model_providers.m]\nname=\"x\"\nenv_key=\"A\"\nauth={command=\"x\"}\n", "1:2: model_providers.m: provider auth cannot be combined with env_key"},
		{"auth without command", "[model_providers.m]\nname=\"x\"\nauth={args=[\"x\"]}\n", "3:6: missing field `command`"},
		{"header value", "[model_providers.m]\nname=\"x\"\nhttp_headers={a=1}\n", "3:17: invalid type: integer `1`, expected a string"},
		{"retries", "[model_providers.m]\nname=\"x\"\nrequest_max_retries=-1\n", "3:21: invalid value: integer `-1`, expected u64"},
		{"both transports", "[mcp_servers.a]\ncommand=\"x\"\nurl=\"y\"\n", "1:1: url is not supported for stdio"},
		{"no transport", "[mcp_servers.a]\nenabled=true\n", "1:1: invalid transport"},
		{"stdio headers", "[mcp_servers.a]\ncommand=\"x\"\nhttp_headers={a=\"b\"}\n", "1:1: http_headers is not supported for stdio"},
		{"http args", "[mcp_servers.a]\nurl=\"http://x\"\nargs=[]\n", "1:1: args is not supported for streamable_http"},
		{"inline bearer", "[mcp_servers.a]\nurl=\"http://x\"\nbearer_token=\"b\"\n", "1:1: bearer_token is not supported for streamable_http"},
		{"approval mode", "[mcp_servers.a]\ncommand=\"x\"\ndefault_tools_approval_mode=\"zz\"\n", "3:29: unknown variant `zz`, expected one of `auto`, `prompt`, `writes`, `approve`"},
		{"tool mode", "[mcp_servers.a]\ncommand=\"x\"\n[mcp_servers.a.tools.t]\napproval_mode=\"zz\"\n", "4:15: unknown variant `zz`, expected one of `auto`, `prompt`, `writes`, `approve`"},
		{"timeout", "[mcp_servers.a]\ncommand=\"x\"\nstartup_timeout_sec=-1\n", "1:1: cannot convert float seconds to Duration: value is negative"},
		{"env_vars source", "[mcp_servers.a]\ncommand=\"x\"\nenv_vars=[{name=\"a\",source=\"zz\"}]\n", "1:1: unsupported env_vars source `zz`; expected `local` or `remote`"},
		{"oauth secret alone", "[mcp_servers.a]\nurl=\"http://x\"\noauth={client_secret=\"s\"}\n", "3:7: MCP OAuth client_secret requires a nonempty client_id"},
		{"env_vars kind", "[mcp_servers.a]\ncommand=\"x\"\nenv_vars=[1]\n", "3:11: data did not match any variant of untagged enum McpServerEnvVar"},
		{"skill rule", "\n[[skills.config]]\nname=\"x\"\n", "2:1: missing field `enabled`"},
		{"skill element", "[[skills.config]]\nname=\"x\"\nenabled=true\n[[skills.config]]\nname=\"y\"\nenabled=7\n", "6:9: invalid type: integer `7`, expected a boolean"},
		{"plugin settings", "[codexhost.plugins.x]\npath=\"/p\"\nkind=\"mcp\"\nsettings=7\n", "4:10: invalid type: integer `7`, expected a map"},
		{"plugin kind", "[codexhost.plugins.x]\npath=\"p\"\nkind=\"q\"\n", "3:6: unknown variant `q`, expected `skill` or `mcp`"},
	}
	w := newWorld(t)
	file := filepath.Join(w.home, "config.toml")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.user(tt.text)
			_, err := w.load(Query{})
			var lerr *LoadError
			if !errors.As(err, &lerr) {
				t.Fatalf("got %v, want a LoadError", err)
			}
			if want := "failed to load configuration: " + file + ":" + tt.want; !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			if warn := lerr.Warning(); warn.Path != file || warn.Line != lerr.Line || warn.Summary != "Invalid configuration; using defaults." {
				t.Errorf("warning %+v", warn)
			}
		})
	}
}

func TestLoadErrorsWithoutPlace(t *testing.T) {
	tests := []struct {
		name, text string
		over       map[string]any
		flags      []string
		want       string
		fatal      bool
	}{
		{"untrusted is gone", "approval_policy = \"untrusted\"\n", nil, nil, "approval_policy = \"untrusted\" is no longer supported; remove this setting", true},
		{"legacy profile", "profile = \"x\"\n", nil, nil, "legacy `profile = \"x\"` config is no longer supported; use `--profile x` with `x.config.toml` instead", true},
		{"override", "", map[string]any{"sandbox_mode": "zz"}, nil, "unknown variant `zz`, expected one of `read-only`, `workspace-write`, `danger-full-access`\nin `sandbox_mode`\n", false},
		{"override type", "", map[string]any{"model": 3.0}, nil, "invalid type: integer `3`, expected a string\nin `model`\n", false},
		{"override server", "", map[string]any{"mcp_servers": map[string]any{"a": map[string]any{"command": "x", "url": "y"}}}, nil, "url is not supported for stdio\nin `mcp_servers.a`\n", false},
		{"override provider", "", map[string]any{"model_providers.x.name": ""}, nil, "model_providers.x: provider name must not be empty\nin `model_providers`\n", false},
		{"flag", "", nil, []string{"sandbox_mode=7"}, "invalid type: unit variant, expected string only\nin `sandbox_mode`\n", true},
		{"flag without value", "", nil, []string{"noeq"}, "error parsing -c overrides: Invalid override (missing '='): noeq", true},
		{"flag without key", "", nil, []string{"=x"}, "error parsing -c overrides: Empty key in override: =x", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.user(tt.text)
			w.opts.Flags = tt.flags
			_, err := w.load(Query{Cwd: w.ws, Overrides: tt.over})
			var lerr *LoadError
			if !errors.As(err, &lerr) || lerr.Details() != tt.want || lerr.Fatal != tt.fatal {
				t.Errorf("got %q fatal=%v, want %q", err, lerr != nil && lerr.Fatal, tt.want)
			}
		})
	}
}

func TestInvalidUTF8NamesTheByte(t *testing.T) {
	w := newWorld(t)
	w.user("model = \"\xff\"\n")
	_, err := w.load(Query{})
	want := "failed to load configuration: Failed to read config file " + filepath.Join(w.home, "config.toml") + ": invalid utf-8 sequence of 1 bytes from index 9"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestDefaultsByTrust(t *testing.T) {
	tests := []struct {
		entry             string
		trust             Trust
		approval, sandbox string
	}{
		{"", Undecided, "on-request", "read-only"},
		{"trusted", Trusted, "on-request", "workspace-write"},
		{"untrusted", Untrusted, "untrusted", "workspace-write"},
	}
	for _, tt := range tests {
		t.Run(tt.trust.String(), func(t *testing.T) {
			w := newWorld(t)
			if tt.entry != "" {
				w.user("[projects.\"" + w.ws + "\"]\ntrust_level = \"" + tt.entry + "\"\n")
			}
			w.project("", "model = \"p\"\nnotify = [\"x\"]\n")
			w.project("sub", "review_model = \"s\"\n")
			c := w.must(Query{Cwd: filepath.Join(w.ws, "sub")})
			if c.Trust != tt.trust || c.Approval.Mode != tt.approval || c.Sandbox != tt.sandbox || c.ProjectRoot != w.ws {
				t.Errorf("got %v %s %s root %s", c.Trust, c.Approval.Mode, c.Sandbox, c.ProjectRoot)
			}
			if active := c.Model == "p" && c.ReviewModel == "s"; active != (tt.trust == Trusted) {
				t.Errorf("project layers active: %v", active)
			}
			if len(c.Notify) != 0 {
				t.Error("a project set notify")
			}
			if got := []LayerType{c.Layers[0].Name.Type, c.Layers[1].Name.Type, c.Layers[2].Name.Type, c.Layers[3].Name.Type}; got[0] != LayerProject || got[1] != LayerProject || got[2] != LayerUser || got[3] != LayerSystem {
				t.Errorf("layers %v", got)
			}
			sub := filepath.Join(w.ws, "sub")
			if got, want := c.ProjectFolders(), []string{filepath.Join(sub, ".codex"), filepath.Join(w.ws, ".codex")}; !slices.Equal(got, want) {
				t.Errorf("folders %v, want %v", got, want)
			}
			if got, want := c.ProjectDirs(), []string{w.ws, sub}; !slices.Equal(got, want) {
				t.Errorf("dirs %v, want %v", got, want)
			}
			if got := c.Files(); len(got) != 5 || got[2] != filepath.Join(w.home, "config.toml") || got[4] != filepath.Join(w.home, pinFile) {
				t.Errorf("files %v", got)
			}
			if (c.Layers[0].DisabledReason == "") != (tt.trust == Trusted) {
				t.Errorf("disabled reason %q", c.Layers[0].DisabledReason)
			}
			want := map[Trust]string{
				Undecided: "Project-local config, hooks, and exec policies are disabled in the following folders",
				Untrusted: "Project-local config, hooks, and exec policies are disabled in the following folders",
				Trusted:   "Ignored unsupported project-local config keys in " + w.ws + "/.codex/config.toml: notify.",
			}[tt.trust]
			if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0].Summary, want) {
				t.Errorf("warnings %+v", c.Warnings)
			}
		})
	}
}

// A repository must not be able to trust itself, move its own root or bring providers and plugins along.
func TestProjectCannotDecideForItself(t *testing.T) {
	w := newWorld(t)
	w.user("[projects.\"" + w.ws + "\"]\ntrust_level = \"trusted\"\n")
	other := filepath.Join(filepath.Dir(w.ws), "other")
	w.project("", "model_provider = \"evil\"\n[model_providers.evil]\nname = \"x\"\n[projects.\""+other+"\"]\ntrust_level = \"trusted\"\n"+
		"[codexhost.plugins.p]\npath = \"p\"\nkind = \"mcp\"\n[mcp_servers.s]\ncommand = \"x\"\n[[skills.config]]\nname = \"s\"\nenabled = false\n")
	c := w.must(Query{Cwd: w.ws})
	if _, err := c.Provider("evil"); err == nil || c.ModelProvider != "" {
		t.Error("a project chose the provider")
	}
	if trust, _ := c.TrustOf(other); trust != Undecided {
		t.Error("a project trusted another folder")
	}
	if len(c.Host.Plugins) != 0 {
		t.Error("a project named a plugin")
	}
	if len(c.Skills.Rules) != 0 {
		t.Error("a project switched a skill")
	}
	if !c.McpServers["s"].FromProject {
		t.Error("the server's origin is lost")
	}
	w.user("")
	w.project("", "[projects.\""+w.ws+"\"]\ntrust_level = \"trusted\"\n")
	if c := w.must(Query{Cwd: w.ws}); c.Trust != Undecided {
		t.Error("a project trusted itself")
	}
}

func TestTrustLookup(t *testing.T) {
	w := newWorld(t)
	main := filepath.Join(filepath.Dir(w.ws), "main")
	tree := filepath.Join(filepath.Dir(w.ws), "tree")
	w.file(filepath.Join(main, ".git", "worktrees", "t", "HEAD"), "")
	w.file(filepath.Join(tree, ".git"), "gitdir: "+filepath.Join(main, ".git", "worktrees", "t")+"\n")
	empty := filepath.Join(filepath.Dir(w.ws), "empty")
	if err := os.MkdirAll(filepath.Join(empty, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(filepath.Dir(w.ws), "link")
	if err := os.Symlink(w.ws, link); err != nil {
		t.Skip("no links here")
	}
	w.user("[projects.\"" + w.ws + "/\"]\ntrust_level=\"trusted\"\n[projects.\"" + main + "\"]\ntrust_level=\"trusted\"\n" +
		"[projects.\"" + empty + "\"]\ntrust_level=\"trusted\"\n[projects.\"" + filepath.Join(w.ws, "no") + "\"]\ntrust_level=\"untrusted\"\n")
	c := w.must(Query{})
	for dir, want := range map[string]Trust{
		w.ws: Trusted, filepath.Join(w.ws, "a", "b"): Trusted, filepath.Join(w.ws, "no"): Untrusted, link: Trusted,
		filepath.Join(tree, "x"): Trusted, filepath.Join(empty, "x"): Undecided, filepath.Dir(w.ws): Undecided,
	} {
		if got, _ := c.TrustOf(dir); got != want {
			t.Errorf("%s: got %v, want %v", dir, got, want)
		}
	}
}

func TestLayersMerge(t *testing.T) {
	w := newWorld(t)
	w.system("model = \"sys\"\nreview_model = \"sys\"\n[shell_environment_policy.set]\nA = \"1\"\nB = \"1\"\n")
	w.user("model = \"user\"\nnotify = [\"a\", \"b\"]\nproject_doc_fallback_filenames = [\"X\"]\n[shell_environment_policy.set]\nB = \"2\"\n")
	w.opts.Flags = []string{"notify=[\"c\"]", "model_verbosity=low", "shell_environment_policy.set.C=3", `projects."/a.b".trust_level=trusted`}
	w.opts.Enable, w.opts.Disable = []string{"memories"}, []string{"hooks"}
	if _, err := w.load(Query{}); err == nil {
		t.Fatal("an integer passed as a variable's value")
	}
	w.opts.Flags[2] = `shell_environment_policy.set.C="3"`
	c := w.must(Query{Cwd: w.ws, Overrides: map[string]any{
		"sandbox_mode": "workspace-write", "sandbox_workspace_write.network_access": true,
		"sandbox_workspace_write": map[string]any{"writable_roots": []any{"rel", "/abs", "~/x"}}, "model": nil, "a..b": 1, "": 2,
	}})
	if c.Model != "user" || c.ReviewModel != "sys" || len(c.Notify) != 1 || c.Verbosity != "low" {
		t.Errorf("got %q %q %v %q", c.Model, c.ReviewModel, c.Notify, c.Verbosity)
	}
	if s := c.Shell.Set; s["A"] != "1" || s["B"] != "2" || s["C"] != "3" {
		t.Errorf("tables do not merge: %v", s)
	}
	if !c.Feature("memories") || c.Feature("hooks") || !c.Feature("shell_tool") || c.Feature("nope") {
		t.Error("features")
	}
	if got := c.trusts["/a.b"]; got != Trusted {
		t.Error("quoted flag key")
	}
	if !c.Explicit("model") || c.Explicit("model_provider") || !c.Explicit("shell_environment_policy.set.A") {
		t.Error("Explicit")
	}
}

func TestThreadOverridesDoNotStick(t *testing.T) {
	w := newWorld(t)
	w.user("model = \"u\"\n")
	l := New(w.opts)
	over, err := l.Load(context.Background(), Query{Cwd: w.ws, Overrides: map[string]any{"model": "t"}})
	if err != nil || over.Model != "t" {
		t.Fatal(err)
	}
	plain, err := l.Load(context.Background(), Query{Cwd: w.ws})
	if err != nil || plain.Model != "u" {
		t.Errorf("got %q, %v", plain.Model, err)
	}
}

func TestPathsAreRelativeToTheirFile(t *testing.T) {
	w := newWorld(t)
	w.opts.Environ = func(k string) string { return map[string]string{"HOME": "/me"}[k] }
	w.user("model_instructions_file = \"a.md\"\nmodel_catalog_json = \"~/m.json\"\n[sandbox_workspace_write]\nwritable_roots = [\"r\", \"/abs\"]\n" +
		"[[skills.config]]\npath = \"s/SKILL.md\"\nenabled = false\n[codexhost.plugins.p]\npath = \"bin/p\"\nkind = \"skill\"\n[projects.\"" + w.ws + "\"]\ntrust_level=\"trusted\"\n")
	w.project("", "experimental_compact_prompt_file = \"c.md\"\n")
	c := w.must(Query{Cwd: w.ws, Overrides: map[string]any{"sandbox_workspace_write.writable_roots": []any{"t"}}})
	got := []string{c.InstructionsFile, c.ModelCatalogJSON, c.Skills.Rules[0].Path, c.Host.Plugins["p"].Path, c.CompactPromptFile, c.WorkspaceWrite.WritableRoots[0]}
	want := []string{w.home + "/a.md", "/me/m.json", w.home + "/s/SKILL.md", w.home + "/bin/p", w.ws + "/.codex/c.md", w.ws + "/t"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
}

func TestSkillRulesAreAppliedLayerByLayer(t *testing.T) {
	w := newWorld(t)
	w.user("[[skills.config]]\nname=\"a\"\nenabled=false\n[[skills.config]]\nname=\"b\"\npath=\"/x\"\nenabled=false\n[[skills.config]]\npath=\"/p\"\nenabled=true\n")
	w.opts.Flags = []string{`skills.config=[{name="a",enabled=true}]`}
	c := w.must(Query{})
	want := []SkillRule{{Name: "a", Layer: LayerUser}, {Path: "/p", Enabled: true, Layer: LayerUser}, {Name: "a", Enabled: true, Layer: LayerFlags}}
	if len(c.Skills.Rules) != 3 || c.Skills.Rules[0] != want[0] || c.Skills.Rules[1] != want[1] || c.Skills.Rules[2] != want[2] {
		t.Errorf("got %+v", c.Skills.Rules)
	}
}

func TestUnknownSettings(t *testing.T) {
	w := newWorld(t)
	w.user("foo = 1\n[history]\nq = 1\n[mcp_servers.x]\ncommand = \"x\"\nzed = 1\n[codexhost]\nzork = true\n[features]\nnope = true\nhooks = false\n[tui]\nanything = 1\n")
	w.opts.Flags = []string{"foo.bar=1"}
	c := w.must(Query{})
	file := filepath.Join(w.home, "config.toml")
	want := "Codex is ignoring 6 unrecognized configuration settings. Check for typos or deprecated settings.\n  session-flags: `foo` is ignored.\n" +
		"  user (" + file + "): `codexhost.zork` is ignored.\n  user (" + file + "): `features.nope` is ignored.\n  ... and 3 more ignored settings."
	if len(c.Warnings) != 1 || c.Warnings[0].Summary != want || !c.Warnings[0].Thread {
		t.Errorf("got %+v", c.Warnings)
	}
	w.opts.Strict, w.opts.Flags = true, nil
	_, err := w.load(Query{})
	var lerr *LoadError
	if !errors.As(err, &lerr) || !lerr.Fatal || !strings.Contains(lerr.Details(), ": unknown configuration field `") {
		t.Errorf("strict: %v", err)
	}
}

func TestBrokenProjectFile(t *testing.T) {
	w := newWorld(t)
	w.project("", "model = [\n")
	w.must(Query{Cwd: w.ws}) // undecided: not read as settings
	w.user("[projects.\"" + w.ws + "\"]\ntrust_level = \"trusted\"\n")
	_, err := w.load(Query{Cwd: w.ws})
	want := "failed to load configuration: Error parsing project config file " + w.ws + "/.codex/config.toml: TOML parse error at line 1, column 10\n  |\n1 | model = [\n  |          ^\nunclosed array, expected `]`\n"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	w.project("", "sandbox_mode = \"zz\"\n")
	_, err = w.load(Query{Cwd: w.ws})
	if err == nil || !strings.Contains(err.Error(), w.ws+"/.codex/config.toml:1:16: unknown variant") {
		t.Errorf("got %v", err)
	}
}

func TestHomeIsNoProjectLayer(t *testing.T) {
	w := newWorld(t)
	home := filepath.Join(w.ws, ".codex")
	w.file(filepath.Join(home, "config.toml"), "model = \"u\"\n")
	w.opts.Home = home
	c := w.must(Query{Cwd: w.ws})
	if len(c.Layers) != 2 || c.Model != "u" {
		t.Errorf("layers %+v", c.Layers)
	}
}

func TestProviderDefaults(t *testing.T) {
	w := newWorld(t)
	w.opts.Environ = func(k string) string { return map[string]string{"CODEX_OSS_PORT": "99"}[k] }
	w.user("openai_base_url = \"http://o/v1\"\n[model_providers.m]\nname = \"M\"\nbase_url = \"http://m\"\nrequest_max_retries = 1000\nstream_idle_timeout_ms = 5\n")
	c := w.must(Query{})
	m, err := c.Provider("m")
	if err != nil || m.RequestMaxRetries != 100 || m.StreamMaxRetries != 5 || m.StreamIdleTimeout != 5*time.Millisecond || m.WireAPI != "responses" || m.WebsocketConnectTimeout != 15*time.Second {
		t.Errorf("got %+v, %v", m, err)
	}
	if p := c.Providers["ollama"]; p.BaseURL != "http://localhost:99/v1" || !p.BuiltIn {
		t.Errorf("ollama %+v", p)
	}
	if p := c.Providers["openai"]; p.BaseURL != "http://o/v1" || !p.RequiresOpenAIAuth {
		t.Errorf("openai %+v", p)
	}
	if _, err := c.Provider("x"); err == nil || err.Error() != "failed to load configuration: Model provider `x` not found" {
		t.Errorf("got %v", err)
	}
}

func TestMcpServer(t *testing.T) {
	w := newWorld(t)
	w.user("[mcp_servers.a]\ncommand=\"x\"\nargs=[\"1\"]\nenv={K=\"v\"}\nenv_vars=[\"A\",{name=\"B\",source=\"remote\"}]\nstartup_timeout_ms=1500\ntool_timeout_sec=2.5\nenabled_tools=[]\n" +
		"custom=1\n[mcp_servers.a.tools.t]\napproval_mode=\"approve\"\n[mcp_servers.\"b c\"]\nurl=\"http://x\"\nenabled=false\n")
	c := w.must(Query{})
	a, b := c.McpServers["a"], c.McpServers["b c"]
	if a.StartupTimeout != 1500*time.Millisecond || a.ToolTimeout != 2500*time.Millisecond || !a.Enabled || a.Required || a.EnabledTools == nil ||
		a.EnvVars[1] != (EnvVar{"B", "remote"}) || a.ToolApproval["t"] != "approve" || a.ApprovalMode != "auto" || !a.Stdio() || a.Err != nil {
		t.Errorf("got %+v", a)
	}
	if !strings.Contains(string(a.Raw), `"custom":1`) {
		t.Errorf("raw %s", a.Raw)
	}
	if b.Err == nil || b.Enabled || b.Stdio() || b.StartupTimeout != 30*time.Second {
		t.Errorf("got %+v", b)
	}
}

func TestOAuthSettings(t *testing.T) {
	w := newWorld(t)
	w.user("mcp_oauth_credentials_store = \"file\"\nmcp_oauth_callback_port = 4711\nmcp_oauth_callback_url = \"https://box.example/cb\"\n" +
		"[mcp_servers.a]\nurl=\"http://x\"\nscopes=[\"s\"]\noauth_resource=\"http://r\"\n[mcp_servers.a.oauth]\nclient_id=\"i\"\nclient_secret=\"h\"\n")
	c := w.must(Query{})
	if want := (OAuth{Store: "file", CallbackPort: 4711, CallbackURL: "https://box.example/cb"}); c.OAuth != want {
		t.Errorf("got %+v, want %+v", c.OAuth, want)
	}
	if a := c.McpServers["a"]; len(a.Scopes) != 1 || a.OAuthResource != "http://r" || a.OAuthClientID != "i" || a.OAuthClientSecret != "h" {
		t.Errorf("got %+v", a)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
}

func TestHostTable(t *testing.T) {
	w := newWorld(t)
	c := w.must(Query{})
	if h := c.Host; h.Fsync != "turn" || h.OnEOF != "drain" || !h.InterruptKills || h.HideSet {
		t.Errorf("defaults %+v", h)
	}
	w.user("[codexhost]\nfsync = \"off\"\ninterrupt_kills = false\non_eof = \"abort\"\n[codexhost.sandbox]\nhide = []\n[codexhost.plugins.p]\npath = \"/p\"\nkind = \"mcp\"\nargs = [\"-v\"]\nenv = [\"A\"]\nchecksum = \"ab\"\n[codexhost.plugins.p.settings]\nurl = \"u\"\n[codexhost.plugins.p.settings.deep]\nn = [1, 2.5]\n")
	c = w.must(Query{})
	p := c.Host.Plugins["p"]
	if got, want := string(p.Settings), `{"deep":{"n":[1,2.5]},"url":"u"}`; got != want {
		t.Errorf("settings %s, want %s", got, want)
	}
	if h := c.Host; h.Fsync != "off" || h.InterruptKills || h.OnEOF != "abort" || !h.HideSet || !p.Enabled || p.Kind != "mcp" || p.Env[0] != "A" {
		t.Errorf("got %+v", h)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
}

func TestDefaultsWhileTheFileIsBroken(t *testing.T) {
	w := newWorld(t)
	w.user("model = [")
	c := New(w.opts).Defaults(w.ws)
	if c.Model != "" || c.Sandbox != "read-only" || c.Approval.Mode != "on-request" || len(c.Providers) == 0 || c.Home != w.home {
		t.Errorf("got %+v", c)
	}
}

func TestFlagValues(t *testing.T) {
	for in, want := range map[string]any{"true": true, "7": int64(7), "1.5": 1.5, "gpt-5": "gpt-5", `"q"`: "q", "'l'": "l", "": "", "[1": "[1", "a b": "a b", "1\nx=2": "1\nx=2"} {
		if got := flagValue(in); got != want {
			t.Errorf("%q: got %#v, want %#v", in, got, want)
		}
	}
}

func TestFeatureTable(t *testing.T) {
	all := Features()
	seen := map[string]bool{}
	for _, f := range all {
		if seen[f.Name] || f.Stage == "" || !KnownFeature(f.Name) || FeatureDefault(f.Name) != f.Default {
			t.Errorf("bad entry %+v", f)
		}
		seen[f.Name] = true
	}
	for _, name := range []string{"", "hook", "ooks", "s+hooks", "hooks\nmemories"} {
		if KnownFeature(name) {
			t.Errorf("%q is known", name)
		}
	}
}
