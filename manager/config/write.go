package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"strings"
)

// Edit is one change of config.toml.
type Edit struct {
	KeyPath string          // dotted, segments may be quoted
	Value   json.RawMessage // nil or null removes the key
	Upsert  bool            // merge tables instead of replacing them
}

// WriteResult is the answer to a write; it marshals as the protocol's ConfigWriteResponse.
type WriteResult struct {
	Status     string      `json:"status"` // ok, okOverridden
	Version    string      `json:"version"`
	FilePath   string      `json:"filePath"`
	Overridden *Overridden `json:"overriddenMetadata"`
}

// Overridden tells that a stronger layer still decides.
type Overridden struct {
	Message string `json:"message"`
	Layer   Origin `json:"overridingLayer"`
	Value   any    `json:"effectiveValue"`
}

// Write applies all edits to the user's config.toml or none. expectedVersion and filePath are optional guards. Errors
// are [*WriteError] for refusals, [*LoadError] when the present file cannot be read, or plain ones from the file system.
func (l *Loader) Write(ctx context.Context, edits []Edit, expectedVersion, filePath string) (WriteResult, error) {
	if filePath != "" && !l.isUserFile(filePath) {
		return WriteResult{}, &WriteError{LayerReadonly, "Only writes to the user config are allowed"}
	}
	r, err := l.edit(ctx, expectedVersion, func(e *editing) error {
		for _, one := range edits {
			if err := e.apply(one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	if err := l.forget(ctx, edits); err != nil {
		l.opts.Logger.Warn("the pins of a project are not renewed", "error", err)
	}
	return r, nil
}

func (l *Loader) isUserFile(path string) bool {
	return filepath.IsAbs(path) && filepath.Clean(path) == filepath.Clean(l.userFile)
}

// editing is one write in progress: the text, the tree it must end up as, and what was set.
type editing struct {
	doc  *document
	tree map[string]any
	set  [][]string
}

// edit changes the file. When a program that knows no locks wrote it while the change was worked out, the change is made
// to what that wrote.
func (l *Loader) edit(ctx context.Context, expectedVersion string, change func(*editing) error) (WriteResult, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	unlock, err := lockDir(ctx, l.opts.Home)
	if err != nil {
		return WriteResult{}, err
	}
	defer unlock()
	for range 20 {
		if err := ctx.Err(); err != nil {
			return WriteResult{}, err
		}
		out, err := l.tryEdit(expectedVersion, change)
		if !errors.Is(err, errOvertaken) {
			return out, err
		}
	}
	return WriteResult{}, fmt.Errorf("writing %s: %w", l.userFile, errOvertaken)
}

var errOvertaken = errors.New("the file changed meanwhile")

// tryEdit reads the file, lets change work on it, proves and validates the result and replaces the file.
func (l *Loader) tryEdit(expectedVersion string, change func(*editing) error) (WriteResult, error) {
	before, _ := stampOf(l.userFile)
	var now textFile
	now.load(l.userFile, l.userHome)
	if now.err != nil {
		return WriteResult{}, now.err
	}
	if expectedVersion != "" && expectedVersion != now.version {
		return WriteResult{}, &WriteError{VersionConflict, "Configuration was modified since last read. Fetch latest version and retry."}
	}
	tree, lerr := parse(l.userFile, now.src) // without resolved paths
	if lerr != nil {
		return WriteResult{}, lerr
	}
	e := &editing{doc: newDocument(now.src), tree: tree}
	if err := change(e); err != nil {
		return WriteResult{}, err
	}
	if err := e.doc.check(e.tree); err != nil {
		return WriteResult{}, invalid("editing %s: %v", l.userFile, err)
	}
	resolved := normalize(e.tree).(map[string]any)
	resolvePaths(resolved, filepath.Dir(l.userFile), l.userHome)
	merged, err := l.validate(resolved)
	if err != nil {
		return WriteResult{}, err
	}
	if e.doc.src != now.src {
		unchanged := func() bool { st, _ := stampOf(l.userFile); return st == before }
		if err := replaceFile(l.userFile, e.doc.src, unchanged); err != nil {
			return WriteResult{}, fmt.Errorf("writing %s: %w", l.userFile, err)
		}
	}
	out := WriteResult{Status: "ok", Version: version(resolved), FilePath: l.userFile}
	if out.Overridden = l.overridden(e.set, resolved, merged); out.Overridden != nil {
		out.Status = "okOverridden"
	}
	return out, nil
}

// validate decodes the user layer alone and under the session flags.
func (l *Loader) validate(user map[string]any) (map[string]any, error) {
	merged := l.files.read(l.opts.SystemFile, l.userHome).tree
	merged = merge(merged, user)
	if flags, err := l.flags(); err == nil {
		merged = merge(merged, flags.Config)
	}
	for _, tree := range []map[string]any{user, merged} {
		if _, d := decodeConfig(tree, l.opts.Environ); d.err != nil {
			return nil, invalid("Invalid configuration: %s", d.err.Details())
		}
	}
	return merged, nil
}

// overridden reports the first key whose effective value is not the one just written.
func (l *Loader) overridden(set [][]string, user, merged map[string]any) *Overridden {
	flags, err := l.flags()
	if err != nil {
		return nil
	}
	for _, path := range set {
		wrote, _ := lookup(user, path)
		effective, _ := lookup(merged, path)
		if !reflect.DeepEqual(wrote, effective) {
			return &Overridden{Message: "Overridden by session flags", Layer: Origin{flags.Name, flags.Version}, Value: effective}
		}
	}
	return nil
}

func (e *editing) apply(one Edit) error {
	path, err := ParseKeyPath(one.KeyPath)
	if err != nil {
		return err
	}
	if path[0] == "profile" || path[0] == "profiles" {
		what := map[string]string{"profile": "is a legacy config selector", "profiles": "contains legacy config profile tables"}[path[0]]
		return invalid("`%s` %s and can no longer be written; use `--profile <name>` with `<name>.config.toml` instead", path[0], what)
	}
	if err := e.writable(path); err != nil {
		return err
	}
	v, err := decodeValue(one.Value)
	if err != nil {
		return err
	}
	if v == nil {
		e.doc.remove(path)
		deletePath(e.tree, path)
		return nil
	}
	e.doc.set(path, v, one.Upsert)
	if t, ok := v.(map[string]any); ok && one.Upsert {
		if old, ok := lookup(e.tree, path); ok {
			if base, ok := old.(map[string]any); ok {
				v = merge(base, t)
			}
		}
	}
	e.tree = merge(map[string]any{}, e.tree)
	setPathCopy(e.tree, path, v)
	e.set = append(e.set, path)
	return nil
}

// writable refuses a path that leads through something that is no table.
func (e *editing) writable(path []string) error {
	for n := 1; n < len(path); n++ {
		if v, ok := lookup(e.tree, path[:n]); ok {
			if _, table := v.(map[string]any); !table {
				return invalid("cannot set value on non-table parent")
			}
		}
	}
	return nil
}

// setPathCopy is setPath on a tree whose inner tables are shared with others.
func setPathCopy(tree map[string]any, path []string, v any) {
	for _, p := range path[:len(path)-1] {
		next, _ := tree[p].(map[string]any)
		next = maps.Clone(next)
		if next == nil {
			next = map[string]any{}
		}
		tree[p] = next
		tree = next
	}
	tree[path[len(path)-1]] = v
}

func deletePath(tree map[string]any, path []string) {
	parent, ok := lookup(tree, path[:len(path)-1])
	if t, isTable := parent.(map[string]any); ok && isTable {
		delete(t, path[len(path)-1])
	}
}

// decodeValue reads a JSON value; nil is "remove".
func decodeValue(raw json.RawMessage) (any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, invalid("invalid value: %v", err)
	}
	if v == nil {
		return nil, nil
	}
	if err := checkValue(v); err != nil {
		return nil, err
	}
	return normalize(v), nil
}

func checkValue(v any) error {
	switch x := v.(type) {
	case nil:
		return invalid("invalid value: invalid type: null, expected any valid TOML value")
	case json.Number:
		if _, err := x.Int64(); err != nil && !strings.ContainsAny(x.String(), ".eE") {
			return invalid("invalid value: u64 value was too large")
		}
	case []any:
		for _, e := range x {
			if err := checkValue(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range x {
			if err := checkValue(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetTrust writes the trust level of a folder. It is only ever called because the user said so: nothing in the host
// may call it on its own account.
func (l *Loader) SetTrust(ctx context.Context, dir string, t Trust) error {
	edit := Edit{KeyPath: JoinKeyPath([]string{"projects", filepath.Clean(dir), "trust_level"})}
	if t != Undecided {
		edit.Value = json.RawMessage(`"` + t.String() + `"`)
	}
	_, err := l.Write(ctx, []Edit{edit}, "", "")
	return err
}
