package rollout

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codexhost/codexhost/rollout/codextest"
)

// These tests ask the real codex to list, read and resume what this package writes.

// codex is a running app-server that is spoken to one call at a time.
type codex struct {
	t     *testing.T
	model chan []byte // bodies of the requests to its model
	in    io.WriteCloser
	out   *bufio.Reader
	next  int
}

func startCodex(t *testing.T, home string) *codex {
	t.Helper()
	if testing.Short() {
		t.Skip("interop is not tested with -short")
	}
	url, bodies := scriptedModel(t)
	config := "model = \"mock-model\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n" +
		"[model_providers.mock]\nname = \"Mock\"\nbase_url = \"" + url + "/v1\"\nwire_api = \"responses\"\n" +
		"request_max_retries = 0\nstream_max_retries = 0\nsupports_websockets = false\n[analytics]\nenabled = false\n"
	ok(t, os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600))
	cmd := exec.Command(codextest.Binary(t), "app-server")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CODEX_HOME=" + home, "TMPDIR=" + t.TempDir()}
	cmd.Dir = home
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	guard := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	c := &codex{t: t, model: bodies, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		guard.Stop()
	})
	c.call("initialize", `{"clientInfo":{"name":"interop","title":"I","version":"1"},"capabilities":{"experimentalApi":true}}`)
	return c
}

// call returns the result, or nil and the error's message.
func (c *codex) try(method, params string) (result map[string]any, failure string) {
	c.t.Helper()
	c.next++
	if _, err := fmt.Fprintf(c.in, `{"id":%d,"method":%q,"params":%s}`+"\n", c.next, method, params); err != nil {
		c.t.Fatal(err)
	}
	for {
		line, err := c.out.ReadBytes('\n')
		if err != nil {
			c.t.Fatalf("codex ended during %s: %v", method, err)
		}
		var m struct {
			ID     any
			Method string
			Result map[string]any
			Error  *struct{ Message string }
		}
		ok(c.t, json.Unmarshal(line, &m))
		if m.Method != "" || m.ID != float64(c.next) {
			continue
		}
		if m.Error != nil {
			return nil, m.Error.Message
		}
		return m.Result, ""
	}
}

func (c *codex) call(method, params string) map[string]any {
	c.t.Helper()
	result, failure := c.try(method, params)
	if failure != "" {
		c.t.Fatalf("%s: %s", method, failure)
	}
	return result
}

