package rollout

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// damaged is a thread of three turns with something done to its file.
func damaged(t *testing.T, s *Store, mode string, spoil func(lines [][]byte) []byte) string {
	t.Helper()
	r, _ := thread(t, s, mode, "one", "two", "three")
	ok(t, r.Close())
	b, err := os.ReadFile(r.Path())
	ok(t, err)
	ok(t, os.WriteFile(r.Path(), spoil(bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))), 0o600))
	return r.ID()
}

func join(lines [][]byte) []byte { return append(bytes.Join(lines, []byte("\n")), '\n') }

// insert puts a line after the first turn.
func insert(extra string) func([][]byte) []byte {
	return func(l [][]byte) []byte {
		at := 9 // meta and eight lines of the first turn
		return join(append(append(append([][]byte{}, l[:at]...), []byte(extra)), l[at:]...))
	}
}

func TestDamageCostsOnlyItself(t *testing.T) {
	for _, c := range []struct {
		name    string
		skipped int // lines; -1 if opening the thread mends it
		spoil   func([][]byte) []byte
	}{
		{"byte order mark", 0, func(l [][]byte) []byte { return append([]byte("\xef\xbb\xbf"), join(l)...) }},
		{"no final newline", 0, func(l [][]byte) []byte { return bytes.TrimSuffix(join(l), []byte("\n")) }},
		{"blank lines", 0, func(l [][]byte) []byte { return bytes.ReplaceAll(join(l), []byte("\n"), []byte("\n \t\n\n")) }},
		{"carriage returns", 0, func(l [][]byte) []byte { return bytes.ReplaceAll(join(l), []byte("\n"), []byte("\r\n")) }},
		{"garbage", 1, insert("\x01\x02 this is not JSON {{{")},
		{"not UTF-8", 1, insert("\xff\xfe\xfd")},
		{"bad UTF-8 in a record of no use", 0, insert(`{"timestamp":"t","type":"event_msg","payload":{"type":"x","m":"` + "\xff" + `"}}`)},
		{"zeros", 1, insert(strings.Repeat("\x00", 4096))},
		{"zeros at the end", -1, func(l [][]byte) []byte { return append(join(l), make([]byte, 4096)...) }},
		{"20 MB", 0, insert(`{"timestamp":"t","type":"event_msg","payload":{"type":"noise","m":"` + strings.Repeat("x", 20<<20) + `"}}`)},
		{"deep nesting", 1, insert(`{"timestamp":"t","type":"response_item","payload":` + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + "}")},
		{"half a line", 1, insert(`{"timestamp":"2026-11-20T12:18:20.797Z","ordinal":9,"type":"event_msg","payl`)},
		{"future type", 0, insert(`{"timestamp":"t","ordinal":9,"type":"telepathy","payload":{"a":1}}`)},
		{"future event", 0, insert(`{"timestamp":"t","ordinal":9,"type":"event_msg","payload":{"type":"telepathy"}}`)},
		{"wrong types", 0, insert(`{"timestamp":"t","type":"event_msg","payload":{"type":"task_started","turn_id":7}}`)},
		{"array", 1, insert(`[1,2]`)},
		{"payload no object", 1, insert(`{"timestamp":"t","type":"event_msg","payload":[]}`)},
		{"repeated ordinal", 0, func(l [][]byte) []byte {
			return insert(string(bytes.Replace(l[2], []byte("turn_context"), []byte("x"), 1)))(l)
		}},
		{"missing ordinals", 0, func(l [][]byte) []byte { return join(append(append([][]byte{}, l[:8]...), l[9:]...)) }},
		{"later session meta", 0, insert(`{"timestamp":"t","type":"session_meta","payload":{"id":"another"}}`)},
	} {
		for _, mode := range []string{ModePaginated, ModeLegacy} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				s := testStore(t)
				other, _ := thread(t, s, mode, "healthy")
				id := damaged(t, s, mode, c.spoil)
				check := func(h *History, want ...string) {
					t.Helper()
					same(t, "model sees", questions(h), want...)
					same(t, "client sees", turnQuestions(t, h), want...)
					if h.Warnings.Skipped != c.skipped && c.skipped >= 0 {
						t.Errorf("skipped %d lines, want %d: %+v", h.Warnings.Skipped, c.skipped, h.Warnings.First)
					}
				}
				check(read(t, s, id), "one", "two", "three")
				page, err := s.List(ListOptions{})
				ok(t, err)
				if len(page.Threads) != 2 {
					t.Errorf("listed %d threads", len(page.Threads))
				}
				r, _, err := s.Open(id)
				ok(t, err)
				ask(t, r, "four")
				check(read(t, s, id), "one", "two", "three", "four")
				same(t, "beside it", questions(read(t, s, other.ID())), "healthy")
				ok(t, r.Close())
			})
		}
	}
}

