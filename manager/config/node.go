package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// decoder reads one merged tree into typed settings. It keeps the first error and the keys that nothing asked for.
type decoder struct {
	err     *LoadError
	unknown [][]string
}

// node is one table of the tree while it is being read. Every getter notes its key; done reports the others.
type node struct {
	d      *decoder
	vals   map[string]any
	parent *node
	name   string
	seen   []string
}

func (n *node) path(key ...string) []string {
	var out []string
	for p := n; p != nil && p.parent != nil; p = p.parent {
		out = append(out, p.name)
	}
	slices.Reverse(out)
	return append(out, key...)
}

// fail records that the value at key (or the table itself, without key) is wrong.
func (n *node) fail(why string, key ...string) {
	if n.d.err == nil {
		n.d.err = &LoadError{Key: JoinKeyPath(n.path(key...)), Why: why}
	}
}

func (n *node) get(key string) (any, bool) {
	n.seen = append(n.seen, key)
	v, ok := n.vals[key]
	return v, ok
}

func (n *node) has(key string) bool {
	_, ok := n.vals[key]
	return ok
}

// known marks keys that belong to the file format but mean nothing to this host.
func (n *node) known(keys ...string) { n.seen = append(n.seen, keys...) }

// done reports the keys nobody asked for, in order.
func (n *node) done() {
	if n == nil {
		return
	}
	var odd []string
	for k := range n.vals {
		if !slices.Contains(n.seen, k) {
			odd = append(odd, k)
		}
	}
	sort.Strings(odd)
	for _, k := range odd {
		n.d.unknown = append(n.d.unknown, n.path(k))
	}
}

func (n *node) wrong(v any, want string, key ...string) {
	n.fail("invalid type: "+describe(v)+", expected "+want, key...)
}

func describe(v any) string {
	switch x := v.(type) {
	case string:
		return fmt.Sprintf("string %q", x)
	case int64:
		return fmt.Sprintf("integer `%d`", x)
	case float64:
		return fmt.Sprintf("floating point `%v`", x)
	case bool:
		return fmt.Sprintf("boolean `%v`", x)
	case []any:
		return "sequence"
	}
	return "map"
}

func (n *node) str(key string) string {
	v, ok := n.get(key)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		n.wrong(v, "a string", key)
	}
	return s
}

func (n *node) boolean(key string, def bool) bool {
	v, ok := n.get(key)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		n.wrong(v, "a boolean", key)
		return def
	}
	return b
}

// integer answers def when the key is absent; want names the type in the error (i64, u64, usize).
func (n *node) integer(key, want string, def int64) int64 {
	v, ok := n.get(key)
	if !ok {
		return def
	}
	i, ok := v.(int64)
	if !ok {
		n.wrong(v, want, key)
		return def
	}
	if i < 0 && want != "i64" {
		n.fail("invalid value: "+describe(v)+", expected "+want, key)
		return def
	}
	return i
}

// optInt is integer for settings where absent differs from every number.
func (n *node) optInt(key, want string) *int64 {
	if !n.has(key) {
		n.known(key)
		return nil
	}
	v := n.integer(key, want, 0)
	return &v
}

// seconds reads a duration given as a number of seconds.
func (n *node) seconds(key string) (float64, bool) {
	v, ok := n.get(key)
	if !ok {
		return 0, false
	}
	var f float64
	switch x := v.(type) {
	case int64:
		f = float64(x)
	case float64:
		f = x
	default:
		n.wrong(v, "f64", key)
		return 0, false
	}
	switch {
	case f < 0:
		n.fail("cannot convert float seconds to Duration: value is negative")
	case math.IsNaN(f) || math.IsInf(f, 0) || f > 1e9:
		n.fail("cannot convert float seconds to Duration: value is either too big or NaN")
	default:
		return f, true
	}
	return 0, false
}

func (n *node) strs(key string) []string {
	v, ok := n.get(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		n.wrong(v, "a sequence", key)
		return nil
	}
	out := make([]string, 0, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			n.wrong(e, "a string", key, index(i))
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (n *node) strMap(key string) map[string]string {
	t := n.table(key, "a map")
	if t == nil {
		return nil
	}
	out := make(map[string]string, len(t.vals))
	for k := range t.vals {
		out[k] = t.str(k)
	}
	return out
}

// table answers nil when the key is absent or wrong; want names the expected thing in the error.
func (n *node) table(key, want string) *node {
	v, ok := n.get(key)
	if !ok {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		n.wrong(v, want, key)
		return nil
	}
	return &node{d: n.d, vals: m, parent: n, name: key}
}

// json is a table whose keys are none of ours, as a JSON object; nil when it is absent or cannot be one.
func (n *node) json(key string) json.RawMessage {
	t := n.table(key, "a map")
	if t == nil {
		return nil
	}
	b, err := json.Marshal(t.vals)
	if err != nil { // a number that JSON has not: inf, nan
		n.fail(err.Error(), key)
		return nil
	}
	return b
}

// child reads one entry of a table whose keys are names.
func (n *node) child(key, want string) *node { return n.table(key, want) }

func (n *node) keys() []string {
	out := make([]string, 0, len(n.vals))
	for k := range n.vals {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// wordWanted is what clients are told when a value that came without a file is no word.
const wordWanted = "invalid type: unit variant, expected string only"

// oneOf reads a word out of a closed list.
func (n *node) oneOf(key string, words ...string) string {
	v, ok := n.get(key)
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		if _, table := v.(map[string]any); table {
			n.fail("wanted exactly 1 element, found 0 elements", key)
		} else {
			n.fail(wordWanted, key)
		}
		return ""
	}
	if !slices.Contains(words, s) {
		n.fail("unknown variant `"+s+"`, expected "+alternatives(words), key)
		return ""
	}
	return s
}

func alternatives(words []string) string {
	switch len(words) {
	case 1:
		return "`" + words[0] + "`"
	case 2:
		return "`" + words[0] + "` or `" + words[1] + "`"
	}
	return "one of `" + strings.Join(words, "`, `") + "`"
}
