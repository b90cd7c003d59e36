package main

import (
	"context"
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

// These tests have the real codex and this host share a home, one after the other.

// talk is a session with a host, ours or the other.
type talk struct {
	t    *testing.T
	host *demoHost
	ctx  context.Context
	told []*demoMessage // since the last call
	all  []*demoMessage // since the beginning
}

func startTalk(t *testing.T, exe, home string) *talk {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CODEX_HOME=" + home, "TMPDIR=" + t.TempDir(), "GORACE=" + os.Getenv("GORACE")}
	h, err := startDemoHost(exe, home, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(func() { h.kill(); cancel() })
	c := &talk{t: t, host: h, ctx: ctx}
	c.call("initialize", `{"clientInfo":{"name":"interop","title":"I","version":"1"},"capabilities":{"experimentalApi":true}}`, nil)
	return c
}

// call makes a request and reads its result into to.
func (c *talk) call(method, params string, to any) {
	c.t.Helper()
	c.host.calls++
	id := fmt.Sprint(c.host.calls)
	if err := c.host.send(fmt.Sprintf(`{"id":%s,"method":%q,"params":%s}`, id, method, params)); err != nil {
		c.t.Fatal(err)
	}
	c.told = nil
	m := c.until(method, func(m *demoMessage) bool { return m.Method == "" && string(m.ID) == id })
	if m.Error != nil {
		c.t.Fatalf("%s %s: %s", method, params, m.Error.Message)
	}
	if to != nil {
		if err := json.Unmarshal(m.Result, to); err != nil {
			c.t.Fatalf("%s: %v in %s", method, err, m.Result)
		}
	}
}

func (c *talk) until(what string, want func(*demoMessage) bool) *demoMessage {
	c.t.Helper()
	for {
		m, err := c.host.receive(c.ctx)
		if err != nil {
			c.t.Fatalf("waiting for %s: %v\n%s", what, err, c.host.stderr.String())
		}
		c.all = append(c.all, m)
		if want(m) {
			return m
		}
		c.told = append(c.told, m)
	}
}

// turn runs a turn to its end.
func (c *talk) turn(thread, text string) {
	c.t.Helper()
	c.call("turn/start", fmt.Sprintf(`{"threadId":%q,"input":[{"type":"text","text":%q}]}`, thread, text), nil)
	m := c.until("turn/completed", func(m *demoMessage) bool { return m.Method == "turn/completed" })
	if !strings.Contains(string(m.Params), `"status":"completed"`) {
		c.t.Fatalf("the turn ended as %s", m.Params)
	}
}

func (c *talk) end() {
	c.t.Helper()
	if code, err := c.host.end(c.ctx); code != 0 || err != nil {
		c.t.Errorf("exit status %d, %v\n%s", code, err, c.host.stderr.String())
	}
}

// readThread is a thread as both hosts show it.
type readThread struct {
	Thread struct {
		ID, Preview, ModelProvider string
		ForkedFromID               *string
		Turns                      []struct {
			ID, Status string
			Items      []struct {
				Type, ID, Text string
				Content        []struct{ Text string }
			}
		}
	}
}

// said is what a thread shows of its conversation, with the ids of its turns and
// items.
func (r readThread) said() string {
	var b strings.Builder
	for _, turn := range r.Thread.Turns {
		fmt.Fprintf(&b, "%s %s\n", turn.ID, turn.Status)
		for _, i := range turn.Items {
			text := i.Text
			for _, c := range i.Content {
				text += c.Text
			}
			fmt.Fprintf(&b, "  %s %s %q\n", i.Type, i.ID, text)
		}
	}
	return b.String()
}

// mockModel answers every request with a message that counts, and hands over
// what it was sent.
func mockModel(t *testing.T) (url string, requests chan string) {
	requests = make(chan string, 100)
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.HasSuffix(r.URL.Path, "/responses") {
			http.NotFound(w, r)
			return
		}
		requests <- string(body)
		n++
		w.Header().Set("Content-Type", "text/event-stream")
		item := fmt.Sprintf(`{"type":"message","id":"msg_%d","role":"assistant","content":[{"type":"output_text","text":"answer %d"}]}`, n, n)
		for _, event := range []string{
			fmt.Sprintf(`{"type":"response.created","response":{"id":"resp_%d"}}`, n),
			fmt.Sprintf(`{"type":"response.output_item.done","output_index":0,"item":%s}`, item),
			fmt.Sprintf(`{"type":"response.completed","response":{"id":"resp_%d","usage":{"input_tokens":5,"input_tokens_details":null,"output_tokens":2,"output_tokens_details":null,"total_tokens":7}}}`, n),
		} {
			fmt.Fprintf(w, "event: x\ndata: %s\n\n", event)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

// sharedHome is a home whose configuration both can use.
func sharedHome(t *testing.T, url string) string {
	home := t.TempDir()
	config := "model = \"mock-model\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n" +
		"[model_providers.mock]\nname = \"Mock\"\nbase_url = \"" + url + "/v1\"\nwire_api = \"responses\"\n" +
		"request_max_retries = 0\nstream_max_retries = 0\nsupports_websockets = false\n[analytics]\nenabled = false\n"
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// A thread that one of the two began is listed, read, resumed, gone on with and
// forked by the other, and then again by the first.
func TestSharedHome(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ours, err := exec.LookPath("codexhost") // the test binary by that name
	if err != nil {
		t.Fatal(err)
	}
	theirs := codextest.Binary(t)
	for _, c := range []struct{ name, first, second string }{
		{"begun here, resumed there", ours, theirs},
		{"begun there, resumed here", theirs, ours},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, requests := mockModel(t)
			home := sharedHome(t, url)

			a := startTalk(t, c.first, home)
			var started readThread
			a.call("thread/start", `{}`, &started)
			id := started.Thread.ID
			a.turn(id, "first question")
			a.turn(id, "second question")
			var before readThread
			a.call("thread/read", fmt.Sprintf(`{"threadId":%q,"includeTurns":true}`, id), &before)
			a.end()
			<-requests
			<-requests

			b := startTalk(t, c.second, home)
			var list struct {
				Data []struct{ ID, Preview string }
			}
			b.call("thread/list", `{}`, &list)
			if len(list.Data) != 1 || list.Data[0].ID != id || list.Data[0].Preview != "first question" {
				t.Errorf("listed as %+v", list.Data)
			}
			var read readThread
			b.resumeAndRead(id, &read)
			if read.said() != before.said() || len(read.Thread.Turns) != 2 {
				t.Errorf("one shows\n%sthe other\n%s", before.said(), read.said())
			}
			b.turn(id, "third question")
			carried(t, <-requests, "first question", "answer 1", "second question", "answer 2", "third question")
			var forked readThread
			b.call("thread/fork", fmt.Sprintf(`{"threadId":%q,"lastTurnId":%q}`, id, before.Thread.Turns[0].ID), &forked)
			b.turn(forked.Thread.ID, "another question")
			carried(t, <-requests, "first question", "answer 1", "another question")
			b.end()

			again := startTalk(t, c.first, home)
			again.resumeAndRead(id, &read)
			if !strings.HasPrefix(read.said(), before.said()) || len(read.Thread.Turns) != 3 {
				t.Errorf("after the other went on it shows\n%s", read.said())
			}
			again.turn(id, "fourth question")
			carried(t, <-requests, "first question", "answer 2", "third question", "fourth question")
			again.resumeAndRead(forked.Thread.ID, &read)
			if n := len(read.Thread.Turns); n == 0 || !strings.Contains(read.said(), "another question") || read.Thread.ForkedFromID == nil || *read.Thread.ForkedFromID != id {
				t.Errorf("the other's fork is\n%s", read.said())
			}
			again.end()
		})
	}
}

// resumeAndRead loads a thread before it reads it: codex shows the turns of a
// thread that another has written only once it has loaded it.
func (c *talk) resumeAndRead(id string, to *readThread) {
	c.t.Helper()
	c.call("thread/resume", fmt.Sprintf(`{"threadId":%q,"excludeTurns":true}`, id), nil)
	*to = readThread{}
	c.call("thread/read", fmt.Sprintf(`{"threadId":%q,"includeTurns":true}`, id), to)
}

// carried checks that a request to the model holds some texts, each once and in order.
func carried(t *testing.T, request string, texts ...string) {
	t.Helper()
	at := 0
	for _, text := range texts {
		quoted := `"` + text + `"`
		if strings.Count(request, quoted) != 1 {
			t.Errorf("%s is %d times in the request", quoted, strings.Count(request, quoted))
		}
		i := strings.Index(request, quoted)
		if i < at {
			t.Errorf("%s is not where it should be in the request", quoted)
		}
		at = max(at, i)
	}
}

// A thread that the one has open is refused by the other.
func TestOneWriter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ours, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	theirs := codextest.Binary(t)
	for _, c := range []struct{ name, first, second string }{{"open here", ours, theirs}, {"open there", theirs, ours}} {
		t.Run(c.name, func(t *testing.T) {
			url, _ := mockModel(t)
			home := sharedHome(t, url)
			a := startTalk(t, c.first, home)
			var started readThread
			a.call("thread/start", `{}`, &started)
			a.turn(started.Thread.ID, "mine")
			b := startTalk(t, c.second, home)
			if err := b.host.send(fmt.Sprintf(`{"id":"r","method":"thread/resume","params":{"threadId":%q}}`, started.Thread.ID)); err != nil {
				t.Fatal(err)
			}
			m := b.until("the answer", func(m *demoMessage) bool { return string(m.ID) == `"r"` })
			if m.Error == nil || !strings.Contains(m.Error.Message, "active writer") {
				t.Errorf("resuming what another has open: %s %+v", m.Result, m.Error)
			}
			b.call("thread/read", fmt.Sprintf(`{"threadId":%q,"includeTurns":true}`, started.Thread.ID), nil)
			a.end()
			b.call("thread/resume", fmt.Sprintf(`{"threadId":%q}`, started.Thread.ID), nil)
			b.end()
		})
	}
}
