package config

// decodeConfig reads a merged tree. It fills everything that depends on the tree alone; trust, layers and warnings are
// the loader's.
func decodeConfig(tree map[string]any, getenv func(string) string) (*Config, *decoder) {
	d := &decoder{}
	n := &node{d: d, vals: tree}
	c := &Config{merged: tree}
	readModel(n, c)
	readPolicy(n, c)
	openAIBase := n.str("openai_base_url")
	c.Providers = readProviders(n, openAIBase, getenv)
	c.McpServers = readMcpServers(n)
	c.OAuth = OAuth{
		Store:        orWord(n.oneOf("mcp_oauth_credentials_store", "auto", "file", "keyring"), "auto"),
		CallbackPort: int(n.integer("mcp_oauth_callback_port", "u16", 0)),
		CallbackURL:  n.str("mcp_oauth_callback_url"),
	}
	c.Skills = readSkills(n)
	c.Docs = ProjectDocs{
		MaxBytes:    n.integer("project_doc_max_bytes", "usize", 32768),
		Fallbacks:   n.strs("project_doc_fallback_filenames"),
		RootMarkers: rootMarkers(n),
	}
	c.Include = Include{
		Permissions:        n.boolean("include_permissions_instructions", true),
		EnvironmentContext: n.boolean("include_environment_context", true),
		Apps:               n.boolean("include_apps_instructions", true),
		CollaborationMode:  n.boolean("include_collaboration_mode_instructions", true),
	}
	c.Agents = readAgents(n)
	c.Features = readFeatures(n)
	c.Notify = n.strs("notify")
	if v, ok := n.get("hooks"); ok {
		c.Hooks = rawJSON(v)
	}
	if v, ok := n.get("tools"); ok {
		c.Tools = rawJSON(v)
	}
	c.trusts = readTrust(n)
	c.History = readHistory(n)
	c.AuthStore = orWord(n.oneOf("cli_auth_credentials_store", "file", "keyring", "auto", "ephemeral"), "file")
	c.ForceLogin = n.oneOf("forced_login_method", "chatgpt", "api")
	c.Host = readHost(n)
	n.known(ignoredKeys...)
	n.done()
	checkWhole(n, c)
	return c, d
}

func readModel(n *node, c *Config) {
	c.Model, c.ModelProvider, c.ReviewModel = n.str("model"), n.str("model_provider"), n.str("review_model")
	c.ReasoningEffort = n.str("model_reasoning_effort")
	c.ReasoningSummary = n.oneOf("model_reasoning_summary", "auto", "concise", "detailed", "none")
	c.Verbosity = n.oneOf("model_verbosity", "low", "medium", "high")
	c.ServiceTier = n.str("service_tier")
	c.Personality = n.oneOf("personality", "none", "friendly", "pragmatic")
	c.ContextWindow = n.optInt("model_context_window", "i64")
	c.AutoCompactLimit = n.optInt("model_auto_compact_token_limit", "i64")
	c.ToolOutputLimit = n.optInt("tool_output_token_limit", "usize")
	c.ModelCatalogJSON = n.str("model_catalog_json")
	c.HideReasoning, c.ShowRawReasoning = n.boolean("hide_agent_reasoning", false), n.boolean("show_raw_agent_reasoning", false)
	c.WebSearch = n.oneOf("web_search", "disabled", "cached", "indexed", "live")
	c.Instructions, c.DeveloperText = n.str("instructions"), n.str("developer_instructions")
	c.InstructionsFile = n.str("model_instructions_file")
	c.CompactPrompt, c.CompactPromptFile = n.str("compact_prompt"), n.str("experimental_compact_prompt_file")
	c.BackgroundTerminal = millis(n.integer("background_terminal_max_timeout", "u64", 300_000))
}

