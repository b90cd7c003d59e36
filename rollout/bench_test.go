package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// bigThread writes a thread of n turns, each with a command of some output.
func bigThread(b *testing.B, s *Store, n, output int) string {
	b.Helper()
	r, err := s.Create(testMeta())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	out := strings.Repeat("some line of output\\n", output/20)
	text := strings.Repeat("words ", 40)
	if err := r.Materialize(); err != nil {
		b.Fatal(err)
	}
	wire := json.RawMessage(`{"type":"commandExecution","id":"c","command":"/bin/bash -lc ls","cwd":"/w","processId":"7","source":"unifiedExecStartup","status":"completed","commandActions":[{"type":"unknown","command":"ls"}],"aggregatedOutput":"` + out + `","exitCode":0,"durationMs":12}`)
	message := func(kind, role, part string) Record {
		return ResponseItem(json.RawMessage(`{"type":"message","role":"` + role + `","content":[{"type":"` + part + `","text":"` + kind + text + `"}]}`))
	}
	for i := range n {
		turn := fmt.Sprintf("01a1f8e4-b1a2-76d3-8902-%012d", i)
		if err := r.Append(
			TaskStarted(TurnStart{TurnID: turn, StartedAt: 1795177099}), message("q", "user", "input_text"),
			ItemCompletedRaw(testID, turn, json.RawMessage(`{"type":"userMessage","id":"u","content":[{"type":"text","text":"q`+text+`","text_elements":[]}]}`), 1, 1),
			ResponseItem(json.RawMessage(`{"type":"function_call","id":"f","name":"exec_command","arguments":"{}","call_id":"c"}`)),
			ItemCompletedRaw(testID, turn, wire, 1, 2),
			ResponseItem(json.RawMessage(`{"type":"function_call_output","call_id":"c","output":"`+out+`"}`)),
			ItemCompletedRaw(testID, turn, json.RawMessage(`{"type":"agentMessage","id":"a","text":"a`+text+`"}`), 1, 1), message("a", "assistant", "output_text"),
			TokenCount(TokenInfo{}, nil), TaskComplete(TurnEnd{TurnID: turn})); err != nil {
			b.Fatal(err)
		}
	}
	return r.Path()
}

func benchStore(b *testing.B) *Store { return NewStore(b.TempDir(), Options{Fsync: FsyncOff}) }

func BenchmarkReadHistory(b *testing.B) {
	s := benchStore(b)
	path := bigThread(b, s, 2000, 4000)
	info, _ := os.Stat(path)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTurns(b *testing.B) {
	s := benchStore(b)
	path := bigThread(b, s, 2000, 4000)
	info, _ := os.Stat(path)
	h, err := s.Read(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, how := range []struct {
		name string
		f    func() ([]protocol.Turn, error)
	}{{"wire", h.WireTurns}, {"typed", h.Turns}} {
		b.Run(how.name, func(b *testing.B) {
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := how.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	s := benchStore(b)
	r, err := s.Create(testMeta())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if err := r.Materialize(); err != nil {
		b.Fatal(err)
	}
	item := json.RawMessage(`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"` + strings.Repeat("words ", 80) + `"}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Append(ResponseItem(item)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkItemCompleted(b *testing.B) {
	wire := json.RawMessage(`{"type":"agentMessage","id":"a","text":"` + strings.Repeat("words ", 80) + `","phase":null}`)
	c := completedItem{testID, "t", wire, 1, 2}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendItemCompleted(buf[:0], &c)
	}
}

// manyThreads makes n threads in day folders, or uses those that ROLLOUT_BENCH_HOME points to.
func manyThreads(b *testing.B, n int) string {
	b.Helper()
	if home := os.Getenv("ROLLOUT_BENCH_HOME"); home != "" {
		return home
	}
	home := b.TempDir()
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at = at.Add(8 * time.Minute)
		s := NewStore(home, Options{Now: func() time.Time { return at }})
		m := testMeta()
		m.ID = fmt.Sprintf("01a1f8e4-b190-7753-bfb1-%012d", i)
		m.Instructions = json.RawMessage(`{"text":"` + strings.Repeat("words ", 1400) + `"}`)
		path := s.newPath(m.ID, "", at)
		if err := makePrivate(filepath.Dir(path)); err != nil {
			b.Fatal(err)
		}
		m.Timestamp = at
		line := append([]byte(`{"timestamp":"2026-09-01T00:00:00.000Z","ordinal":0,"type":"session_meta","payload":`), m.appendJSON(nil)...)
		line = append(line, "}\n"+`{"timestamp":"2026-09-01T00:00:00.000Z","ordinal":1,"type":"event_msg","payload":{"type":"item_completed","thread_id":"t","turn_id":"u","item":{"type":"UserMessage","id":"i","content":[{"type":"text","text":"question `...)
		line = fmt.Appendf(line, `%d","text_elements":[]}]}}}`+"\n", i)
		if err := os.WriteFile(path, line, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return home
}

func BenchmarkList(b *testing.B) {
	home := manyThreads(b, 10000)
	warm := NewStore(home, Options{})
	for _, c := range []struct {
		name string
		cold bool
		o    ListOptions
	}{
		{"first page, cold", true, ListOptions{}}, {"first page", false, ListOptions{}},
		{"search, cold", true, ListOptions{Search: "question 9 "}}, {"search", false, ListOptions{Search: "question 9"}},
		{"by update, cold", true, ListOptions{SortKey: SortUpdated}}, {"by update", false, ListOptions{SortKey: SortUpdated}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s := warm
				if c.cold {
					s = NewStore(home, Options{})
				}
				if _, err := s.List(c.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSync(b *testing.B) {
	s := NewStore(b.TempDir(), Options{})
	r, err := s.Create(testMeta())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for b.Loop() {
		if err := r.Materialize(TaskStarted(TurnStart{TurnID: "t"})); err != nil {
			b.Fatal(err)
		}
		if err := r.Sync(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkForkAtTheEnd(b *testing.B) {
	for _, turns := range []int{200, 8000} {
		b.Run(fmt.Sprint(turns), func(b *testing.B) {
			s := benchStore(b)
			path := bigThread(b, s, turns, 400)
			for n := 0; b.Loop(); n++ {
				tail, err := s.Tail(path)
				if err != nil {
					b.Fatal(err)
				}
				m := testMeta()
				m.ID = fmt.Sprintf("01a1f8e4-b190-7753-bfb1-%012d", n)
				r, err := s.ForkAt(m, testID, tail.Cut())
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
