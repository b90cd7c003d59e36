//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// victim is a host that is going to be killed.
type victim struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	next int
	told map[string]string // turn id: answer, of the turns that were announced as completed
}

func startVictim(t *testing.T, home string) *victim {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, cmd: exec.Command(exe, "app-server"), told: map[string]string{}}
	v.cmd.Args[0] = "codexhost" // the test binary is the host under this name
	v.cmd.Env = append(os.Environ(), "CODEX_HOME="+home, "OPENAI_API_KEY=")
	if v.in, err = v.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.out = bufio.NewScanner(stdout)
	v.out.Buffer(nil, 64<<20)
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.call("initialize", map[string]any{"clientInfo": map[string]any{"name": "crash", "version": "1"}, "capabilities": map[string]any{"experimentalApi": true}})
	return v
}

// send writes a request and returns its id.
func (v *victim) send(method string, params any) int {
	v.t.Helper()
	v.next++
	b, err := json.Marshal(map[string]any{"id": v.next, "method": method, "params": params})
	if err != nil {
		v.t.Fatal(err)
	}
	_, _ = v.in.Write(append(b, '\n')) // the host may be dead already
	return v.next
}

type said struct {
	ID     int
	Method string
	Result json.RawMessage
	Error  json.RawMessage
	Params struct {
		Turn struct {
			ID, Status string
			Items      []struct{ Text string }
		}
	}
}

// read reads a message; false when the host is gone. It notes what was announced.
func (v *victim) read() (m said, ok bool) {
	if !v.out.Scan() {
		return m, false
	}
	if err := json.Unmarshal(v.out.Bytes(), &m); err != nil {
		return m, false // cut off by the kill
	}
	if turn := m.Params.Turn; m.Method == "turn/completed" && turn.Status == "completed" {
		v.told[turn.ID] = turn.Items[0].Text
	}
	return m, true
}

func (v *victim) call(method string, params any) json.RawMessage {
	v.t.Helper()
	id := v.send(method, params)
	for {
		m, ok := v.read()
		switch {
		case !ok:
			v.t.Fatalf("%s: the host is gone", method)
		case m.ID == id && m.Error != nil:
			v.t.Fatalf("%s: %s", method, m.Error)
		case m.ID == id && m.Method == "":
			return m.Result
		}
	}
}

// The host is killed at random moments, again and again, over 200 turns and more.
// What was announced as completed is there afterwards, unchanged; no record is
// broken and no ordinal is used twice.
func TestKilledHostsLoseNothingThatWasTold(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for seconds")
	}
	home := t.TempDir()
	config := "model_provider = \"offline\"\n[codexhost]\nfsync = \"off\"\n" // the kernel survives the kill
	if err := os.WriteFile(filepath.Join(home, "config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var thread string
	told := map[string]string{}
	asked, kills := 0, 0
	for len(told) < 200 || kills < 20 {
		if kills++; kills > 100 {
			t.Fatalf("only %d turns in %d lives", len(told), kills)
		}
		v := startVictim(t, home)
		if thread == "" {
			var started struct{ Thread struct{ ID string } }
			if err := json.Unmarshal(v.call("thread/start", map[string]any{"cwd": home}), &started); err != nil {
				t.Fatal(err)
			}
			thread = started.Thread.ID
		} else {
			v.call("thread/resume", map[string]any{"threadId": thread, "excludeTurns": true})
		}
		// So many turns, however slow the machine is, and then at any moment of the next ones.
		last := rand.IntN(20)
		until := time.AfterFunc(time.Hour, func() { _ = v.cmd.Process.Kill() })
		for alive := true; alive; {
			if len(v.told) == last {
				until.Reset(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			}
			asked++
			v.send("turn/start", map[string]any{"threadId": thread, "input": []any{map[string]any{"type": "text", "text": fmt.Sprintf("say:answer %d %s", asked, strings.Repeat("x", rand.IntN(2000)))}}})
			for n := len(v.told); alive && len(v.told) == n; {
				_, alive = v.read()
			}
		}
		until.Stop()
		_ = v.cmd.Wait()
		for id, text := range v.told {
			told[id] = text
		}
	}
	checkTold(t, home, thread, told)
	t.Logf("%d turns told, %d asked, %d kills", len(told), asked, kills)
}

func checkTold(t *testing.T, home, thread string, told map[string]string) {
	t.Helper()
	t.Setenv("CODEX_HOME", home)
	s, err := stored()
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Check(thread, nil, nil)
	if err != nil || !c.Sound() {
		t.Errorf("the file afterwards: %+v, %v", c, err)
	}
	script, err := transcriptOf(thread)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, turn := range script.Turns {
		for _, e := range turn.Entries {
			if e.Kind == "agent" {
				found[turn.ID] = e.Text
			}
		}
	}
	for id, text := range told {
		if found[id] != text {
			t.Errorf("turn %s was told as %.40q and is %.40q", id, text, found[id])
		}
	}
}
