package rollout

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func sampleFiles(f *testing.F) [][]byte {
	paths, _ := filepath.Glob("testdata/*.jsonl")
	var out [][]byte
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// The scanner says what encoding/json says, except that it wants UTF-8.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `{"a":[1,2.5e-3,-0,true,false,null,"\u00e9\n\\\""]}`, `{"a" : {"b":[ ]} , "c":1}`, `"x`, `[1,]`, `{"a":}`, `01`, `-`, `"\x"`, "\"\x1f\"", `{"aaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbbbb"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := json.Valid(b) && utf8.Valid(b)
		if got := validJSON(b); got != want {
			t.Fatalf("validJSON(%q) = %v, encoding/json says %v", b, got, want)
		}
		if !want {
			members(b, func(key, value []byte) bool { return true })
			elements(b, func(value []byte) bool { return true })
			return
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(b, &object) == nil && object != nil {
			got := map[string]json.RawMessage{}
			if !members(b, func(key, value []byte) bool { got[string(key)] = value; return true }) {
				t.Fatalf("members(%q) failed", b)
			}
			for k, v := range object {
				if !bytes.Equal(bytes.TrimSpace(got[k]), bytes.TrimSpace(v)) {
					t.Fatalf("member %q of %q is %q, want %q", k, b, got[k], v)
				}
			}
		}
		var s string
		if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &s) == nil {
			if got := decodeString(bytes.TrimSpace(b)); got != s {
				t.Fatalf("decodeString(%q) = %q, want %q", b, got, s)
			}
			var again string
			if err := json.Unmarshal(appendString(nil, s), &again); err != nil || again != s {
				t.Fatalf("appendString(%q) reads as %q, %v", s, again, err)
			}
		}
	})
}

func FuzzLineReader(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"))
	f.Add(bytes.Repeat([]byte("xyz"), 3000))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines := newLineReader(iotest.HalfReader(bytes.NewReader(b)), 0, 7)
		var joined []byte
		for {
			line, off, whole, err := lines.next()
			if err == io.EOF {
				break
			}
			if err != nil || off != int64(len(joined)) {
				t.Fatalf("line at %d after %d bytes, %v", off, len(joined), err)
			}
			joined = append(joined, line...)
			if whole {
				joined = append(joined, '\n')
			}
		}
		if !bytes.Equal(joined, b) {
			t.Fatalf("lines join to %q, want %q", joined, b)
		}
	})
}

// Whatever a file holds, it can be read, listed, opened if it says whose it is, and written on: what is written
// then is read back, after what was read before.
func FuzzThread(f *testing.F) {
	for _, b := range sampleFiles(f) {
		f.Add(b[:min(len(b), 6000)])
	}
	f.Add([]byte(`{"timestamp":"t","type":"session_meta","payload":{"id":"i"}}` + "\n" + `{"timestamp":"t","type":"event_msg","payload":{"type":"thread_rolled_back","num_turns":18446744073709551615}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewStore(t.TempDir(), Options{Fsync: FsyncOff})
		dir := filepath.Join(s.sessions(), "2026", "11", "20")
		ok(t, os.MkdirAll(dir, 0o700))
		path := filepath.Join(dir, "rollout-2026-11-20T12-18-19-"+testID+".jsonl")
		ok(t, os.WriteFile(path, b, 0o600))
		_, err := s.List(ListOptions{})
		ok(t, err)
		before, err := s.Read(path)
		if err != nil {
			return
		}
		if _, err := before.Turns(); err != nil {
			t.Fatal(err)
		}
		for n := -1; n < 3; n++ {
			before.CutBeforeUserMessage(n)
		}
		if filepath.Base(before.Meta.ID) != before.Meta.ID || len(before.Meta.ID) > 100 {
			return // no thread of ours, and no name for a lock
		}
		r, h, err := s.Open(path)
		if err != nil {
			return
		}
		defer r.Close()
		if len(h.Items) != len(before.Items) {
			t.Fatalf("%d items when opened, %d when read", len(h.Items), len(before.Items))
		}
		ok(t, r.Append(turnRecords(t, "i", "new turn", "new question", "new answer")...))
		after, err := s.Read(path)
		ok(t, err)
		if len(after.Items) != len(before.Items)+2 || after.Warnings.Skipped > before.Warnings.Skipped {
			t.Fatalf("%d items and %+v after a turn, %d and %+v before", len(after.Items), after.Warnings, len(before.Items), before.Warnings)
		}
		for _, it := range after.Items {
			if !json.Valid(it) {
				t.Fatalf("item %q", it)
			}
		}
	})
}

// Whatever an item holds, both spellings of it are JSON.
func FuzzItem(f *testing.F) {
	for _, b := range sampleFiles(f) {
		for _, line := range bytes.Split(b, []byte("\n")) {
			if item := member(member(line, "payload"), "item"); item != nil {
				f.Add(item)
			}
		}
	}
	f.Fuzz(func(t *testing.T, item []byte) {
		if len(item) == 0 || item[0] != '{' || !validJSON(item) {
			return
		}
		wire := itemToWire(nil, item, nil, nil)
		file := itemToFile(nil, wire)
		if !validJSON(wire) || !validJSON(file) {
			t.Fatalf("%s\nwire %s\nfile %s", item, wire, file)
		}
		legacyEvents(&completedItem{"t", "u", wire, 1, 2}, func(payload []byte) {
			if !validJSON(payload) {
				t.Fatalf("event %s", payload)
			}
		})
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("2026-11-20T12:18:23Z|01a1f8e4-c040-7840-9504-0dfb9a950024")
	f.Add("2026-11-20T12:18:23.912Z")
	f.Add("|")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil || s == "" {
			return
		}
		c.at = c.at.Truncate(1e6)
		if y := c.at.UTC().Year(); y < 1 || y > 9998 {
			return
		}
		again, err := parseCursor(c.String())
		if err != nil || again.compare(c) != 0 || again.id != c.id {
			t.Fatalf("%q became %q, %v", s, c.String(), err)
		}
	})
}

func FuzzCommand(f *testing.F) {
	f.Add("/bin/bash", "-lc", "echo \"it's\" $HOME ^ \\ `x` !")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		argv := []string{a, b, c}
		got := splitCommand(protocol.JoinCommand(argv))
		if len(got) != 3 || got[0] != a || got[1] != b || got[2] != c {
			t.Fatalf("%q became %q by way of %s", argv, got, protocol.JoinCommand(argv))
		}
	})
}
