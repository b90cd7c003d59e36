package protocol

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared is a file of the material that the schema comes from, which is not part of the repository.
func shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", filepath.Join(elem...))
	}
	return path
}

type goldenMessage struct {
	label string
	typ   func() any
	body  json.RawMessage
}

// goldens lists the params and results of all recorded host messages.
func goldens(t testing.TB) []goldenMessage {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(shared(t, "lab", "golden"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []goldenMessage
	for _, path := range paths {
		if strings.HasPrefix(filepath.Base(path), "_") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Lanes map[string]struct {
				Messages map[string]struct {
					Method         string
					Params, Result json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for lane, l := range doc.Lanes {
			for label, m := range l.Messages {
				g := goldenMessage{label: filepath.Base(path) + " " + lane + " " + label, body: m.Params}
				switch method, ok := ServerNotification(m.Method); {
				case ok:
					g.typ = method.Params
				case m.Method != "":
					if method, ok = ServerRequest(m.Method); !ok {
						t.Errorf("%s: no such method", g.label)
						continue
					}
					g.typ = method.Params
				case m.Result != nil:
					name, _, _ := strings.Cut(strings.TrimPrefix(label, "answer "), " ")
					if method, ok = ClientRequest(name); !ok {
						t.Errorf("%s: no such method", g.label)
						continue
					}
					g.body, g.typ = m.Result, method.Result
				default:
					continue
				}
				list = append(list, g)
			}
		}
	}
	if len(list) < 500 {
		t.Fatalf("only %d recorded messages", len(list))
	}
	return list
}

// unmask undoes what the recording put in place of numbers.
func unmask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = unmask(x)
		}
	case []any:
		for i, x := range v {
			v[i] = unmask(x)
		}
	case string:
		if strings.HasPrefix(v, "#<") {
			return 7
		}
	}
	return v
}

// trimmed names the recordings that hold only what their scenario is about: what Append adds to them says nothing.
var trimmed = []string{
	"answer config/read", "answer thread/list", "answer thread/read", "answer fs/readFile", "command/exec/outputDelta",
}

func TestGoldensSurvive(t *testing.T) {
	seen := map[string]int{}
	for _, g := range goldens(t) {
		partial := slices.ContainsFunc(trimmed, func(s string) bool { return strings.Contains(g.label, s) })
		var in any
		if err := json.Unmarshal(g.body, &in); err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(unmask(in))
		if err != nil {
			t.Fatal(err)
		}
		v := g.typ()
		if err := Decode(body, v); err != nil {
			var d *DecodeError
			d, _ = err.(*DecodeError)
			report(t, seen, g.label, fmt.Sprintf("%T at %s: %v", v, d.Path, err))
			continue
		}
		out, err := Append(nil, v)
		if err != nil && partial {
			continue
		}
		if err != nil {
			report(t, seen, g.label, fmt.Sprintf("%T: %v", v, err))
			continue
		}
		var back any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%s: bad JSON: %v\n%s", g.label, err, out)
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Fatal(err)
		}
		for _, diff := range compare(fmt.Sprintf("%T", v), in, back) {
			if partial && strings.Contains(diff, ": added (") {
				continue
			}
			report(t, seen, g.label, diff)
		}
	}
}

func report(t *testing.T, seen map[string]int, label, text string) {
	if seen[text]++; seen[text] == 1 {
		t.Errorf("%s\n\t%s", label, text)
	}
}

// compare lists where two JSON values differ, members missing and too many included.
func compare(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return []string{at + ": no object"}
		}
		var diffs []string
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if _, ok := got[k]; !ok {
				diffs = append(diffs, fmt.Sprintf("%s.%s: lost (%v)", at, k, want[k]))
				continue
			}
			diffs = append(diffs, compare(at+"."+k, want[k], got[k])...)
		}
		for _, k := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[k]; !ok {
				diffs = append(diffs, fmt.Sprintf("%s.%s: added (%v)", at, k, got[k]))
			}
		}
		return diffs
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return []string{at + ": not the same list"}
		}
		var diffs []string
		for i := range want {
			diffs = append(diffs, compare(at+"[]", want[i], got[i])...)
		}
		return diffs
	}
	if want != got {
		return []string{fmt.Sprintf("%s: %v became %v", at, want, got)}
	}
	return nil
}
