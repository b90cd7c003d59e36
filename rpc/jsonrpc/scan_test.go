package jsonrpc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScan compares the scanner with encoding/json: what is valid, and what the members of the envelope are.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`{"id":1,"method":"x","params":{"a":[1,-0.5e+10,true,null]}}`, `{"id":"\ud83d\ude00","m\u0065thod":"\n"}`,
		`{"id":-0,"result":{},"error":null}`, `[]`, `[[{}],[]]`, ` {"a" : "b" , "c":[ ] } `, `{"a":{},"a":{"b":{}}}`, `01`, `-`, `1.`,
		`1e`, `"\u12"`, `"\x"`, `{"a":}`, `{,}`, `[1,]`, `{"a":1,}`, `nul`, `"` + "\x7f\x1f" + `"`, "\"\xff\"", "\"\xed\xa0\x80\"",
		`"12345678\"`, `"1234567` + "\t" + `"`, strings.Repeat("[", 10001), strings.Repeat("[", 10000) + strings.Repeat("]", 10000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s scanner
		m, err := s.scan(b)
		valid := json.Valid(b) && utf8.Valid(b)
		if (err == nil) != valid {
			t.Fatalf("%q: scanner says %v, encoding/json says %v", b, err, valid)
		}
		if err != nil && (err.at < 0 || err.at > len(b)) {
			t.Fatalf("%q: error at %d", b, err.at)
		}
		if err != nil || m.kind != '{' {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][]byte{"params": m.params, "result": m.result, "error": m.failure} {
			if !bytes.Equal(got, want[name]) {
				t.Fatalf("%q: %s is %q, want %q", b, name, got, want[name])
			}
		}
		checkEnvelope(t, b, &m, want)
	})
}

func checkEnvelope(t *testing.T, b []byte, m *message, want map[string]json.RawMessage) {
	if m.methodState == good {
		var method string
		if json.Unmarshal(want["method"], &method) != nil || method != string(m.method) {
			t.Fatalf("%q: method is %q, want %q", b, m.method, method)
		}
	}
	_, has := want["id"]
	if has != (m.idState != absent) {
		t.Fatalf("%q: id state %d", b, m.idState)
	}
	if n, ok := m.id.Int(); ok {
		var id int64
		if json.Unmarshal(want["id"], &id) != nil || id != n {
			t.Fatalf("%q: id is %d, want %s", b, n, want["id"])
		}
	}
	if str, ok := m.id.Str(); ok {
		var id string
		if json.Unmarshal(want["id"], &id) != nil || id != str {
			t.Fatalf("%q: id is %q, want %s", b, str, want["id"])
		}
	}
}

// FuzzAppendString checks that any text comes back from a decoder, with U+FFFD for what is no UTF-8.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"b\\n\n\r\t\x00\x1f\x7f", "é世\U0001f600\u2028", "\xff\xc3(", strings.Repeat("x", 15) + "\x01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("%q became %q, %v", s, got, err)
		}
		if id := StringID(s); utf8.ValidString(s) {
			b, _ := json.Marshal(id)
			if back, whole := unquote(b); !whole || string(back) != s {
				t.Fatalf("id %q came back as %q", s, back)
			}
		}
	})
}

// TestScanCut reads the envelope of a message whose end is missing, as of one that was too large to keep.
func TestScanCut(t *testing.T) {
	for _, c := range []struct {
		line, id                  string
		method, result, isFailure bool
	}{
		{`{"id":31,"method":"x","params":{"name":"yyy`, "31", true, false, false},
		{`{"id":"a","result":{"x":[1,2`, `"a"`, false, true, false},
		{`{"id":5,"error":{"message":"m`, "5", false, false, true},
		{`{"id":12`, "null", false, false, false}, // more digits may have followed
		{`{"params":{"name":"yyy`, "null", false, false, false},
		{`{"method":"x","id":7,"params":[`, "7", true, false, false},
	} {
		var s scanner
		m, err := s.scan([]byte(c.line))
		if err == nil || !err.cut {
			t.Errorf("%s: error %v, want one that says cut", c.line, err)
		}
		if m.id.String() != c.id || (m.methodState == good) != c.method || m.hasResult != c.result || m.hasFailure != c.isFailure {
			t.Errorf("%s: got id %s, method %v, result %v, error %v", c.line, m.id, m.methodState, m.hasResult, m.hasFailure)
		}
	}
}