func TestBadUTF8IsReplacedNotDropped(t *testing.T) {
	s := testStore(t)
	id := damaged(t, s, ModePaginated, func(l [][]byte) []byte {
		return bytes.ReplaceAll(join(l), []byte(`"text":"two"`), []byte("\"text\":\"t\xffo\""))
	})
	h := read(t, s, id)
	same(t, "questions", questions(h), "one", "t\uFFFDo", "three")
	if h.Warnings.Repaired == 0 || h.Warnings.Skipped != 0 {
		t.Errorf("warnings %+v", h.Warnings)
	}
}

func TestARecordGluedToATornOneIsFound(t *testing.T) {
	s := testStore(t)
	id := damaged(t, s, ModePaginated, func(l [][]byte) []byte {
		b := join(l)
		return bytes.Replace(b, []byte(`{"timestamp"`), []byte(`{"timestamp":"2026-11-20T12:18`+`{"timestamp"`), 3)[len(`{"timestamp":"2026-11-20T12:18`):]
	})
	same(t, "questions", questions(read(t, s, id)), "one", "two", "three")
}

func TestRuinedFilesHurtNobody(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "healthy")
	dir := filepath.Dir(r.Path())
	meta := lines(t, r.Path())[0]
	for i, content := range []string{"", "\n\n\n", meta[:len(meta)/2], strings.Repeat("not json at all\n", 50), meta + "\n", strings.Repeat("\x00", 8192)} {
		id := newID(t)
		ok(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("rollout-2026-11-20T00-00-0%d-%s.jsonl", i, id)), []byte(strings.ReplaceAll(content, r.ID(), id)), 0o600))
		if h, err := s.Read(id); err == nil && len(h.Items) > 0 {
			t.Errorf("file %d reads as %+v", i, h)
		}
	}
	ok(t, os.Mkdir(filepath.Join(dir, "rollout-2026-11-20T00-00-09-"+newID(t)+".jsonl"), 0o700))
	s.listing.changed(dir)
	page, err := s.List(ListOptions{})
	ok(t, err)
	if len(page.Threads) != 1 || page.Threads[0].ID != r.ID() {
		t.Errorf("listed %+v", page.Threads)
	}
}

// The last record is cut at every byte, and the thread goes on: everything before stays, nothing is glued, and
// what was cut off is kept beside the file.
func TestTornTailAtEveryByte(t *testing.T) {
	s := testStore(t)
	r, _ := thread(t, s, ModePaginated, "one", "two")
	ok(t, r.Close())
	whole, err := os.ReadFile(r.Path())
	ok(t, err)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last; cut <= len(whole); cut++ {
		ok(t, os.WriteFile(r.Path(), whole[:cut], 0o600))
		before := read(t, s, r.ID())
		same(t, fmt.Sprintf("cut at %d, read", cut), turnQuestions(t, before), "one", "two")
		r, h, err := s.Open(r.ID())
		ok(t, err)
		next := h.End.Ordinal
		ask(t, r, "three")
		ok(t, r.Close())
		all := lines(t, r.Path())
		for i, line := range all {
			if rec, okay := parsePrefix([]byte(line)); !okay || !validJSON([]byte(line)) || rec.ordinal != uint64(i) {
				t.Fatalf("cut at %d: line %d is %s", cut, i, line)
			}
		}
		if want := uint64(len(all) - 8); next != want {
			t.Errorf("cut at %d: next ordinal %d, want %d", cut, next, want)
		}
		same(t, fmt.Sprintf("cut at %d, gone on", cut), turnQuestions(t, read(t, s, r.ID())), "one", "two", "three")
		torn, _ := filepath.Glob(r.Path() + ".torn-*")
		if kept := cut > last && cut < len(whole)-1; kept != (len(torn) == 1) {
			t.Errorf("cut at %d of %d..%d: side files %v", cut, last, len(whole), torn)
		}
		for _, p := range torn {
			b, err := os.ReadFile(p)
			ok(t, err)
			if !bytes.Equal(b, whole[last:cut]) {
				t.Errorf("cut at %d: kept %q", cut, b)
			}
			ok(t, os.Remove(p))
		}
	}
}
