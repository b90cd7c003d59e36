package config

import (
	"context"
	"errors"
	"fmt"
)

// Origin says which layer a value comes from.
type Origin struct {
	Name    LayerName `json:"name"`
	Version string    `json:"version"`
}

// ReadResult is the answer to config/read; it marshals as the protocol's ConfigReadResponse.
type ReadResult struct {
	Config  map[string]any    `json:"config"`
	Origins map[string]Origin `json:"origins"`
	Layers  []ReadLayer       `json:"layers"` // null unless asked for
}

// ReadLayer is one layer as config/read lists it.
type ReadLayer struct {
	Name           LayerName      `json:"name"`
	Version        string         `json:"version"`
	Config         map[string]any `json:"config"`
	DisabledReason string         `json:"disabledReason,omitempty"`
}

// Read answers config/read: effective values under their file names with every known key present, where each came from,
// and the layers. Project layers count only with a cwd. The result shares its parts: do not change it.
func (l *Loader) Read(ctx context.Context, cwd string, layers bool) (ReadResult, error) {
	cfg, err := l.Load(ctx, Query{Cwd: cwd})
	var lerr *LoadError
	switch {
	case errors.As(err, &lerr) && lerr.Key != "":
		//lint:ignore ST1005 a text that clients know, its line end included
		return ReadResult{}, fmt.Errorf("invalid configuration: %s\nin `%s`\n", lerr.Why, lerr.Key)
	case errors.As(err, &lerr):
		return ReadResult{}, fmt.Errorf("failed to read configuration layers: %s", lerr.Details())
	case err != nil:
		return ReadResult{}, err
	}
	out := ReadResult{Config: presented(cfg.merged), Origins: map[string]Origin{}}
	for i := len(cfg.Layers) - 1; i >= 0; i-- {
		layer := cfg.Layers[i]
		if layer.DisabledReason == "" {
			origins(out.Origins, "", layer.Config, Origin{layer.Name, layer.Version})
		}
	}
	for _, layer := range cfg.Layers {
		if layers {
			out.Layers = append(out.Layers, ReadLayer{layer.Name, layer.Version, layer.Config, layer.DisabledReason})
		}
	}
	return out, nil
}

// origins notes every leaf of a layer; stronger layers come later and win. An array is replaced whole, so the leaves of
// a longer weaker one must go.
func origins(out map[string]Origin, prefix string, v any, from Origin) {
	join := func(k string) string {
		if prefix == "" {
			return k
		}
		return prefix + "." + k
	}
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			origins(out, join(k), e, from)
		}
	case []any:
		for i := len(x); ; i++ {
			if _, stale := out[join(index(i))]; !stale {
				break
			}
			delete(out, join(index(i)))
		}
		for i, e := range x {
			origins(out, join(index(i)), e, from)
		}
	default:
		out[prefix] = from
	}
}

// presented is the merged tree as clients see it: known keys are there even when unset, some with their defaults.
func presented(merged map[string]any) map[string]any {
	out := make(map[string]any, len(merged)+len(nullKeys)+len(ignoredKeys)+16)
	for _, k := range nullKeys {
		out[k] = nil
	}
	for _, k := range ignoredKeys {
		out[k] = nil
	}
	for k, v := range readDefaults() {
		out[k] = v
	}
	for k, v := range merged {
		out[k] = v
	}
	if out["approval_policy"] == "on-failure" {
		out["approval_policy"] = "on-request"
	}
	if t, ok := out["tools"].(map[string]any); ok {
		if _, isBool := t["web_search"].(bool); isBool {
			t = merge(t, map[string]any{"web_search": nil})
			out["tools"] = t
		}
	}
	return out
}

func readDefaults() map[string]any {
	return map[string]any{
		"chatgpt_base_url": "https://chatgpt.com/backend-api/", "cli_auth_credentials_store": "file",
		"mcp_oauth_credentials_store": "auto", "background_terminal_max_timeout": 300000, "project_doc_max_bytes": 32768,
		"project_root_markers": []string{".git"}, "allow_login_shell": true, "hide_agent_reasoning": false,
		"include_permissions_instructions": true, "include_environment_context": true, "include_apps_instructions": true,
		"include_collaboration_mode_instructions": true, "include_environment_context_time": true, "file_opener": "vscode",
		"history": map[string]any{"persistence": "save-all", "max_bytes": nil},
	}
}

// nullKeys are the settings that clients find as null when nobody set them.
var nullKeys = []string{
	"agents", "approval_policy", "approvals_reviewer", "compact_prompt", "default_permissions", "developer_instructions",
	"experimental_compact_prompt_file", "features", "forced_login_method", "hooks", "instructions", "mcp_servers", "model",
	"model_auto_compact_token_limit", "model_catalog_json", "model_context_window", "model_instructions_file",
	"model_provider", "model_providers", "model_reasoning_effort", "model_reasoning_summary", "model_verbosity", "notify",
	"personality", "project_doc_fallback_filenames", "projects", "review_model", "sandbox_mode", "sandbox_workspace_write",
	"service_tier", "shell_environment_policy", "show_raw_agent_reasoning", "skills", "tool_output_token_limit", "tools", "web_search",
}
