package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

const testID = "01a1f8e4-b190-7753-bfb1-53728a55f5bb"

var testTime = time.Date(2026, 11, 20, 12, 18, 19, 670e6, time.UTC)

func testStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(t.TempDir(), Options{Now: func() time.Time { return testTime }})
}

func testMeta() Meta {
	return Meta{ID: testID, Cwd: "/w", Originator: "tester", CLIVersion: "0.1.0", ModelProvider: "mock",
		Instructions: json.RawMessage(`{"text":"be good"}`), ContextWindowID: "01a1f8e4-b192-7d81-ac4a-5435359efccd"}
}

func create(t *testing.T, s *Store, m Meta) *Recorder {
	t.Helper()
	r, err := s.Create(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func item(t *testing.T, wire string) protocol.ThreadItem {
	t.Helper()
	var it protocol.ThreadItem
	ok(t, protocol.Decode([]byte(wire), &it))
	return it
}

func userRecords(t *testing.T, id, turn, text string) []Record {
	quoted := string(appendString(nil, text))
	return []Record{
		ResponseItem(json.RawMessage(`{"type":"message","role":"user","content":[{"type":"input_text","text":` + quoted + `}]}`)),
		ItemCompleted(id, turn, item(t, `{"type":"userMessage","id":"u-`+turn+`","content":[{"type":"text","text":`+quoted+`,"text_elements":[]}]}`), 1000, 1000),
	}
}

func agentRecords(t *testing.T, id, turn, text string) []Record {
	quoted := string(appendString(nil, text))
	return []Record{
		ItemCompleted(id, turn, item(t, `{"type":"agentMessage","id":"a-`+turn+`","text":`+quoted+`}`), 2000, 2001),
		ResponseItem(json.RawMessage(`{"type":"message","id":"a-` + turn + `","role":"assistant","content":[{"type":"output_text","text":` + quoted + `}]}`)),
	}
}

// turnRecords is a whole turn of a user's question and an answer.
func turnRecords(t *testing.T, id, turn, question, answer string) []Record {
	recs := []Record{TaskStarted(TurnStart{TurnID: turn, StartedAt: 1795177099, ContextWindow: 258400}),
		TurnContext{TurnID: turn, Cwd: "/w", ApprovalPolicy: json.RawMessage(`"never"`), Model: "mock-model",
			SandboxPolicy: json.RawMessage(`{"type":"danger-full-access"}`)}.Record()}
	recs = append(recs, userRecords(t, id, turn, question)...)
	recs = append(recs, agentRecords(t, id, turn, answer)...)
	return append(recs,
		TokenCount(TokenInfo{Total: TokenUsage{Total: 120}, Last: TokenUsage{Total: 120}, ContextWindow: 258400}, nil),
		TaskComplete(TurnEnd{TurnID: turn, LastAgentMessage: &answer, StartedAt: 1795177099, CompletedAt: 1795177100, DurationMs: 82}))
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	if len(b) > 0 && b[len(b)-1] != '\n' {
		t.Fatalf("%s does not end with a newline", path)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func TestNothingIsWrittenBeforeMaterialize(t *testing.T) {
	s := testStore(t)
	r := create(t, s, testMeta())
	ok(t, r.Append(ResponseItem(json.RawMessage(`{"type":"message","role":"developer","content":[]}`))))
	ok(t, r.Sync(context.Background()))
	if r.Materialized() {
		t.Error("materialized")
	}
	if entries, _ := os.ReadDir(s.home); len(entries) != 0 {
		t.Errorf("home holds %v", entries)
	}
	ok(t, r.Materialize(turnRecords(t, testID, "t1", "hi", "ho")...))
	got := lines(t, r.Path())
	for i, line := range got {
		rec, okay := parsePrefix([]byte(line))
		if !okay || !rec.hasOrdinal || rec.ordinal != uint64(i) || !json.Valid([]byte(line)) {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if !strings.Contains(got[0], `"session_meta"`) || !strings.Contains(got[1], `"developer"`) {
		t.Errorf("wrong order: %s", got[:2])
	}
	if p := r.Position(); p.Ordinal != uint64(len(got)) {
		t.Errorf("position %+v after %d lines", p, len(got))
	}
}

func TestPathIsLocalTime(t *testing.T) {
	s := testStore(t)
	r := create(t, s, testMeta())
	local := testTime.Local()
	want := filepath.Join(s.home, "sessions", local.Format("2006"), local.Format("01"), local.Format("02"),
		"rollout-"+local.Format("2006-01-02T15-04-05")+"-"+testID+".jsonl")
	if r.Path() != want {
		t.Errorf("path %s, want %s", r.Path(), want)
	}
}

func TestWrittenIsReadBack(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		t.Run(mode, func(t *testing.T) {
			s := testStore(t)
			m := testMeta()
			m.HistoryMode = mode
			m.Extra = []Member{{"future", json.RawMessage(`{"a":[1]}`)}}
			m.Git = &Git{"abc", "main", "https://example.com/r"}
			r := create(t, s, m)
			ok(t, r.Materialize(turnRecords(t, testID, "t1", "first \"question\"", "an <answer> & more")...))
			command := item(t, `{"type":"commandExecution","id":"c1","command":"/bin/bash -lc \"echo it's\"","cwd":"/w/a b","processId":"7",
				"source":"unifiedExecStartup","status":"failed","commandActions":[{"type":"listFiles","command":"ls","path":null}],"aggregatedOutput":"x\n","exitCode":2,"durationMs":1503}`)
			ok(t, r.Append(TaskStarted(TurnStart{TurnID: "t2"})))
			ok(t, r.Append(userRecords(t, testID, "t2", "second")...))
			ok(t, r.Append(ItemCompleted(testID, "t2", command, 5, 6)))
			ok(t, r.Append(TaskComplete(TurnEnd{TurnID: "t2", Error: json.RawMessage(`{"message":"no","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401}},"additionalDetails":null}`)})))
			ok(t, r.Append(TaskStarted(TurnStart{TurnID: "t3"})))
			ok(t, r.Close())

			h, err := s.Read(testID)
			ok(t, err)
			if h.Warnings.Skipped != 0 || len(h.Items) != 3 || len(h.UserMessages) != 2 || h.Preview != `first "question"` || h.Model != "mock-model" {
				t.Errorf("history %+v", h)
			}
			if h.Tokens == nil || h.Tokens.Total.Total != 120 || h.Tokens.ContextWindow != 258400 {
				t.Errorf("tokens %+v", h.Tokens)
			}
			if h.Meta.Git == nil || *h.Meta.Git != *m.Git || h.Meta.Timestamp != testTime || len(h.Meta.Extra) != 1 || string(h.Meta.Instructions) != `{"text":"be good"}` {
				t.Errorf("meta %+v", h.Meta)
			}
			if !h.State.MidTurn || h.State.ActiveID != "t3" {
				t.Errorf("state %+v", h.State)
			}
			turns, err := h.Turns()
			ok(t, err)
			if len(turns) != 3 || turns[0].Status != "completed" || turns[1].Status != "failed" || turns[2].Status != "interrupted" {
				t.Fatalf("turns %+v", turns)
			}
			if e := turns[1].Error; e == nil || e.Message != "no" || !strings.Contains(indent(encodeTurns(t, turns)), `"httpConnectionFailed"`) {
				t.Errorf("error %+v", e)
			}
			got, err := protocol.Append(nil, turns[1].Items[1])
			ok(t, err)
			want, err := protocol.Append(nil, command)
			ok(t, err)
			var g, w map[string]any
			ok(t, json.Unmarshal(got, &g))
			ok(t, json.Unmarshal(want, &w))
			delete(g, "startedAtMs")
			delete(g, "completedAtMs")
			if indent(withoutNulls(g)) != indent(withoutNulls(w)) {
				t.Errorf("command came back as\n%s\nwant\n%s", indent(g), indent(w))
			}
		})
	}
}

func TestOpenContinues(t *testing.T) {
	s := testStore(t)
	r := create(t, s, testMeta())
	ok(t, r.Materialize(turnRecords(t, testID, "t1", "q", "a")...))
	ok(t, r.Close())
	again, h, err := s.Open(testID)
	ok(t, err)
	defer again.Close()
	if h.State.MidTurn || h.End != again.Position() {
		t.Errorf("end %+v, position %+v, state %+v", h.End, again.Position(), h.State)
	}
	ok(t, again.Append(turnRecords(t, testID, "t2", "q2", "a2")...))
	for i, line := range lines(t, again.Path()) {
		if rec, okay := parsePrefix([]byte(line)); !okay || rec.ordinal != uint64(i) {
			t.Errorf("line %d: %s", i, line)
		}
	}
}

func TestOneWriter(t *testing.T) {
	s := testStore(t)
	r := create(t, s, testMeta())
	ok(t, r.Materialize(turnRecords(t, testID, "t1", "q", "a")...))
	_, _, err := s.Open(testID)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Owner == nil || locked.Owner.PID != os.Getpid() || locked.Owner.Client != "codexhost" {
		t.Fatalf("second writer got %v", err)
	}
	if o := s.Owner(testID); o == nil || o.PID != os.Getpid() {
		t.Errorf("owner %+v", o)
	}
	if _, err := s.Read(testID); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	ok(t, r.Close())
	ok(t, r.Close())
	if o := s.Owner(testID); o != nil {
		t.Errorf("owner after close: %+v", o)
	}
	if _, err := os.Stat(s.lockPath(testID)); !os.IsNotExist(err) {
		t.Errorf("lock file stayed: %v", err)
	}
	if err := r.Append(ResponseItem(json.RawMessage(`{}`))); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	again, _, err := s.Open(testID)
	ok(t, err)
	ok(t, again.Close())
}

func TestASignatureOfTheDeadIsNotBelieved(t *testing.T) {
	s := testStore(t)
	path := s.lockPath(testID)
	ok(t, makePrivate(filepath.Dir(path)))
	host, _ := os.Hostname()
	b, _ := json.Marshal(Owner{PID: os.Getpid(), StartTime: 1, Client: "other", Host: host}) // our number, another start
	ok(t, os.WriteFile(path, b, 0o600))
	if o, dead := readOwner(path); o != nil && processStart(os.Getpid()) != 0 {
		t.Errorf("believed %+v, dead %t", o, dead)
	}
}

// A killed process leaves its lock for a moment to what it was about to start.
func TestALockOfTheDeadIsWaitedFor(t *testing.T) {
	if processStart(os.Getpid()) == 0 {
		t.Skip("this system does not say when a process started")
	}
	s := testStore(t)
	path := s.lockPath(testID)
	ok(t, makePrivate(filepath.Dir(path)))
	host, _ := os.Hostname()
	b, _ := json.Marshal(Owner{PID: os.Getpid(), StartTime: 1, Client: "other", Host: host})
	ok(t, os.WriteFile(path, b, 0o600))
	copied, err := os.OpenFile(path, os.O_RDWR, 0)
	ok(t, err)
	ok(t, tryLock(copied))
	time.AfterFunc(20*time.Millisecond, func() { _ = copied.Close() })
	lock, err := s.lockWriter(testID)
	ok(t, err)
	lock.release()
}

// fullDisk takes only so many bytes, and then parts of writes, as a full file system does.
type fullDisk struct {
	file     *os.File
	room     int
	noCut    bool // nor does it truncate
	attempts int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	d.attempts++
	n := min(len(b), d.room)
	d.room -= n
	if n, err := d.file.Write(b[:n]); err != nil || n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *fullDisk) Truncate(size int64) error {
	if d.noCut {
		return syscall.EIO
	}
	return d.file.Truncate(size)
}

func (d *fullDisk) Close() error { return d.file.Close() }

func TestFullDiskLosesAndTearsNothing(t *testing.T) {
	var want []byte
	for room := -1; room < 400; room += 13 {
		s := testStore(t)
		r := create(t, s, testMeta())
		ok(t, r.Materialize())
		disk := &fullDisk{file: r.file.(*os.File), room: room}
		if room < 0 {
			disk.room = 1 << 20
		}
		disk.noCut = room%2 == 0
		r.file = disk
		recs := turnRecords(t, testID, "t1", "question", "answer")
		var failed bool
		for _, rec := range recs {
			if err := r.Append(rec); err != nil {
				failed = true
				if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) {
					t.Fatal(err)
				}
				if !disk.noCut {
					lines(t, r.Path()) // never a torn line to be seen
				}
			}
		}
		if failed == (room < 0) || failed != (r.Pending() > 0) {
			t.Fatalf("room %d: failed %v, pending %d", room, failed, r.Pending())
		}
		disk.room, disk.noCut = 1<<20, false
		ok(t, r.Append(ThreadRolledBack(0)))
		b, err := os.ReadFile(r.Path())
		ok(t, err)
		if room < 0 {
			want = b
		} else if !bytes.Equal(b, want) {
			t.Fatalf("room %d: file is\n%s\nwant\n%s", room, b, want)
		}
		ok(t, r.Close())
	}
}

// TestLargeRecordsAreWrittenAsTheyCome: each goes out before the next takes memory, and a disk that fills between two of
// them costs neither.
func TestLargeRecordsAreWrittenAsTheyCome(t *testing.T) {
	text := strings.Repeat("x", largeWrite)
	for _, room := range []int{1 << 30, 100, largeWrite + 2000, 2*largeWrite + 800} {
		s := testStore(t)
		r := create(t, s, testMeta())
		ok(t, r.Materialize())
		disk := &fullDisk{file: r.file.(*os.File), room: room}
		r.file = disk
		recs := append(agentRecords(t, testID, "t1", text), userRecords(t, testID, "t2", "small")...)
		if err := r.Append(recs...); (err != nil) != (room < 1<<30) {
			t.Fatalf("room %d: %v", room, err)
		}
		if room == 1<<30 && disk.attempts != 3 {
			t.Errorf("%d writes, want one for each large line and one for the small ones", disk.attempts)
		}
		disk.room = 1 << 30
		ok(t, r.Append(TaskComplete(TurnEnd{TurnID: "t1", LastAgentMessage: &text})))
		got := lines(t, r.Path())[1:]
		if len(got) != 5 || r.Pending() != 0 {
			t.Fatalf("room %d: %d lines, %d bytes pending", room, len(got), r.Pending())
		}
		for i, line := range got {
			if !strings.Contains(line, fmt.Sprintf(`"ordinal":%d,`, i+1)) || (i < 2) != strings.Contains(line, text) {
				t.Errorf("room %d: line %d is %.100s of %d bytes", room, i, line, len(line))
			}
		}
		ok(t, r.Close())
	}
}

func TestFailedCreationIsTriedAgain(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("running as root: the folder is made unusable by a file in its place")
	}
	s := testStore(t)
	r := create(t, s, testMeta())
	blocker := filepath.Join(s.home, "sessions")
	ok(t, os.WriteFile(blocker, nil, 0o600))
	if err := r.Materialize(turnRecords(t, testID, "t1", "q", "a")...); err == nil {
		t.Fatal("no error")
	}
	ok(t, os.Remove(blocker))
	ok(t, r.Flush())
	h, err := s.Read(testID)
	ok(t, err)
	if len(h.UserMessages) != 1 || h.Meta.ID != testID {
		t.Errorf("history %+v", h)
	}
}