func readPolicy(n *node, c *Config) {
	c.Approval, c.ApprovalSet = readApproval(n)
	c.ApprovalsReviewer = orWord(n.oneOf("approvals_reviewer", "user", "auto_review", "guardian_subagent"), "user")
	c.Sandbox = n.oneOf("sandbox_mode", "read-only", "workspace-write", "danger-full-access")
	c.SandboxSet = c.Sandbox != ""
	if t := n.table("sandbox_workspace_write", "struct SandboxWorkspaceWrite"); t != nil {
		c.WorkspaceWrite = WorkspaceWrite{
			WritableRoots: t.strs("writable_roots"), NetworkAccess: t.boolean("network_access", false),
			ExcludeTmpdirEnv: t.boolean("exclude_tmpdir_env_var", false), ExcludeSlashTmp: t.boolean("exclude_slash_tmp", false),
		}
		t.done()
	}
	c.PermissionProfile = n.str("default_permissions")
	c.AllowLoginShell = n.boolean("allow_login_shell", true)
	c.Shell = readShell(n)
}

func readApproval(n *node) (Approval, bool) {
	v, ok := n.get("approval_policy")
	if !ok {
		return Approval{}, false
	}
	if _, ok := v.(map[string]any); ok {
		t := n.table("approval_policy", "a map")
		g := t.table("granular", "struct GranularApprovalConfig")
		if g == nil {
			t.fail("wanted exactly 1 element, found 0 elements")
			return Approval{}, false
		}
		for _, key := range []string{"rules", "sandbox_approval", "mcp_elicitations"} {
			if !g.has(key) {
				g.fail("missing field `" + key + "`")
			}
		}
		out := Granular{
			SandboxApproval: g.boolean("sandbox_approval", false), Rules: g.boolean("rules", false),
			SkillApproval: g.boolean("skill_approval", false), RequestPermissions: g.boolean("request_permissions", false),
			McpElicitations: g.boolean("mcp_elicitations", false),
		}
		g.done()
		t.done()
		return Approval{Mode: "granular", Granular: out}, true
	}
	switch mode := n.oneOf("approval_policy", "untrusted", "on-failure", "on-request", "granular", "never"); mode {
	case "":
		return Approval{}, false
	case "on-failure":
		return Approval{Mode: "on-request"}, true
	default:
		return Approval{Mode: mode}, true
	}
}

func readShell(n *node) ShellEnvironment {
	s := ShellEnvironment{Inherit: "all", IgnoreDefaultExcludes: true}
	t := n.table("shell_environment_policy", "struct ShellEnvironmentPolicyToml")
	if t == nil {
		return s
	}
	s.Inherit = orWord(t.oneOf("inherit", "core", "all", "none"), "all")
	s.DefaultExcludesSet = t.has("ignore_default_excludes")
	s.IgnoreDefaultExcludes = t.boolean("ignore_default_excludes", true)
	s.Exclude, s.IncludeOnly, s.Set = t.strs("exclude"), t.strs("include_only"), t.strMap("set")
	s.UseProfile = t.boolean("experimental_use_profile", false)
	t.known("filters")
	t.done()
	return s
}

func readSkills(n *node) Skills {
	s := Skills{Bundled: true, IncludeInstructions: true}
	t := n.table("skills", "struct SkillsConfig")
	if t == nil {
		return s
	}
	s.IncludeInstructions = t.boolean("include_instructions", true)
	if b := t.table("bundled", "struct BundledSkillsConfig"); b != nil {
		s.Bundled = b.boolean("enabled", true)
		b.done()
	}
	s.Rules = readSkillRules(t)
	t.done()
	return s
}

// readSkillRules checks every entry; entries that name both or neither selector are skipped, as harmless noise.
func readSkillRules(t *node) []SkillRule {
	v, ok := t.get("config")
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.wrong(v, "a sequence", "config")
		return nil
	}
	var out []SkillRule
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			t.wrong(e, "struct SkillConfig", "config", index(i))
			continue
		}
		r := &node{d: t.d, vals: m, parent: &node{d: t.d, parent: t, name: "config"}, name: index(i)}
		rule := SkillRule{Name: r.str("name"), Path: r.str("path"), Enabled: r.boolean("enabled", false)}
		if !r.has("enabled") {
			r.fail("missing field `enabled`")
		}
		r.done()
		if (rule.Name == "") != (rule.Path == "") {
			out = append(out, rule)
		}
	}
	return out
}

func rootMarkers(n *node) []string {
	if !n.has("project_root_markers") {
		n.known("project_root_markers")
		return []string{".git"}
	}
	return n.strs("project_root_markers")
}

