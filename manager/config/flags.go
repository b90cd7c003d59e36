package config

import (
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// parseFlags turns -c, --enable and --disable into the session-flags tree. Paths in it are relative to cwd.
func parseFlags(flags, enable, disable []string) (map[string]any, *LoadError) {
	tree := map[string]any{}
	fatal := func(why string) (map[string]any, *LoadError) { return nil, &LoadError{Why: why, Fatal: true} }
	for _, f := range flags {
		key, val, ok := strings.Cut(f, "=")
		key = strings.TrimSpace(key)
		switch {
		case !ok:
			return fatal("error parsing -c overrides: Invalid override (missing '='): " + f)
		case key == "":
			return fatal("error parsing -c overrides: Empty key in override: " + f)
		}
		setPath(tree, flagPath(key), flagValue(strings.TrimSpace(val)))
	}
	for on, names := range map[bool][]string{true: enable, false: disable} {
		for _, name := range names {
			if !KnownFeature(name) {
				return fatal("Unknown feature flag: " + name)
			}
			setPath(tree, []string{"features", name}, on)
		}
	}
	return tree, nil
}

// flagValue reads TOML, and anything that is none as the text it is.
func flagValue(s string) any {
	var doc map[string]any
	if !strings.ContainsAny(s, "\n") && toml.Unmarshal([]byte("v = "+s), &doc) == nil && len(doc) == 1 {
		return normalize(doc["v"])
	}
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// overrideTree expands the dotted keys of a thread's config map. Null means unset.
func overrideTree(m map[string]any) map[string]any {
	tree := map[string]any{}
	for k, v := range m {
		if v != nil {
			setPath(tree, flagPath(k), wholeNumbers(normalize(v)))
		}
	}
	return tree
}

// wholeNumbers makes integers of the floats that a JSON decoder makes of them. The tree belongs to the caller.
func wholeNumbers(v any) any {
	switch x := v.(type) {
	case float64:
		if i := int64(x); float64(i) == x {
			return i
		}
	case map[string]any:
		for k, e := range x {
			x[k] = wholeNumbers(e)
		}
	case []any:
		for i, e := range x {
			x[i] = wholeNumbers(e)
		}
	}
	return v
}
