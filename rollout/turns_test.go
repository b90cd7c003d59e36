package rollout

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// The samples in testdata were written by codex 0.169.0, paths and prompts shortened; beside each lies what it
// answered to thread/read.

func copySample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".jsonl")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readHistory(t *testing.T, path string) *History {
	t.Helper()
	h, err := NewStore(t.TempDir(), Options{}).Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func encodeTurns(t *testing.T, turns []protocol.Turn) []any {
	t.Helper()
	out := make([]any, len(turns))
	for i := range turns {
		b, err := protocol.Append(nil, &turns[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// withoutNulls drops null members: whether they are told or left out is the codec's business, not ours.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil {
				delete(v, k)
			} else {
				v[k] = withoutNulls(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return v
}

func indent(v any) string {
	b, _ := json.MarshalIndent(v, "", " ")
	return string(b)
}

func TestTurnsAsCodexReadsThem(t *testing.T) {
	samples, _ := filepath.Glob("testdata/*.turns.json")
	if len(samples) == 0 {
		t.Fatal("no samples")
	}
	for _, sample := range samples {
		name := strings.TrimSuffix(filepath.Base(sample), ".turns.json")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			var want []any
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			h := readHistory(t, filepath.Join("testdata", name+".jsonl"))
			if h.Warnings.Skipped+h.Warnings.Repaired > 0 {
				t.Errorf("warnings: %+v", h.Warnings)
			}
			wire, err := h.WireTurns()
			if err != nil {
				t.Fatal(err)
			}
			typed, err := h.Turns()
			if err != nil {
				t.Fatal(err)
			}
			for what, turns := range map[string][]protocol.Turn{"wire": wire, "typed": typed} {
				got := encodeTurns(t, turns)
				if len(got) != len(want) {
					t.Fatalf("%s: %d turns, want %d", what, len(got), len(want))
				}
				for i := range want {
					if g, w := indent(withoutNulls(got[i])), indent(withoutNulls(want[i])); g != w {
						t.Errorf("%s turn %d:\ngot  %s\nwant %s", what, i, g, w)
					}
				}
			}
		})
	}
}

func TestTypedItemsAreTyped(t *testing.T) {
	turns, err := readHistory(t, "testdata/paginated.jsonl").Turns()
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		for _, item := range turn.Items {
			if _, raw := item.(protocol.ThreadItemRaw); raw {
				t.Errorf("item stayed raw: %s", item)
			}
		}
	}
}