// at walks into decoded JSON.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestCodexListsReadsAndResumesOurThreads(t *testing.T) {
	for _, mode := range []string{ModePaginated, ModeLegacy} {
		t.Run(mode, func(t *testing.T) {
			codextest.Binary(t)
			s := NewStore(t.TempDir(), Options{})
			m := testMeta()
			m.HistoryMode, m.Cwd = mode, s.home
			r := create(t, s, m)
			ok(t, r.Materialize(turnRecords(t, testID, "01a1f8e4-b1a2-76d3-8902-4586b221f3a5", "first question", "first answer")...))
			turn := "01a1f8e4-b222-79b3-a0eb-176ec7d96d8e"
			ok(t, r.Append(TaskStarted(TurnStart{TurnID: turn, StartedAt: 1795177101})))
			ok(t, r.Append(userRecords(t, testID, turn, "second question")...))
			for _, wire := range []string{
				`{"type":"commandExecution","id":"c1","command":"/bin/bash -lc 'echo hi'","cwd":"/w","processId":"7","source":"unifiedExecStartup","status":"completed","commandActions":[{"type":"unknown","command":"echo hi"}],"aggregatedOutput":"hi\n","exitCode":0,"durationMs":12}`,
				`{"type":"fileChange","id":"c2","changes":[{"path":"/w/a","kind":{"type":"update","move_path":"/w/b"},"diff":"@@ -1 +1 @@\n-x\n+y\n\n\nMoved to: /w/b"},{"path":"/w/n","kind":{"type":"add"},"diff":"new\n"}],"status":"completed"}`,
				`{"type":"mcpToolCall","id":"c3","server":"s","tool":"t","arguments":{"a":1},"status":"completed","readOnlyHint":true,"result":{"content":[{"type":"text","text":"x"}],"structuredContent":{"k":1},"_meta":null},"durationMs":3}`,
				`{"type":"reasoning","id":"r1","summary":["why"],"content":[]}`,
				`{"type":"webSearch","id":"c4","query":"q","action":{"type":"search","query":"q","queries":null}}`,
				`{"type":"dynamicToolCall","id":"c5","tool":"look","arguments":{},"status":"completed","contentItems":[{"type":"inputText","text":"seen"}],"success":true,"durationMs":1}`,
				`{"type":"plan","id":"p1","text":"do it"}`,
				`{"type":"enteredReviewMode","id":"e1","review":"look at it"}`,
				`{"type":"exitedReviewMode","id":"e2","review":"all is well"}`,
				`{"type":"contextCompaction","id":"k1"}`,
			} {
				ok(t, r.Append(ItemCompleted(testID, turn, item(t, wire), 1795177101000, 1795177101005)))
			}
			ok(t, r.Append(agentRecords(t, testID, turn, "second answer")...))
			ok(t, r.Append(HostEvent("approval", json.RawMessage(`{"decision":"accept"}`))))
			ok(t, r.Append(TaskComplete(TurnEnd{TurnID: turn, Error: json.RawMessage(`{"message":"broke","codexErrorInfo":{"httpConnectionFailed":{"httpStatusCode":401}}}`), StartedAt: 1795177101, CompletedAt: 1795177102})))
			ok(t, r.Close())
			ok(t, s.SetName(testID, "a name"))

			c := startCodex(t, s.home)
			list := c.call("thread/list", `{"modelProviders":[]}`)
			if at(list, "data", 0, "id") != testID || at(list, "data", 0, "preview") != "first question" {
				t.Errorf("listed as %v", indent(at(list, "data", 0)))
			}
			// Names of paginated threads codex takes from its own index only, most of the time.
			name := at(c.call("thread/read", `{"threadId":"`+testID+`"}`), "thread", "name")
			if mode == ModeLegacy && name != "a name" {
				t.Errorf("named %v", name)
			}
			resumed := c.call("thread/resume", `{"threadId":"`+testID+`"}`)
			h, err := s.Read(testID)
			ok(t, err)
			turns, err := h.Turns()
			ok(t, err)
			sameTurns(t, mode, at(resumed, "thread", "turns"), encodeTurns(t, turns))
			if _, _, err := s.Open(testID); err == nil || !strings.Contains(err.Error(), "already has an active writer") {
				t.Errorf("opened beside codex: %v", err)
			}
		})
	}
}

// sameTurns compares what codex makes of a file with what we make of it. In legacy files it passes over items
// that we show.
func sameTurns(t *testing.T, mode string, codex any, ours []any) {
	t.Helper()
	theirs, _ := codex.([]any)
	if len(theirs) != len(ours) {
		t.Fatalf("codex sees %d turns, we see %d", len(theirs), len(ours))
	}
	for i := range ours {
		if mode == ModeLegacy {
			for _, side := range []any{theirs[i], ours[i]} {
				var kept []any
				for _, it := range at(side, "items").([]any) {
					m := it.(map[string]any)
					delete(m, "id") // numbered by what is shown before
					if k := m["type"]; k != "commandExecution" && k != "dynamicToolCall" {
						kept = append(kept, m)
					}
				}
				side.(map[string]any)["items"] = kept
			}
		}
		if g, w := indent(withoutNulls(ours[i])), indent(withoutNulls(theirs[i])); g != w {
			t.Errorf("turn %d: we see\n%s\ncodex sees\n%s", i, g, w)
		}
	}
}

