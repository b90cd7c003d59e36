package config

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// SkillSelector names skills by exact name or by the path of a SKILL.md: exactly one of the two.
type SkillSelector struct {
	Name string
	Path string // absolute
}

// SetSkillEnabled switches skills in the user's file. Switching off adds a [[skills.config]] entry or changes the one
// that is there; switching on takes the entries of that selector away, because on is what skills are without any.
func (l *Loader) SetSkillEnabled(ctx context.Context, s SkillSelector, enabled bool) error {
	_, err := l.edit(ctx, "", func(e *editing) error { return e.setSkill(s, enabled, filepath.Dir(l.userFile), l.userHome) })
	return err
}

func (e *editing) setSkill(s SkillSelector, enabled bool, base, home string) error {
	path := []string{"skills", "config"}
	if err := e.writable(path); err != nil {
		return err
	}
	v, found := lookup(e.tree, path)
	list, ok := v.([]any)
	if found && !ok {
		return invalid("Invalid configuration: invalid type: map, expected a sequence\nin `skills.config`\n")
	}
	_, inline := locateValue(e.doc.exprs(), path)
	for i := len(list) - 1; i >= 0; i-- {
		if m, ok := list[i].(map[string]any); ok && s.selects(m, base, home) {
			list = without(list, i)
			if !inline {
				e.doc.remove([]string{"skills", "config", index(i)})
			}
		}
	}
	if !enabled {
		list = append(list[:len(list):len(list)], s.rule())
		if !inline {
			e.doc.appendElement(path, s.text())
		}
	}
	switch {
	case len(list) > 0:
		e.tree = merge(map[string]any{}, e.tree)
		setPathCopy(e.tree, path, list)
		if inline {
			e.doc.set(path, list, false)
		}
	case found:
		e.doc.remove(path)
		deletePath(e.tree, path)
	}
	return nil
}

func (s SkillSelector) selects(m map[string]any, base, home string) bool {
	if s.Name != "" {
		return m["name"] == s.Name && m["path"] == nil
	}
	p, _ := m["path"].(string)
	return p != "" && resolvePath(p, base, home) == s.Path
}

func (s SkillSelector) rule() map[string]any {
	if s.Name != "" {
		return map[string]any{"name": s.Name, "enabled": false}
	}
	return map[string]any{"path": s.Path, "enabled": false}
}

func (s SkillSelector) text() string {
	key, v := "path", s.Path
	if s.Name != "" {
		key, v = "name", s.Name
	}
	return formatPair([]string{key}, v) + "\nenabled = false\n"
}

// appendElement adds an element to an array of tables, behind its relatives.
func (d *document) appendElement(path []string, body string) {
	d.appendSection(d.exprs(), path, "[["+formatPath(path)+"]]\n"+strings.TrimSuffix(body, "\n")+"\n")
}

// without is a list without one element.
func without(list []any, i int) []any { return slices.Delete(slices.Clone(list), i, i+1) }
