package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
)

// LayerType names a source of settings.
type LayerType string

// The sources this host reads, weakest first.
const (
	LayerSystem  LayerType = "system"
	LayerUser    LayerType = "user"
	LayerProject LayerType = "project"
	LayerFlags   LayerType = "sessionFlags"
	layerThread  LayerType = "thread" // overrides of one thread; never listed
	layerRole    LayerType = "role"   // of an agent; never listed
)

// LayerName identifies a layer; it marshals as the protocol's ConfigLayerSource.
type LayerName struct {
	Type   LayerType
	File   string // system, user
	Folder string // project: the .codex folder
}

// MarshalJSON writes exactly the members that the source's kind has.
func (n LayerName) MarshalJSON() ([]byte, error) {
	switch n.Type {
	case LayerUser:
		return json.Marshal(struct {
			Type    LayerType `json:"type"`
			File    string    `json:"file"`
			Profile *string   `json:"profile"`
		}{n.Type, n.File, nil})
	case LayerProject:
		return json.Marshal(struct {
			Type   LayerType `json:"type"`
			Folder string    `json:"dotCodexFolder"`
		}{n.Type, n.Folder})
	case LayerFlags:
		return []byte(`{"type":"sessionFlags"}`), nil
	}
	return json.Marshal(struct {
		Type LayerType `json:"type"`
		File string    `json:"file"`
	}{n.Type, n.File})
}

// Layer is one source with its content. Config must not be changed.
type Layer struct {
	Name           LayerName
	Version        string // sha256:<hex> of the canonical content
	Config         map[string]any
	DisabledReason string // empty: active

	file string // where errors are placed; empty for flags
	src  string
}

// label is how warnings name a layer.
func (l *Layer) label() string {
	switch l.Name.Type {
	case LayerFlags, layerThread:
		return "session-flags"
	}
	return string(l.Name.Type) + " (" + l.file + ")"
}

// version is the hash of the content as compact JSON with sorted keys, so that formatting does not count.
func version(tree map[string]any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(tree) != nil {
		b.Reset()
	}
	sum := sha256.Sum256(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// merge lays over on top of base: tables by key, everything else whole. Neither argument is changed; parts are shared.
func merge(base, over map[string]any) map[string]any {
	if len(base) == 0 {
		return over
	}
	if len(over) == 0 {
		return base
	}
	out := maps.Clone(base)
	for k, v := range over {
		if t, ok := v.(map[string]any); ok {
			if b, ok := out[k].(map[string]any); ok {
				out[k] = merge(b, t)
				continue
			}
		}
		out[k] = v
	}
	return out
}

// setPath sets a value in a tree that belongs to the caller, replacing what is in the way.
func setPath(tree map[string]any, path []string, v any) {
	for _, p := range path[:len(path)-1] {
		next, ok := tree[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			tree[p] = next
		}
		tree = next
	}
	tree[path[len(path)-1]] = v
}

// unsupportedInProject are keys that a repository must not decide for its user.
var unsupportedInProject = []string{
	"chatgpt_base_url", "codexhost", "model_provider", "model_providers", "notify", "openai_base_url", "otel", "profile", "projects",
}

// stripProject removes what a project file may not set and names it.
func stripProject(tree map[string]any) (map[string]any, []string) {
	var dropped []string
	for _, k := range unsupportedInProject {
		if _, ok := tree[k]; ok {
			dropped = append(dropped, k)
		}
	}
	if dropped == nil {
		return tree, nil
	}
	tree = maps.Clone(tree)
	for _, k := range dropped {
		delete(tree, k)
	}
	return tree, dropped
}

// pathKeys are settings whose value is a path, relative to the folder of their file. "*" stands for any key or element.
var pathKeys = [][]string{
	{"model_instructions_file"}, {"model_catalog_json"}, {"experimental_compact_prompt_file"}, {"log_dir"}, {"sqlite_home"},
	{"sandbox_workspace_write", "writable_roots", "*"}, {"skills", "config", "*", "path"}, {"agents", "*", "config_file"},
	{"codexhost", "plugins", "*", "path"}, {"codexhost", "sandbox", "hide", "*"},
}

// resolvePaths makes the path settings of a fresh tree absolute, in place.
func resolvePaths(tree map[string]any, base, home string) {
	for _, key := range pathKeys {
		if v, ok := tree[key[0]]; ok {
			tree[key[0]] = resolveAt(v, key[1:], base, home)
		}
	}
}

func resolveAt(v any, key []string, base, home string) any {
	if len(key) == 0 {
		if s, ok := v.(string); ok {
			return resolvePath(s, base, home)
		}
		return v
	}
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			if key[0] == "*" || key[0] == k {
				x[k] = resolveAt(x[k], key[1:], base, home)
			}
		}
	case []any:
		for i := range x {
			if key[0] == "*" {
				x[i] = resolveAt(x[i], key[1:], base, home)
			}
		}
	}
	return v
}

func resolvePath(s, base, home string) string {
	switch {
	case s == "":
		return s
	case s == "~" || strings.HasPrefix(s, "~/"):
		if home != "" {
			return filepath.Join(home, s[1:])
		}
	case filepath.IsAbs(s):
		return s
	}
	return filepath.Join(base, s)
}