func TestCodexIsLockedOutByUs(t *testing.T) {
	codextest.Binary(t)
	s := NewStore(t.TempDir(), Options{})
	r := create(t, s, testMeta())
	ok(t, r.Materialize(turnRecords(t, testID, "01a1f8e4-b1a2-76d3-8902-4586b221f3a5", "q", "a")...))
	c := startCodex(t, s.home)
	if _, failure := c.try("thread/resume", `{"threadId":"`+testID+`"}`); !strings.Contains(failure, "already has an active writer") {
		t.Errorf("codex resumed: %q", failure)
	}
	ok(t, r.Close())
	c.call("thread/resume", `{"threadId":"`+testID+`"}`)
}

func TestCodexFollowsOurForksAndReverts(t *testing.T) {
	codextest.Binary(t)
	s := NewStore(t.TempDir(), Options{})
	r, turns := thread(t, s, ModePaginated, "p0", "p1", "p2")
	h := read(t, s, r.ID())
	cut, err := h.CutAfterTurn(turns[1])
	ok(t, err)
	f, err := s.Fork(forkMeta(t), h, cut)
	ok(t, err)
	ask(t, f, "f0")
	fh := read(t, s, f.ID())
	ff, err := s.Fork(forkMeta(t), fh, fh.CutAtEnd())
	ok(t, err)
	ok(t, f.Revert(fh.Marks[1].Start))
	ask(t, f, "g0")
	ok(t, r.Append(TaskStarted(TurnStart{TurnID: newID(t), StartedAt: 5})))
	ok(t, r.Append(userRecords(t, r.ID(), "x", "running")...))
	h = read(t, s, r.ID())
	mid, err := s.Fork(forkMeta(t), h, h.CutAtEnd())
	ok(t, err)
	for _, rec := range []*Recorder{r, f, ff, mid} {
		ok(t, rec.Close())
	}
	c := startCodex(t, s.home)
	c.call("thread/list", `{"modelProviders":[]}`)
	// Without the index that codex keeps of its own threads, its clients see only the turns of a fork's own file,
	// of ours as of its own. What counts is what the model gets to see.
	for _, tt := range []struct {
		rec  *Recorder
		want []string
	}{{ff, []string{"p0", "p1", "f0"}}, {f, []string{"p0", "g0"}}, {mid, []string{"p0", "p1", "p2", "running"}}} {
		h := read(t, s, tt.rec.ID())
		same(t, "we read", questions(h), tt.want...)
		c.call("thread/resume", `{"threadId":"`+tt.rec.ID()+`"}`)
		same(t, "codex tells its model", c.turn(tt.rec.ID(), "and now"), append(tt.want, "and now")...)
		c.call("thread/unsubscribe", `{"threadId":"`+tt.rec.ID()+`"}`)
		// What codex wrote on is read here with the rest.
		h = read(t, s, tt.rec.ID())
		same(t, "we read after codex", questions(h), append(tt.want, "and now")...)
		if h.Warnings.Skipped > 0 || h.State.MidTurn {
			t.Errorf("after codex: %+v %+v", h.Warnings, h.State)
		}
	}
}

// turn runs a turn and returns the users' messages that the model was sent.
func (c *codex) turn(thread, text string) []string {
	c.t.Helper()
	c.call("turn/start", `{"threadId":"`+thread+`","input":[{"type":"text","text":"`+text+`"}]}`)
	for {
		line, err := c.out.ReadBytes('\n')
		ok(c.t, err)
		if strings.Contains(string(line), `"method":"turn/completed"`) {
			break
		}
	}
	var body struct{ Input []json.RawMessage }
	ok(c.t, json.Unmarshal(<-c.model, &body))
	return questions(&History{Items: body.Input})
}

// scriptedModel answers every request with one message, and passes the bodies on.
func scriptedModel(t *testing.T) (url string, bodies chan []byte) {
	t.Helper()
	bodies = make(chan []byte, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			_, _ = w.Write([]byte(`{"data":[],"models":[]}`))
			return
		}
		body, _ := io.ReadAll(r.Body)
		bodies <- body
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range []string{`{"type":"response.created","response":{"id":"r"}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","role":"assistant","id":"m","content":[{"type":"output_text","text":"done"}]}}`,
			`{"type":"response.completed","response":{"id":"r","output":[],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}}`} {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", e)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, bodies
}
