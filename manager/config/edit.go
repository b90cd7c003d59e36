package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
)

// document is a config.toml being edited as text. Every operation leaves valid text behind and scans it anew: files are
// small, edits are rare, and ranges that survive an edit are the usual source of damage.
type document struct {
	src string
	eol string
}

func newDocument(src string) *document {
	eol := "\n"
	if i := strings.IndexByte(src, '\n'); i > 0 && src[i-1] == '\r' {
		eol = "\r\n"
	}
	return &document{src: src, eol: eol}
}

func (d *document) exprs() []expr {
	out, _ := scan(d.src)
	return out
}

// splice replaces a range.
func (d *document) splice(at span, text string) {
	d.src = d.src[:at.start] + text + d.src[at.end:]
}

// set writes v at path. With upsert tables merge; without, a table's other keys go. Array elements are not paths here.
func (d *document) set(path []string, v any, upsert bool) {
	t, ok := v.(map[string]any)
	if !ok {
		d.setLeaf(path, v)
		return
	}
	if at, ok := locateValue(d.exprs(), path); ok && at.kind != '{' {
		d.remove(path) // a plain value gives way to the table
	}
	if !upsert {
		for _, k := range d.keysUnder(path) {
			if _, keep := t[k]; !keep {
				d.remove(append(slices.Clone(path), k))
			}
		}
	}
	for _, k := range sortedKeys(t) {
		d.set(append(slices.Clone(path), k), t[k], upsert)
	}
	if len(t) == 0 && !d.exists(path) {
		d.createTable(path)
	}
}

// setLeaf writes a value that is no table.
func (d *document) setLeaf(path []string, v any) {
	if at, ok := locateValue(d.exprs(), path); ok {
		var b strings.Builder
		formatValue(&b, v)
		d.splice(at.at, d.lines(b.String()))
		return
	}
	if d.exists(path) {
		d.remove(path)
	}
	d.insert(path, v)
}

// lines gives a text the file's own line ends.
func (d *document) lines(s string) string {
	if d.eol == "\n" {
		return s
	}
	return strings.ReplaceAll(s, "\n", d.eol)
}

// locateValue finds the value written for exactly this path, in lines and in inline tables.
func locateValue(exprs []expr, path []string) (value, bool) {
	for _, e := range exprs {
		if e.kind == exprKeyValue && prefixLen(e.path, path) == len(e.path) {
			if v, ok := e.value.child(path[len(e.path):]); ok {
				return v, true
			}
		}
	}
	return value{}, false
}

// child is the value at a path inside inline tables.
func (v value) child(path []string) (value, bool) {
	if len(path) == 0 {
		return v, true
	}
	for _, e := range v.entries {
		keys := names(e.keys)
		if prefixLen(keys, path) == len(keys) {
			if out, ok := e.value.child(path[len(keys):]); ok {
				return out, true
			}
		}
	}
	return value{}, false
}

// exists says whether anything is written at or under path.
func (d *document) exists(path []string) bool {
	for _, e := range d.exprs() {
		if prefixLen(e.path, path) == len(path) {
			return true
		}
		if e.kind == exprKeyValue && prefixLen(e.path, path) == len(e.path) {
			if _, ok := e.value.find(path[len(e.path):]); ok {
				return true
			}
		}
	}
	return false
}

// keysUnder lists the direct keys written under a table.
func (d *document) keysUnder(path []string) []string {
	var out []string
	add := func(k string) {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	for _, e := range d.exprs() {
		switch n := prefixLen(e.path, path); {
		case n == len(path) && len(e.path) > n:
			add(e.path[n])
		case n == len(e.path) && e.kind == exprKeyValue:
			e.value.keysUnder(path[n:], add)
		}
	}
	return out
}

func (v value) keysUnder(path []string, add func(string)) {
	for _, e := range v.entries {
		keys := names(e.keys)
		switch n := prefixLen(keys, path); {
		case n == len(path) && len(keys) > n:
			add(keys[n])
		case n == len(keys):
			e.value.keysUnder(path[n:], add)
		}
	}
}

var errLayout = errors.New("the file's layout does not allow this edit")

// check proves an edit: the text must parse to exactly the tree that was meant.
func (d *document) check(want map[string]any) error {
	got, err := parse("", d.src)
	if err != nil || !reflect.DeepEqual(pruned(got), pruned(want)) {
		return errLayout
	}
	return nil
}

// pruned is a tree without its empty tables: text may say them or not.
func pruned(t map[string]any) map[string]any {
	out := make(map[string]any, len(t))
	for k, v := range t {
		if sub, ok := v.(map[string]any); ok {
			if sub = pruned(sub); len(sub) == 0 {
				continue
			}
			v = sub
		}
		out[k] = v
	}
	return out
}
