package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A shell writes its requests and is gone: each of them must be served, and the
// turn finished, though the input has ended before the first was looked at.
func TestPipe(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	exe, home := buildInto(t, t.TempDir(), "cmd/codexhost"), t.TempDir()
	const hello = `{"id":1,"method":"initialize","params":{"clientInfo":{"name":"pipe","version":"1"}}}` + "\n"
	const turn = `{"id":%d,"method":"turn/start","params":{"threadId":%q,"input":[{"type":"text","text":"say:%s"}]}}` + "\n"

	// A thread to go on with. Its first turn comes through the drain, too.
	h, err := startDemoHost(exe, home, append(os.Environ(), "CODEX_HOME="+home, "HOME="+home, "OPENAI_API_KEY="))
	if err != nil {
		t.Fatal(err)
	}
	defer h.kill()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := h.send(hello + `{"id":2,"method":"thread/start","params":{}}`); err != nil {
		t.Fatal(err)
	}
	id := ""
	for id == "" {
		m, err := h.receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var started struct {
			Thread struct {
				ID string `json:"id"`
			} `json:"thread"`
		}
		if string(m.ID) == "2" && json.Unmarshal(m.Result, &started) == nil {
			id = started.Thread.ID
		}
	}
	if err := h.send(strings.TrimSpace(fmt.Sprintf(turn, 3, id, "first"))); err != nil {
		t.Fatal(err)
	}
	if code, err := h.end(ctx); code != 0 || err != nil {
		t.Fatalf("status %d, %v", code, err)
	}

	for i := range 5 { // who comes first, the end of input or the handler, is chance
		said := fmt.Sprintf("again %d", i)
		cmd := exec.CommandContext(ctx, exe)
		cmd.Env = append(os.Environ(), "CODEX_HOME="+home, "HOME="+home, "OPENAI_API_KEY=")
		cmd.Stdin = strings.NewReader(hello + `{"id":2,"method":"thread/resume","params":{"threadId":"` + id + `"}}` + "\n" + fmt.Sprintf(turn, 3, id, said))
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		for _, want := range []string{`"method":"turn/completed"`, `"text":"` + said + `"`} {
			if !strings.Contains(out.String(), want) {
				t.Fatalf("nothing says %s:\n%s%s", want, out.String(), errs.String())
			}
		}
		if strings.Contains(out.String(), `"error":{"code"`) {
			t.Fatalf("a request failed:\n%s", out.String())
		}
	}
}

// A client that closes its end of the output ends the host in good order.
func TestClosedOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	exe, home := buildInto(t, t.TempDir(), "cmd/codexhost"), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), "CODEX_HOME="+home, "HOME="+home, "OPENAI_API_KEY=")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte(`{"id":1,"method":"initialize","params":{"clientInfo":{"name":"pipe","version":"1"}}}` + "\n")); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status is looked at below
	if !cmd.ProcessState.Exited() {
		t.Errorf("the host ended by %s", cmd.ProcessState)
	}
}