func readAgents(n *node) Agents {
	a := Agents{MaxThreads: 6, MaxDepth: 1}
	t := n.table("agents", "struct AgentsToml")
	if t == nil {
		return a
	}
	a.MaxThreads, a.MaxDepth = t.integer("max_threads", "usize", 6), t.integer("max_depth", "i32", 1)
	t.known("max_concurrent_threads_per_session", "job_max_runtime_seconds", "interrupt_message")
	for _, role := range t.keys() {
		m, ok := t.vals[role].(map[string]any)
		if !ok {
			continue
		}
		r := t.child(role, "struct AgentRoleToml")
		if a.Roles == nil {
			a.Roles = make(map[string]AgentRole, len(m))
		}
		a.Roles[role] = AgentRole{Description: r.str("description"), ConfigFile: r.str("config_file"), Nicknames: r.strs("nickname_candidates")}
		r.done()
	}
	t.done()
	return a
}

// readFeatures takes booleans; a few switches have tables of their own, whose enabled key counts.
func readFeatures(n *node) map[string]bool {
	t := n.table("features", "struct FeaturesToml")
	if t == nil {
		return nil
	}
	out := make(map[string]bool, len(t.vals))
	for _, name := range t.keys() {
		m, isTable := t.vals[name].(map[string]any)
		switch {
		case !KnownFeature(name):
			if _, ok := t.vals[name].(bool); !ok {
				t.wrong(t.vals[name], "a boolean", name)
			} // else reported by done
		case isTable:
			t.known(name)
			if on, ok := m["enabled"].(bool); ok {
				out[name] = on
			}
		default:
			out[name] = t.boolean(name, false)
		}
	}
	t.done()
	return out
}

func readHistory(n *node) History {
	h := History{Persistence: "save-all"}
	if t := n.table("history", "struct History"); t != nil {
		h.Persistence = orWord(t.oneOf("persistence", "save-all", "none"), h.Persistence)
		h.MaxBytes = t.optInt("max_bytes", "usize")
		t.done()
	}
	return h
}

// checkWhole holds the rules that concern the configuration as a whole; they have no place in a file.
func checkWhole(n *node, c *Config) {
	bad := func(why string, fatal bool) {
		if n.d.err == nil {
			n.d.err = &LoadError{Why: why, Fatal: fatal}
		}
	}
	if p, ok := n.vals["profile"].(string); ok {
		bad("legacy `profile = \""+p+"\"` config is no longer supported; use `--profile "+p+"` with `"+p+".config.toml` instead", true)
	}
	if c.ApprovalSet && c.Approval.Mode == "untrusted" {
		bad("approval_policy = \"untrusted\" is no longer supported; remove this setting", true)
	}
	if c.Agents.MaxThreads < 1 {
		bad("agents.max_concurrent_threads_per_session must be at least 1", false)
	}
}

// ignoredKeys are settings of the shared file that this host has no use for; they are kept and not warned about.
var ignoredKeys = []string{
	"allow_symlinked_codex_home", "analytics", "apps", "apps_mcp_product_sku", "audio", "auto_review", "browser_use",
	"chatgpt_base_url", "check_for_update_on_startup", "client_search_provider", "cloud", "computer_use", "daybreak",
	"desktop", "disable_paste_burst", "experimental_realtime_start_instructions",
	"experimental_realtime_webrtc_call_base_url", "experimental_realtime_ws_backend_prompt",
	"experimental_realtime_ws_base_url", "experimental_realtime_ws_model", "experimental_realtime_ws_startup_context",
	"experimental_thread_store", "experimental_thread_store_endpoint", "experimental_use_unified_exec_tool", "feedback",
	"file_opener", "forced_chatgpt_workspace_id", "ghost_snapshot", "goals", "include_environment_context_time",
	"js_repl_node_module_dirs", "js_repl_node_path", "log_dir", "marketplaces", "mcp_enterprise_managed_auth",
	"mcp_optional_startup_grace_ms", "memories",
	"model_auto_compact_token_limit_scope", "model_post_turn_compact_threshold_percent", "notice", "openai_base_url",
	"orchestrator", "oss_provider", "otel", "permissions", "plan_mode_reasoning_effort", "plugins", "profile", "profiles",
	"realtime", "responses_api_metadata", "sqlite_home", "suppress_unstable_features_warning", "thread_unload_delay_secs",
	"tool_suggest", "tui", "windows",
}
