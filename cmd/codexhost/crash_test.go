package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Whenever the host is killed, what a client was told is in the thread that the
// next process reads, and the thread goes on.
func TestKilledHostKeepsWhatItTold(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	c := startTalk(t, exe, home)
	var started readThread
	c.call("thread/start", `{}`, &started)
	id := started.Thread.ID
	c.turn(id, "say:begin")
	var told []string // ids of items
	note := func(m *demoMessage) {
		var p struct{ Item struct{ ID string } }
		if m.Method == "item/completed" && json.Unmarshal(m.Params, &p) == nil {
			told = append(told, p.Item.ID)
		}
	}
	for round := range 6 {
		if round > 0 {
			c = startTalk(t, exe, home)
			c.call("thread/resume", fmt.Sprintf(`{"threadId":%q,"excludeTurns":true}`, id), nil)
		}
		after := time.Duration(rand.IntN(60)) * time.Millisecond
		killed := time.AfterFunc(after, func() { _ = c.host.cmd.Process.Kill() })
		for i := 0; ; i++ {
			text := fmt.Sprintf("say:round %d turn %d ;; think:hm ;; call:update_plan {} ;; say:end", round, i)
			if c.host.send(fmt.Sprintf(`{"id":"t%d","method":"turn/start","params":{"threadId":%q,"input":[{"type":"text","text":%q}]}}`, i, id, text)) != nil || !c.hear(note) {
				break
			}
		}
		killed.Stop()
		c.host.kill()
		c = startTalk(t, exe, home)
		var read readThread
		c.call("thread/read", fmt.Sprintf(`{"threadId":%q,"includeTurns":true}`, id), &read)
		said := read.said()
		for _, item := range told {
			if !strings.Contains(said, " "+item+" ") {
				t.Fatalf("killed after %v, round %d: item %s was told and is gone:\n%s", after, round, item, said)
			}
		}
		if strings.Contains(said, "inProgress") {
			t.Errorf("a dead turn runs on:\n%s", said)
		}
		c.end()
	}
	t.Logf("%d items were told", len(told))
}

// hear notes what is told until the turn ends; it is false when the host does.
func (c *talk) hear(note func(*demoMessage)) bool {
	for {
		m, err := c.host.receive(c.ctx)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				c.t.Fatal(err)
			}
			return false
		}
		note(m)
		if m.Method == "turn/completed" {
			return true
		}
	}
}

// A client that frames its messages as language servers do is answered likewise.
func TestContentLength(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process")
	}
	exe, err := exec.LookPath("codexhost")
	if err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, m := range []string{
		`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"framed","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"initialized","params":{}}`,
		`{"jsonrpc":"2.0","id":"é","method":"thread/loaded/list","params":{}}`,
	} {
		fmt.Fprintf(&in, "Content-Length: %d\r\nContent-Type: application/json\r\n\r\n%s", len(m), m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "app-server")
	cmd.Env = append(os.Environ(), "CODEX_HOME="+t.TempDir())
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for len(out) > 0 {
		head, rest, ok := bytes.Cut(out, []byte("\r\n\r\n"))
		var n int
		if _, err := fmt.Sscanf(string(head), "Content-Length: %d", &n); err != nil || !ok || n > len(rest) {
			t.Fatalf("no frame: %q (%v)", out, err)
		}
		var m struct {
			Version string `json:"jsonrpc"`
			ID      any
		}
		if err := json.Unmarshal(rest[:n], &m); err != nil || m.Version != "2.0" {
			t.Fatalf("%v in %s", err, rest[:n])
		}
		if m.ID != nil {
			ids = append(ids, fmt.Sprint(m.ID))
		}
		out = rest[n:]
	}
	if strings.Join(ids, " ") != "0 é" {
		t.Errorf("answered %v", ids)
	}
}
