package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// corpus holds files as people write them.
var corpus = []string{
	"# a comment\nmodel = \"m\" # trailing\n\n\n[a] # header\n  indented = 1\n\tb.c = 'lit' # x\n\n  # nested\n  [a.d]\n  e = [ 1,\n 2, # two\n ]\n",
	"a = {x = 1, y = {z = \"}\"}}\nb = [[1, 2], [\"]\", '#']]\n\"quoted key\" = 1\n'lit.key' = 2\nd = 1979-05-27 07:32:00\ne = 1979-05-27T07:32:00Z\nf = 0x1F\ng = inf\nh = -1_000\n",
	"[[p]]\nn = 1\n[p.q]\nr = 1\n[[p.s]]\nt = 1\n[[p.s]]\n# second\nt = 2\n[[p]]\nn = 2\n[z.y.x]\nw = 1\n[z]\nv = 1\n",
	"t = \"\"\"\n# no comment\n[no.header]\nk = \"v\"\n\\\"\"\"\"\"\"\nu = '''x\n'''\n[s]\r\nk = 1\r\n# end",
	"\ufeffx.y.z = 1\nx.y.w = 2\nx.v = 3\n\n[projects.\"/a/b\"]\ntrust_level = \"trusted\"\n[projects.'C:\\x']\ntrust_level = \"untrusted\"\n",
	"",
	"# only words",
	"k = {} \nl = []\nm = [ { a = 1 }, { a = 2 } ]\nn = { o.p = 1, 'q r' = 2 }",
}

// kv collects what every line of a file says, so that a test can see which lines an edit touched.
func lineSet(s string) map[string]int {
	out := map[string]int{}
	for _, l := range strings.Split(s, "\n") {
		out[strings.TrimSuffix(l, "\r")]++
	}
	return out
}

func TestEditsLeaveTheRestAlone(t *testing.T) {
	edits := []struct{ key, value string }{
		{"model", `"new"`}, {"a.indented", `2`}, {"a.b.c", `"x"`}, {"a.b.n", `1`}, {"a.d.new", `[1]`}, {"brand.new.table.k", `"v"`},
		{"a.x", `5`}, {"z.y.x.w", `2`}, {"z.y.k", `3`}, {"x.y.n", `4`}, {`projects."/a/b".trust_level`, `"untrusted"`}, {`projects."C:\\\\x".k`, `1`},
		{"n.o.p", `9`}, {"n.o.s", `9`}, {`n."q r"`, `"z"`}, {"k.k.k", `true`}, {"s.k", `2`}, {`"quoted key"`, `2`},
	}
	for _, src := range corpus {
		before := lineSet(src)
		for _, e := range edits {
			path, err := ParseKeyPath(e.key)
			if err != nil {
				t.Fatal(err)
			}
			got, want, ok := tryEdit(t, src, path, e.value, false)
			if !ok {
				continue // the path leads through a value
			}
			if tree, err := parse("", got); err != nil || !reflect.DeepEqual(pruned(tree), pruned(want)) {
				t.Errorf("%s = %s in\n%s\ngave\n%s\n%v", e.key, e.value, src, got, err)
				continue
			}
			lost := 0
			after := lineSet(got)
			for l, n := range before {
				if l != "" && after[l] < n {
					lost++
				}
			}
			if lost > 1 {
				t.Errorf("%s = %s changed %d lines of\n%s\ninto\n%s", e.key, e.value, lost, src, got)
			}
		}
	}
}

// Setting a key and removing it again gives back the lines that were there.
func TestSetThenRemove(t *testing.T) {
	for _, src := range corpus {
		doc := newDocument(src)
		doc.set([]string{"brand", "new"}, "v", false)
		doc.remove([]string{"brand"})
		if strings.TrimSpace(doc.src) != strings.TrimSpace(src) {
			t.Errorf("from\n%q\nto\n%q", src, doc.src)
		}
	}
}

// tryEdit applies one edit to a text and to its tree.
func tryEdit(t *testing.T, src string, path []string, value string, upsert bool) (string, map[string]any, bool) {
	t.Helper()
	tree, lerr := parse("", src)
	if lerr != nil {
		t.Fatal(lerr)
	}
	e := &editing{doc: newDocument(src), tree: tree}
	if err := e.apply(Edit{JoinKeyPath(path), json.RawMessage(value), upsert}); err != nil {
		return "", nil, false
	}
	return e.doc.src, e.tree, true
}

func TestKeyPath(t *testing.T) {
	for in, want := range map[string][]string{
		"a": {"a"}, "a.b": {"a", "b"}, `a."b.c".d`: {"a", "b.c", "d"}, `"a"b`: {"ab"}, " a ": {" a "}, `"\"\\"`: {`"\`}, "'x'.y": {"'x'", "y"},
	} {
		got, err := ParseKeyPath(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
}

func FuzzKeyPath(f *testing.F) {
	for _, s := range []string{"a.b", `a."b.c"`, "..", `"`, `"\`, ` ."x" `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := ParseKeyPath(s)
		if err != nil {
			return
		}
		again, err := ParseKeyPath(JoinKeyPath(path))
		if err != nil && strings.TrimSpace(strings.Join(path, "")) == "" {
			return // nothing but blanks is refused as empty
		}
		if err != nil || !reflect.DeepEqual(again, path) {
			t.Fatalf("%q -> %q -> %q, %v", s, path, again, err)
		}
	})
}

// The editor is proved by parsing its result, so what must never happen is a valid file and a plain edit that it gives
// up on, or damage that the proof lets through.
func FuzzEdit(f *testing.F) {
	for _, c := range corpus {
		f.Add(c, "a.b", `{"x":1}`, true)
		f.Add(c, "a.d.e", `"v"`, false)
		f.Add(c, "z", `null`, false)
	}
	f.Fuzz(func(t *testing.T, src, key, value string, upsert bool) {
		if len(src) > 4096 || !json.Valid([]byte(value)) {
			return
		}
		before, lerr := parse("", src)
		path, err := ParseKeyPath(key)
		if lerr != nil || err != nil || len(path) > 8 || invalidUTF8(key) >= 0 {
			return
		}
		if _, serr := scan(src); serr != nil {
			return // a value the scanner does not know; such an edit is refused by its proof
		}
		got, want, ok := tryEdit(t, src, path, value, upsert)
		if !ok {
			return
		}
		tree, lerr := parse("", got)
		if lerr != nil || !reflect.DeepEqual(pruned(tree), pruned(want)) {
			t.Fatalf("%q = %s (upsert %v) in\n%q\ngave\n%q\n%v", key, value, upsert, src, got, lerr)
		}
		for k, v := range before {
			if k != path[0] && !reflect.DeepEqual(tree[k], v) {
				t.Fatalf("%q changed %q", key, k)
			}
		}
	})
}

func FuzzScan(f *testing.F) {
	for _, c := range corpus {
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		exprs, err := scan(string(src))
		if err != nil && (err.at < 0 || err.at > len(src)) {
			t.Fatalf("error outside the text: %+v", err)
		}
		end := 0
		for _, e := range exprs {
			if e.line.start < 0 || e.start < end || e.end < e.start || e.line.end < e.end || e.line.end > len(src) {
				t.Fatalf("bad ranges %+v", e)
			}
			end = e.line.end
		}
		if _, lerr := parse("f", string(bytes.ToValidUTF8(src, nil))); lerr != nil && lerr.Details() == "" {
			t.Fatal("an error without words")
		}
	})
}
