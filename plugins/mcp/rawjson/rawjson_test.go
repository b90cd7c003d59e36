package rawjson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

func object(s string) (string, error) {
	var out []string
	err := rawjson.Object([]byte(s), func(name, value []byte) bool {
		out = append(out, fmt.Sprintf("%s=%s", name, value))
		return true
	})
	return strings.Join(out, "|"), err
}

func TestObject(t *testing.T) {
	for _, test := range []struct {
		in, want string
		bad      bool
	}{
		{in: `{}`},
		{in: " {\t} \n"},
		{in: `{"a":1}`, want: "a=1"},
		{in: `{ "a" : "x\"y" , "b":[1,{"c":"]}"}] ,"d":null}`, want: `a="x\"y"|b=[1,{"c":"]}"}]|d=null`},
		{in: `{"a\"b":-1.5e3,"":{}}`, want: `a\"b=-1.5e3|={}`},
		{in: `{"a":"ends in a backslash\\","b":2}`, want: `a="ends in a backslash\\"|b=2`},
		{in: ``, bad: true},
		{in: `[]`, bad: true},
		{in: `{`, bad: true},
		{in: `{"a"`, bad: true},
		{in: `{"a":`, bad: true},
		{in: `{"a":1`, bad: true},
		{in: `{"a":1,`, bad: true},
		{in: `{"a":1,}`, bad: true},
		{in: `{"a":"1}`, bad: true},
		{in: `{"a":[1}`, bad: true},
		{in: `{"a":1} x`, bad: true},
		{in: `{"a" 1}`, bad: true},
		{in: `{a:1}`, bad: true},
		{in: `{"a":}`, bad: true},
	} {
		got, err := object(test.in)
		if (err != nil) != test.bad || !test.bad && got != test.want {
			t.Errorf("%s: got %q, %v; want %q, bad %v", test.in, got, err, test.want, test.bad)
		}
	}
}

func TestArray(t *testing.T) {
	var out []string
	err := rawjson.Array([]byte(` [1, "a,]" ,[2],{"b":[]}] `), func(e []byte) bool {
		out = append(out, string(e))
		return true
	})
	if got := strings.Join(out, "|"); err != nil || got != `1|"a,]"|[2]|{"b":[]}` {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{``, `{}`, `[`, `[1`, `[1,`, `[,]`, `[1]]`} {
		if rawjson.Array([]byte(bad), func([]byte) bool { return true }) == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// What the standard library takes apart must come apart in the same pieces.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[{"c":"\\\""}]}`, `{"":{}}`, `{"a":"]"}`, `{"a":1} `, "{\"a\":\n[1 ,2]}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := map[string][]byte{}
		err := rawjson.Object(b, func(name, value []byte) bool {
			got[string(name)] = value
			return true
		})
		if !json.Valid(b) {
			return
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(b, &want) != nil || want == nil {
			if err == nil {
				t.Fatalf("%q is no object and was taken for one", b)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		for name, v := range got {
			var plain string
			if json.Unmarshal([]byte(`"`+name+`"`), &plain) != nil {
				t.Fatalf("%q: name %q", b, name)
			}
			if w, ok := want[plain]; ok && len(got) == len(want) && !bytes.Equal(bytes.TrimSpace(w), v) {
				t.Fatalf("%q: %s is %q, want %q", b, name, v, w)
			}
		}
	})
}

func BenchmarkObject(b *testing.B) {
	line := []byte(`{"jsonrpc":"2.0","id":17,"result":{"content":[{"type":"text","text":"` + strings.Repeat("abc \\n ", 64) + `"}]}}`)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		_ = rawjson.Object(line, func([]byte, []byte) bool { return true })
	}
}
